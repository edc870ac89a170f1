"""The one interface to what is kept: records and lists under keys, with a time to live.

Three homes implement it: `memory.py`, `sqlite.py` and `redis.py`; `homes.py` opens the configured
one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from amber_mcp.errors import InternalError

Kind = Literal["conversation", "run", "upload", "lease", "stop"]


class StorageUnavailable(InternalError):
    """The home cannot be reached, or cannot be written to. It is this server's, not amber's."""

    advice = (
        "Call again in a moment; if it stays, whoever runs this server should check what "
        "AMBER_STATE names."
    )


@dataclass(frozen=True, slots=True)
class Key:
    """What something is, whose it is, and which of those it is.

    `caller` is the keyed hash that `callers.py` makes: nobody finds what another one keeps.
    """

    kind: Kind
    caller: str
    id: str


class Store(ABC):
    """A home. Each key has a record, a list, or both; each of them lives for `ttl` seconds after
    it was last written.

    Values are JSON. Every method is atomic, whatever other tasks, processes or replicas do, and
    raises `StorageUnavailable` where the home is out of order.
    """

    @abstractmethod
    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        """Keep a record if there is none; tell whether there was none."""

    @abstractmethod
    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        """Keep a record, in the place of one that was there."""

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
    async def wait(self, key: Key, seen: int) -> None:
        """Return once the list has more than `seen` items."""

    @abstractmethod
    async def delete(self, key: Key) -> None:
        """Keep neither the record nor the list any longer."""

    @abstractmethod
    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        """The ids under which the caller keeps a record or a list, the latest written first."""

    @abstractmethod
    async def secret(self) -> bytes:
        """Random bytes that live as long as the home, the same for all who share it: the key for
        `caller_of`."""
