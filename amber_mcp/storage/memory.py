"""State in the process: the default. It ends with the process."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from .base import Key, Kind, Store
from .notifier import Notifier

MAX_KEYS = 10_000
MAX_BYTES = 256 * 1024**2
_SECONDS_BETWEEN_SWEEPS = 60.0


@dataclass(slots=True)
class _Kept:
    """What one key has, as JSON, since which write, and until when."""

    record: bytes | None = None
    record_write: int = 0
    record_until: float = 0.0
    items: list[bytes] = field(default_factory=list)
    items_write: int = 0
    items_until: float = 0.0
    size: int = 0

    def forget(self, now: float) -> None:
        """Drop what has expired."""
        if self.record is not None and self.record_until <= now:
            self.size -= len(self.record)
            self.record, self.record_write = None, 0
        if self.items and self.items_until <= now:
            self.size -= sum(map(len, self.items))
            self.items, self.items_write = [], 0

    @property
    def last_write(self) -> int:
        """The number of the last write of what is left."""
        return max(self.record_write, self.items_write)

    @property
    def is_empty(self) -> bool:
        return self.record is None and not self.items


class MemoryStore(Store):
    """At most `max_keys` keys (10,000) with `max_bytes` of JSON together (256 MiB): where there
    are more, what was written least recently goes first.

    Args:
        clock: seconds that go forward.
    """

    def __init__(
        self,
        *,
        max_keys: int = MAX_KEYS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_keys = max_keys
        self._max_bytes = max_bytes
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._waiting = Notifier()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._size = 0
        self._writes = 0
        self._next_sweep = clock() + _SECONDS_BETWEEN_SWEEPS

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        if (kept := self._find(key)) and kept.record is not None:
            return False
        await self.put(key, record, ttl=ttl)
        return True

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        content = to_json(record)
        kept = self._find(key) or _Kept()
        grown = len(content) - len(kept.record or b"")
        kept.record, kept.record_until = content, self._clock() + ttl
        kept.record_write = self._next_write()
        self._written(key, kept, grown)

    async def get(self, key: Key) -> JsonValue:
        kept = self._find(key)
        return None if kept is None or kept.record is None else _value(kept.record)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        contents = [to_json(item) for item in items]
        kept = self._find(key) or _Kept()
        if not (create or kept.items):
            return False
        if not contents:
            return True
        kept.items += contents
        kept.items_until = self._clock() + ttl
        kept.items_write = self._next_write()
        self._written(key, kept, sum(map(len, contents)))
        self._waiting.ring(key)
        return True

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        kept = self._find(key)
        return [_value(item) for item in kept.items[start:]] if kept else []

    async def wait(self, key: Key, seen: int) -> None:
        while True:
            with self._waiting.bell(key) as bell:
                kept = self._find(key)
                if kept and len(kept.items) > seen:
                    return
                await bell.wait()

    async def delete(self, key: Key) -> None:
        if kept := self._kept.pop(key, None):
            self._size -= kept.size

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        keys = [key for key in self._kept if key.kind == kind and key.caller == caller]
        found = [(kept.last_write, key.id) for key in keys if (kept := self._find(key))]
        return [each for _, each in sorted(found, reverse=True)]

    async def secret(self) -> bytes:
        return self._secret

    def _next_write(self) -> int:
        self._writes += 1
        return self._writes

    def _find(self, key: Key) -> _Kept | None:
        """What a key has and what has not expired."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        size = kept.size
        kept.forget(self._clock())
        self._size -= size - kept.size
        if kept.is_empty:
            del self._kept[key]
            return None
        return kept

    def _written(self, key: Key, kept: _Kept, grown: int) -> None:
        """Take note of what was written, and make room."""
        kept.size += grown
        self._size += grown
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if self._clock() >= self._next_sweep:
            self._next_sweep = self._clock() + _SECONDS_BETWEEN_SWEEPS
            for each in list(self._kept):
                self._find(each)
        while len(self._kept) > self._max_keys or (self._size > self._max_bytes and self._kept):
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.size


def _value(content: bytes) -> JsonValue:
    value: JsonValue = from_json(content)
    return value
