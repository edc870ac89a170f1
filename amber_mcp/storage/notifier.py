"""Who waits for which list to grow."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import anyio


class Notifier:
    """The tasks that wait, each with an event of its own; a task that leaves leaves nothing."""

    def __init__(self) -> None:
        self._bells: dict[Hashable, set[anyio.Event]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._bells.values()))

    @contextmanager
    def bell(self, key: Hashable) -> Iterator[anyio.Event]:
        """An event that the next `ring` for `key` sets. Look at the list after it is there."""
        bell = anyio.Event()
        bells = self._bells.setdefault(key, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells and self._bells.get(key) is bells:
                del self._bells[key]

    def ring(self, key: Hashable) -> None:
        """Wake those who wait for one list."""
        for bell in self._bells.get(key, ()):
            bell.set()

    def ring_all(self) -> None:
        """Wake everybody."""
        for key in self._bells:
            self.ring(key)
