"""What happens in a run, on its way to the store: bounded, and without secrets."""

import time

import anyio
from pydantic import JsonValue

from amber_mcp.text.redaction import partial_secret_length, remove_partial_secrets, remove_secrets

from .records import Runs
from .run import RunSpec


class EventLog:
    """The text and the progress of a run. What could not be saved is saved with what follows.

    Args:
        max_chars: how much text is saved.
        secrets: what is hidden in it, also where it comes in pieces.
    """

    def __init__(
        self, run_id: str, spec: RunSpec, max_chars: int, secrets: tuple[str, ...]
    ) -> None:
        self._run_id = run_id
        self._started = spec.started
        self._chars_left = max_chars
        self._secrets = secrets
        self._text = ""
        self._at = 0
        self._progress = ""
        self._changed = anyio.Event()

    def add_text(self, text: str) -> None:
        """Add a piece of the answer."""
        text = text[: self._chars_left]
        self._chars_left -= len(text)
        self._text += text
        self._changed.set()

    def set_progress(self, message: str) -> None:
        """Replace what the run is doing just now."""
        self._progress = message
        self._changed.set()

    async def changed(self) -> None:
        """Wait until there is something to save."""
        await self._changed.wait()

    async def save(self, runs: Runs, *, is_last: bool = False) -> None:
        """Save what there is. What may be the beginning of a secret waits for the rest of it.

        Raises:
            AmberError: if the store does not take it.
        """
        self._changed = anyio.Event()
        self._text = remove_secrets(self._text, *self._secrets)
        end = len(self._text) - partial_secret_length(self._text, *self._secrets)
        if is_last:
            self._text = remove_partial_secrets(self._text, *self._secrets)
            end = len(self._text)
        text, progress = self._text[:end], self._progress
        events: list[JsonValue] = []
        if progress:
            events.append({"progress": progress})
        if text:
            after = round(time.time() - self._started, 1)
            events.append({"text": text, "at": self._at, "after": after})
        if not events:
            return
        try:
            await runs.append(self._run_id, *events)
        except BaseException:
            self._changed.set()
            raise
        self._text = self._text[end:]
        self._at += end
        if self._progress == progress:
            self._progress = ""
