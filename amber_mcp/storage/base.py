"""The one interface to what outlives a call: records and lists under keys, with a time to live.

Three backends implement it: `memory.py`, `sqlite.py` and `redis.py`; `backends.py` opens the one
that is configured.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

import anyio
from pydantic import JsonValue

from amber_mcp.errors import InternalError

from .notifier import Notifier

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

    `caller` is what `identity.caller_hash` makes: nobody finds what belongs to another one.
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
        self._notifier = Notifier()

    @abstractmethod
    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        """Set the record if there is none; tell whether there was none."""

    @abstractmethod
    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        """Set the record, in the place of one that was there."""

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
    async def length(self, key: Key) -> int:
        """How many items the list has."""

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
            with self._notifier.event(key) as event:
                if await self.length(key) > seen:
                    return
                with anyio.move_on_after(self.poll_seconds):
                    await event.wait()


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
