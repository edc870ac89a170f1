"""The tasks of this process that wait for a list to grow."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import anyio


class Notifier:
    """An event for each task that waits; a task that leaves leaves nothing."""

    def __init__(self) -> None:
        self._events: dict[Hashable, set[anyio.Event]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._events.values()))

    @contextmanager
    def event(self, key: Hashable) -> Iterator[anyio.Event]:
        """An event that the next `notify` for `key` sets. Look at the list once it is there."""
        event = anyio.Event()
        events = self._events.setdefault(key, set())
        events.add(event)
        try:
            yield event
        finally:
            events.discard(event)
            if not events and self._events.get(key) is events:
                del self._events[key]

    def notify(self, key: Hashable) -> None:
        """Wake those who wait for `key`."""
        for event in self._events.get(key, ()):
            event.set()
