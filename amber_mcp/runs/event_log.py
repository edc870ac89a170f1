"""What has happened in a run, on its way to the store: bounded, and without secrets."""

import time

import anyio
from pydantic import JsonValue

from amber_mcp.text.redaction import partial_secret_length, remove_partial_secrets, remove_secrets

from .records import Runs, RunSpec


class RunLog:
    """News and text of a run. What could not be told yet is told with what comes next.

    Args:
        max_chars: how much text is told.
        secrets: what is hidden in it, also where it comes in pieces.
    """

    def __init__(
        self, run_id: str, about: RunSpec, max_chars: int, secrets: tuple[str, ...]
    ) -> None:
        self._run_id = run_id
        self._started = about.started
        self._left = max_chars
        self._secrets = secrets
        self._text = ""
        self._at = 0
        self._news = ""
        self._more = anyio.Event()
        self._lock = anyio.Lock()

    def write(self, text: str) -> None:
        """Add a piece of the answer."""
        text = text[: self._left]
        self._left -= len(text)
        self._text += text
        self._more.set()

    def note(self, news: str) -> None:
        """Replace the news."""
        self._news = news
        self._more.set()

    async def wait(self) -> None:
        """Return once there is something to tell."""
        await self._more.wait()

    def nudge(self) -> None:
        """Let `wait` return: what there was to tell is still untold."""
        self._more.set()

    async def tell(self, runs: Runs, *, is_last: bool = False) -> None:
        """Tell what there is; what may be the beginning of a secret waits for the rest of it.

        Raises:
            AmberError: if the store does not take it.
        """
        async with self._lock:
            if items := self._untold(is_last=is_last):
                await runs.tell(self._run_id, *items)
                self._told(items)

    def _untold(self, *, is_last: bool) -> list[JsonValue]:
        self._more = anyio.Event()
        self._text = remove_secrets(self._text, *self._secrets)
        end = len(self._text) - partial_secret_length(self._text, *self._secrets)
        if is_last:
            self._text = remove_partial_secrets(self._text, *self._secrets)
            end = len(self._text)
        news: list[JsonValue] = [{"news": self._news}] if self._news else []
        after = round(time.time() - self._started, 1)
        text: JsonValue = {"text": self._text[:end], "at": self._at, "after": after}
        return [*news, text] if end else news

    def _told(self, items: list[JsonValue]) -> None:
        for item in items:
            match item:
                case {"text": str(text)}:
                    self._text = self._text[len(text) :]
                    self._at += len(text)
                case {"news": str(news)} if news == self._news:
                    self._news = ""
                case _:
                    pass
