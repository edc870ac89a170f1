"""The sandbox: an embedded stand-in for amber's API, built from its documents alone."""

from .company import SandboxError
from .documents import LeftOut
from .serving import Sandbox, running_sandbox

__all__ = ["LeftOut", "Sandbox", "SandboxError", "running_sandbox"]
