"""Runs of agents, as they are kept: each goes on by itself, whoever waits for it.

A run has a record, which says what it is about, and a list of what happened in it: news, pieces of
text, and at last one end. The process that carries a run holds a lease on it. Where the lease has
run out and there is no end, that process has died: the run is lost, with the text that was saved.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import anyio
from pydantic import BaseModel, ConfigDict, JsonValue

from amber_mcp.errors import NotFound

from .store import Key, Kind, Store

Status = Literal["running", "completed", "failed", "stopped", "lost"]

LEASE_SECONDS = 10.0
RENEWAL_SECONDS = 3.0
_SECONDS_BETWEEN_LOOKS = 2.0
_SECONDS_UNCLAIMED = 600.0


class About(BaseModel):
    """What a run is about. `started` is in seconds since 1970; `fingerprint` tells equal tasks."""

    model_config = ConfigDict(frozen=True)

    agent: str
    task: str
    fingerprint: str
    started: float


@dataclass
class Run:
    """A run, as far as it has been read.

    `result` comes with the end: the fields of the answer, or what went wrong.
    """

    id: str
    about: About
    text: str = ""
    news: str = ""
    seen: int = 0
    result: Mapping[str, JsonValue] = field(default_factory=dict)
    is_held: bool = True
    _ending: Status | None = None
    _ended: float = 0.0

    @property
    def status(self) -> Status:
        """How it ended, or whether it goes on."""
        return self._ending or ("running" if self.is_held else "lost")

    @property
    def elapsed_seconds(self) -> float:
        """From its beginning to its end, or until now."""
        ended = self._ended if self._ending else time.time()
        return round(max(0.0, ended - self.about.started), 1)

    def add(self, items: Sequence[JsonValue]) -> None:
        """Take in what has happened since."""
        self.seen += len(items)
        for item in items:
            match item:
                # Where it stands is told as well: an append may have been made twice.
                case {"text": str(text), "at": int(at)}:
                    self.text = self.text[:at] + text
                case {"news": str(news)}:
                    self.news = news
                case {"status": str(status), "ended": float() | int() as ended, **rest}:
                    if self._ending is None:
                        self._ending, self._ended = cast("Status", status), ended
                        self.result = cast("Mapping[str, JsonValue]", rest.get("result") or {})
                case _:
                    raise ValueError("a run holds something that none should")


class Runs:
    """The runs of one caller.

    Args:
        ttl: seconds for which a run is kept after its end.
        longest: seconds that a run may take.
    """

    def __init__(self, store: Store, caller: str, *, ttl: float, longest: float) -> None:
        self._store = store
        self._caller = caller
        self._ttl = ttl
        self._ttl_until_end = ttl + longest

    async def begin(self, run_id: str, about: About) -> None:
        """Keep what a run is about, and hold it."""
        record = about.model_dump(mode="json")
        await self._store.put(self._key("run", run_id), record, ttl=self._ttl_until_end)
        await self._store.put(self._key("lease", run_id), True, ttl=LEASE_SECONDS)

    async def claim(self, run_id: str, fingerprint: str) -> Run | None:
        """Claim a task for a run; or return the run that has it already."""
        key = self._key("attach", fingerprint)
        while not await self._store.add(key, run_id, ttl=LEASE_SECONDS):
            other = await self._store.get(key)
            try:
                if other is not None:
                    return await self.open(str(other))
            except NotFound:
                await self._store.delete(key)
        return None

    async def hold(self, run_id: str, fingerprint: str) -> None:
        """Say that the run is being carried and has its task, for the next `LEASE_SECONDS`."""
        await self._store.put(self._key("lease", run_id), True, ttl=LEASE_SECONDS)
        await self._store.put(self._key("attach", fingerprint), run_id, ttl=LEASE_SECONDS)

    async def discard(self, run_id: str, fingerprint: str = "") -> None:
        """Keep nothing of a run that is not to go on, nor of its claim on a task."""
        if fingerprint:
            await self._store.delete(self._key("attach", fingerprint))
        await self._store.delete(self._key("lease", run_id))
        await self._store.delete(self._key("run", run_id))

    async def tell(self, run_id: str, *items: JsonValue) -> None:
        """Say what happened: `{"text": …, "at": …}` or `{"news": …}`."""
        await self._store.append(self._key("run", run_id), *items, ttl=self._ttl_until_end)

    async def end(
        self, run_id: str, about: About, status: Status, result: Mapping[str, JsonValue]
    ) -> None:
        """Say how the run ended, and let go of it.

        An answer keeps its task for ten minutes, or until somebody has got it: the host that asked
        for it may have given up, and ask again.
        """
        key, attach = self._key("run", run_id), self._key("attach", about.fingerprint)
        end: JsonValue = {"status": status, "ended": time.time(), "result": dict(result)}
        await self._store.append(key, end, ttl=self._ttl)
        await self._store.put(key, about.model_dump(mode="json"), ttl=self._ttl)
        if status == "completed":
            await self._store.put(attach, run_id, ttl=min(self._ttl, _SECONDS_UNCLAIMED))
        else:
            await self._store.delete(attach)
        await self._store.delete(self._key("lease", run_id))

    async def release(self, run: Run) -> None:
        """Let a task be begun anew, whose answer somebody has got."""
        key = self._key("attach", run.about.fingerprint)
        if await self._store.get(key) == run.id:
            await self._store.delete(key)

    async def open(self, run_id: str) -> Run:
        """A run of the caller's, as far as it is.

        Raises:
            NotFound: if there is none, or none any more.
        """
        record = await self._store.get(self._key("run", run_id))
        if record is None:
            raise NotFound(
                f"there is no run {run_id[:80]!r}, or not any more",
                advice="Begin the task anew with `agent` and `task`, without `run_id`.",
            )
        run = Run(run_id, About.model_validate(record))
        await self.refresh(run)
        return run

    async def refresh(self, run: Run) -> None:
        """Read on."""
        # The lease first: a run that ends in between has its end in the list.
        run.is_held = await self._is_held(run.id)
        run.add(await self._store.items(self._key("run", run.id), run.seen))

    async def wait(self, run: Run) -> None:
        """Return once there is more to read, or nobody carries the run any more."""
        while True:
            with anyio.move_on_after(_SECONDS_BETWEEN_LOOKS):
                await self._store.wait(self._key("run", run.id), run.seen)
                return
            if not await self._is_held(run.id):
                return

    async def ask_to_stop(self, run_id: str) -> None:
        """Tell whoever carries the run to end it."""
        await self._store.append(self._key("stop", run_id), True, ttl=self._ttl_until_end)

    async def asked_to_stop(self, run_id: str) -> None:
        """Return once somebody has asked for it."""
        await self._store.wait(self._key("stop", run_id), 0)

    async def going_on(self) -> Sequence[str]:
        """The ids of the runs that are being carried."""
        return await self._store.ids("lease", self._caller)

    async def _is_held(self, run_id: str) -> bool:
        return await self._store.get(self._key("lease", run_id)) is not None

    def _key(self, kind: Kind, name: str) -> Key:
        return Key(kind, self._caller, name)
