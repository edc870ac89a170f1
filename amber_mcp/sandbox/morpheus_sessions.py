"""Sessions of the Morpheus gateway: one active at a time for a key, each for one model."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """A session: its hexadecimal id, its model, and when it ends."""

    id: str
    model: str
    ends: float


class Sessions:
    """The sessions of the sandbox's one key."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._known: set[str] = set()
        self._active: Session | None = None

    def knows(self, number: str) -> bool:
        """Whether there is or was a session with an id."""
        return number.lower() in self._known

    def open(self, model: str) -> Session:
        """The active session; a new one where there is none, it ended, or its model differs."""
        now, active = self._clock(), self._active
        if active is None or active.model != model or active.ends <= now:
            active = Session(f"0x{secrets.token_hex(32)}", model, now + self._seconds)
            self._known.add(active.id)
            self._active = active
        return active
