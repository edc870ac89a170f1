"""Progress for the host: the latest news, at most once a second, and a heartbeat in silence."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio

_LEAST_SECONDS_BETWEEN = 1.0
_HEARTBEAT_SECONDS = 8.0


class Send(Protocol):
    """How a notification leaves: `progress` grows with each, and there is no known total."""

    def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> Awaitable[None]: ...


class Progress:
    """News of one call. `note` never waits, so that a slow host cannot hold up the answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._message = ""
        self._news = anyio.Event()
        self._started = time.monotonic()

    def note(self, message: str) -> None:
        """Replace the news. What was not sent yet is dropped: only the latest matters."""
        self._message = message
        self._news.set()

    def counting(self, who: str) -> Callable[[str], None]:
        """What is to be called with each piece of an answer, to note how far `who` is."""
        received = 0

        def on_text(piece: str) -> None:
            nonlocal received
            received += len(piece)
            self.note(f"{who} is answering: {received} characters so far")

        return on_text

    async def report(self) -> None:
        """Send the news until cancelled, or until nobody is there to hear it."""
        sent = 0
        silence = _HEARTBEAT_SECONDS
        try:
            while True:
                with anyio.move_on_after(silence):
                    await self._news.wait()
                elapsed = f" ({time.monotonic() - self._started:.0f} s)"
                heartbeat = "" if self._news.is_set() else elapsed
                self._news = anyio.Event()
                sent += 1
                await self._send(sent, None, f"{self._message or 'Waiting for amber'}{heartbeat}")
                await anyio.sleep(_LEAST_SECONDS_BETWEEN)
                silence = _HEARTBEAT_SECONDS - _LEAST_SECONDS_BETWEEN
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return
