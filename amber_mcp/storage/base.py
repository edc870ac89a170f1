"""The one interface to what outlives a call: records and lists under keys, with a time to live.

Three backends implement it: `memory.py`, `sqlite.py` and `redis.py`; `backends.py` opens the one
that is configured.
"""

import math
import secrets
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar, Literal
from weakref import WeakValueDictionary

import anyio
from pydantic import JsonValue
from pydantic_core import from_json

from amber_mcp.errors import InternalError

Kind = Literal["conversation", "run", "upload", "lease", "stop"]

_DEADLINE_SECONDS = 8.0
"""Longer than a backend that is out of reach takes to say so: what it says tells more."""


class StorageUnavailable(InternalError):
    """The backend cannot be reached, or not be written to. It is this server's, not amber's."""

    advice = (
        "Call again in a moment; if it stays, whoever runs this server should check what "
        "AMBER_STATE names."
    )


class InvalidRecord(InternalError):
    """Something that was stored, and is not of the form that this version knows."""

    advice = (
        "Begin anew, or use the version that kept it; AMBER_STATE_TTL says for how long it is kept."
    )


@dataclass(frozen=True, slots=True)
class Key:
    """What something is, whose it is, and which of those it is.

    `caller` is a hash of who calls, keyed with `Store.secret`: nobody finds what is another's.
    """

    kind: Kind
    caller: str
    id: str


class Store(ABC):
    """A backend. Each key has an entry: a record, a list, or both. It expires `ttl` seconds after
    its last write.

    Values are JSON. Every method is atomic, whatever other tasks, processes or replicas do, and
    raises `StorageUnavailable` where the backend is out of order.
    """

    poll_seconds: ClassVar[float] = math.inf
    """How often `wait` looks for what other processes have written."""

    def __init__(self) -> None:
        # Each is there as long as a task waits with it.
        self._events = WeakValueDictionary[Key, anyio.Event]()

    @abstractmethod
    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        """Set the record if there is none; tell whether there was none."""

    @abstractmethod
    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        """Set the record, in the place of one that was there."""

    @abstractmethod
    async def replace(self, key: Key, old: JsonValue, record: JsonValue, *, ttl: float) -> bool:
        """Set the record in the place of `old`, if that is the record; tell whether it was."""

    @abstractmethod
    async def get(self, key: Key) -> JsonValue:
        """The record, or `None`."""

    @abstractmethod
    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        """Add to the list, all items at once and in this order; tell whether they were added.

        Where there is no list, or not any more, this begins one, or adds nothing if not `create`.
        """

    @abstractmethod
    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        """The list from its item number `start` on; empty if there is none."""

    @abstractmethod
    async def delete(self, key: Key) -> None:
        """Remove the record and the list."""

    @abstractmethod
    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        """The ids of the caller's entries, the latest written first."""

    @abstractmethod
    async def secret(self) -> bytes:
        """Random bytes that live as long as the backend's data, the same for all who share it."""

    async def wait(self, key: Key, seen: int) -> None:
        """Return once the list has more than `seen` items."""
        while True:
            event = self._events.setdefault(key, anyio.Event())
            if await self.items(key, seen):
                return
            with anyio.move_on_after(self.poll_seconds):
                await event.wait()

    def _notify(self, key: Key) -> None:
        """Wake the tasks of this process that wait for a list, which has grown."""
        if event := self._events.pop(key, None):
            event.set()


@contextmanager
def validating(what: str) -> Iterator[None]:
    """Validate `what`, which was stored.

    Raises:
        InvalidRecord: if its values are not those of this version; the error repeats none of them.
    """
    try:
        yield
    except ValueError:
        raise InvalidRecord(f"{what} was kept by another version of amber-mcp") from None


@contextmanager
def storage_deadline(within: float = _DEADLINE_SECONDS) -> Iterator[None]:
    """Use the store within so many seconds, and never more than eight.

    Raises:
        StorageUnavailable: if it takes longer.
    """
    seconds = min(within, _DEADLINE_SECONDS)
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise StorageUnavailable(f"the state did not answer within {seconds:g} s")


def decode(content: bytes) -> JsonValue:
    """The value of a JSON text."""
    value: JsonValue = from_json(content)
    return value


def hash_of(*parts: str, key: bytes = b"") -> str:
    """A name that does not tell its parts: 144 bits, URL-safe, the same each time.

    Args:
        key: without it, nobody can try which parts give the name.
    """
    digest = blake2b(key=key, digest_size=18)
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return urlsafe_b64encode(digest.digest()).decode()


def new_id(prefix: Literal["conv", "run"]) -> str:
    """An id that nobody guesses, of 144 random bits: `conv_3q2-7wEBAgMEBQYHCAkKCwwN`."""
    return f"{prefix}_{secrets.token_urlsafe(18)}"
