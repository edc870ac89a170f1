"""The sandbox: an embedded stand-in for amber's API, built from its documents alone."""

from .app import create_app
from .documents import LeftOut
from .errors import SandboxError
from .serving import Sandbox, running_sandbox

__all__ = ["LeftOut", "Sandbox", "SandboxError", "create_app", "running_sandbox"]
