"""Why a sandbox cannot start."""


class SandboxError(Exception):
    """The sandbox cannot start, or cannot go on; the message says why."""
