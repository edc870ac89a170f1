"""One call of a tool, and the time that it may take: less the time that the user takes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from amber_mcp.app import App

from .elicitation import Nobody, User
from .progress import Progress

_SAVING_SECONDS = 2.0
_SAVING_GRACE_SECONDS = 0.3


class CallTimer:
    """Runs from the start of a call, and stands still while the user thinks."""

    def __init__(self) -> None:
        self._started = anyio.current_time()
        self._stopped_for = 0.0
        self._scope = anyio.CancelScope()

    @property
    def elapsed(self) -> float:
        """The seconds that the call has taken so far."""
        return anyio.current_time() - self._started - self._stopped_for

    @contextmanager
    def fail_after(self, seconds: float) -> Iterator[None]:
        """Raise `TimeoutError` when the block has taken `seconds`."""
        with anyio.fail_after(seconds) as self._scope:
            yield

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the block take whatever time it takes."""
        began, deadline = anyio.current_time(), self._scope.deadline
        self._scope.deadline = math.inf
        try:
            yield
        finally:
            waited = anyio.current_time() - began
            self._stopped_for += waited
            self._scope.deadline = deadline + waited


@dataclass(frozen=True)
class Call:
    """One call of a tool: the application, its progress, whether files may be read, its user."""

    app: App
    progress: Progress
    local_files: bool
    user: User = field(default_factory=Nobody)
    timer: CallTimer = field(default_factory=CallTimer)

    @property
    def seconds_left(self) -> float:
        """How long the call may still take, of `AMBER_CALL_TIMEOUT`."""
        return max(0.0, self.app.settings.call_timeout - self.timer.elapsed)

    @property
    def seconds_to_save(self) -> float:
        """How long it may take to save what the call has brought."""
        return min(_SAVING_SECONDS, self.seconds_left + _SAVING_GRACE_SECONDS)
