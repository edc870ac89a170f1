"""State in the process: the default. It ends with the process."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue
from pydantic_core import to_json

from .base import Key, Kind, Store, decode

MAX_KEYS = 10_000
MAX_BYTES = 256 * 1024**2


@dataclass(slots=True)
class _Entry:
    """What one key has, as JSON, and until when."""

    record: bytes | None = None
    items: list[bytes] = field(default_factory=list)
    expires: float = 0.0
    size: int = 0


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
        super().__init__()
        self._max_keys = max_keys
        self._max_bytes = max_bytes
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()  # in the order of their writes
        self._size = 0

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        if (entry := self._find(key)) and entry.record is not None:
            return False
        await self.put(key, record, ttl=ttl)
        return True

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        content = to_json(record)
        entry = self._find(key) or _Entry()
        growth = len(content) - len(entry.record or b"")
        entry.record = content
        self._write(key, entry, growth, ttl)

    async def replace(self, key: Key, old: JsonValue, record: JsonValue, *, ttl: float) -> bool:
        entry = self._find(key)
        if entry is None or entry.record != to_json(old):
            return False
        await self.put(key, record, ttl=ttl)
        return True

    async def get(self, key: Key) -> JsonValue:
        entry = self._find(key)
        return None if entry is None or entry.record is None else decode(entry.record)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        contents = [to_json(item) for item in items]
        entry = self._find(key) or _Entry()
        if not (create or entry.items):
            return False
        if contents:
            entry.items += contents
            self._write(key, entry, sum(map(len, contents)), ttl)
            self._notify(key)
        return True

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        entry = self._find(key)
        return [decode(item) for item in entry.items[start:]] if entry else []

    async def delete(self, key: Key) -> None:
        if entry := self._entries.pop(key, None):
            self._size -= entry.size

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        keys = [key for key in reversed(self._entries) if (key.kind, key.caller) == (kind, caller)]
        return [key.id for key in keys if self._find(key)]

    async def secret(self) -> bytes:
        return self._secret

    def _find(self, key: Key) -> _Entry | None:
        """The entry, unless it has expired."""
        entry = self._entries.get(key)
        if entry and entry.expires <= self._clock():
            del self._entries[key]
            self._size -= entry.size
            return None
        return entry

    def _write(self, key: Key, entry: _Entry, growth: int, ttl: float) -> None:
        entry.expires = self._clock() + ttl
        entry.size += growth
        self._size += growth
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_keys or self._size > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._size -= dropped.size
