"""The time that a call takes, less the time that the user takes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio


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
