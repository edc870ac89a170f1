"""Runs of agents, as they are kept: each goes on by itself, whoever waits for it.

A run has a record, which says what it is about, and a list of what happened in it: news, pieces of
text, and at last one end. The process that carries a run holds a lease on it. Where the lease has
run out and there is no end, that process has died: the run is lost, with the text that was saved.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import anyio
from pydantic import BaseModel, ConfigDict, JsonValue

from amber_mcp.errors import NotFound
from amber_mcp.storage.base import Key, Kind, Store
from amber_mcp.storage.validation import InvalidRecord, validating

Status = Literal["running", "completed", "failed", "stopped", "lost"]

LEASE_SECONDS = 8.0
RENEWAL_SECONDS = 2.5
_SECONDS_BETWEEN_LOOKS = 2.0
_LOOKS_FOR_A_LOSS = 2
_SECONDS_UNREAD = 600.0
_SECONDS_READ = 60.0


class RunSpec(BaseModel):
    """What a run is about.

    `started` is in seconds since 1970; `fingerprint` tells equal tasks; `conversation_id` is of the
    conversation that the task goes on with, if it does.
    """

    model_config = ConfigDict(frozen=True)

    agent: str
    task: str
    fingerprint: str
    started: float
    conversation_id: str = ""


@dataclass
class Run:
    """A run, as far as it has been read.

    `result` comes with the end: the fields of the answer, or what went wrong.
    """

    id: str
    about: RunSpec
    text: str = ""
    news: str = ""
    seen: int = 0
    result: Mapping[str, JsonValue] = field(default_factory=dict)
    is_held: bool = True
    _ending: Status | None = None
    _ended: float = 0.0
    _told_after: float = 0.0

    @property
    def status(self) -> Status:
        """How it ended, or whether it goes on."""
        return self._ending or ("running" if self.is_held else "lost")

    @property
    def has_ended(self) -> bool:
        """Whether its end was told."""
        return self._ending is not None

    @property
    def elapsed_seconds(self) -> float:
        """From its beginning until its end, or until now; if it is lost, until it last told."""
        if self.status == "lost" and not self._ending:
            return self._told_after
        ended = self._ended if self._ending else time.time()
        return round(max(0.0, ended - self.about.started), 1)

    def add(self, items: Sequence[JsonValue]) -> None:
        """Take in what has happened since."""
        self.seen += len(items)
        for item in items:
            match item:
                # Where it stands is told as well: an append may have been made twice.
                case {"text": str(text), "at": int(at), "after": float() | int() as after}:
                    self.text = self.text[:at] + text
                    self._told_after = after
                case {"news": str(news)}:
                    self.news = news
                case {"status": str(status), "ended": float() | int() as ended, **rest}:
                    if self._ending is None:
                        self._ending, self._ended = cast("Status", status), ended
                        self.result = cast("Mapping[str, JsonValue]", rest.get("result") or {})
                case _:
                    raise ValueError("a run holds something that none should")


def _claim(run_id: str, *, is_read: bool = False) -> JsonValue:
    """Which run has a task, and whether a call has returned its answer."""
    return {"run": run_id, "read": is_read}


class Runs:
    """The runs of one caller.

    Args:
        ttl: seconds for which a run is kept after its end.
        longest: seconds that a run may take.
        is_carried: tells whether this very process carries a run, whatever the store says.
    """

    def __init__(
        self,
        store: Store,
        caller: str,
        *,
        ttl: float,
        longest: float,
        is_carried: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._is_carried = is_carried
        self._store = store
        self._caller = caller
        self._ttl = ttl
        self._ttl_until_end = ttl + longest

    async def having(self, fingerprint: str) -> Run | None:
        """The run that has a task: it goes on, or has an answer that is still fresh."""
        match await self._store.get(self._key("attach", fingerprint)):
            case {"run": str(run_id)}:
                run = await self._opened(run_id)
            case _:
                run = None
        return run if run and run.status in ("running", "completed") else None

    async def begin(self, run_id: str, about: RunSpec) -> None:
        """Keep what a run is about, and hold it."""
        await self._keep(run_id, about, self._ttl_until_end)
        await self._hold(run_id, about)

    async def before(self, run_id: str, about: RunSpec) -> Sequence[str]:
        """The ids of the runs that go on and were begun before this one."""
        found: list[str] = []
        for each in await self._store.ids("lease", self._caller):
            started = await self._store.get(self._key("lease", each))
            if isinstance(started, float | int) and (started, each) < (about.started, run_id):
                found.append(each)
        return found

    async def claim(self, run_id: str, fingerprint: str) -> Run | None:
        """Claim a task for a run; or return the run that has it already."""
        key = self._key("attach", fingerprint)
        while not await self._store.add(key, _claim(run_id), ttl=LEASE_SECONDS):
            claim = await self._store.get(key)
            if run := await self.having(fingerprint):
                return run
            await self._let_go(key, claim)
        return None

    async def hold(self, run_id: str, about: RunSpec) -> None:
        """Say that the run is being carried and has its task, for the next `LEASE_SECONDS`."""
        await self._keep(run_id, about, self._ttl_until_end)
        await self._hold(run_id, about)
        attach = self._key("attach", about.fingerprint)
        await self._store.put(attach, _claim(run_id), ttl=LEASE_SECONDS)

    async def discard(self, run_id: str, fingerprint: str) -> None:
        """Keep nothing of a run that is not to go on, nor of its claim on a task."""
        await self._let_go(self._key("attach", fingerprint), _claim(run_id))
        await self._store.delete(self._key("lease", run_id))
        await self._store.delete(self._key("run", run_id))

    async def tell(self, run_id: str, *items: JsonValue) -> None:
        """Say what happened: `{"text": …, "at": …}` or `{"news": …}`."""
        await self._store.append(self._key("run", run_id), *items, ttl=self._ttl_until_end)

    async def end(
        self, run_id: str, about: RunSpec, status: Status, result: Mapping[str, JsonValue]
    ) -> None:
        """Say how the run ended, and let go of it.

        An answer keeps its task for ten minutes: the host that asked for it may have given up, and
        ask again.
        """
        key, attach = self._key("run", run_id), self._key("attach", about.fingerprint)
        end: JsonValue = {"status": status, "ended": time.time(), "result": dict(result)}
        await self._store.append(key, end, ttl=self._ttl)
        await self._keep(run_id, about, self._ttl)
        if status == "completed":
            await self._store.put(attach, _claim(run_id), ttl=min(self._ttl, _SECONDS_UNREAD))
        else:
            await self._let_go(attach, _claim(run_id))
        await self._store.delete(self._key("lease", run_id))

    async def release(self, run: Run) -> None:
        """Let a task be begun anew in a minute, since a call has returned its answer.

        Not at once: nobody knows whether the host still waited for that call. Answers that are
        returned again add nothing to that minute. In a conversation the same words may well be the
        next task ("Go on."): there it is at once.
        """
        key = self._key("attach", run.about.fingerprint)
        if run.about.conversation_id:
            await self._let_go(key, _claim(run.id))
        elif await self._store.get(key) == _claim(run.id):
            ttl = min(self._ttl, _SECONDS_READ)
            await self._store.put(key, _claim(run.id, is_read=True), ttl=ttl)

    async def open(self, run_id: str) -> Run:
        """A run of the caller's, as far as it is.

        Raises:
            NotFound: if there is none, or none any more.
            Unreadable: if another version kept it.
        """
        record = await self._store.get(self._key("run", run_id))
        if record is None:
            raise NotFound(
                f"there is no run {run_id[:80]!r}, or not any more",
                advice="The agent may have acted: look what was done before you begin the task "
                "anew, with `agent` and `task` and without `run_id`.",
            )
        with validating(f"the run {run_id[:80]!r}"):
            run = Run(run_id, RunSpec.model_validate(record))
            await self.refresh(run)
        return run

    async def refresh(self, run: Run) -> None:
        """Read on."""
        # The lease first: a run that ends in between has its end in the list.
        is_held = await self._is_held(run.id)
        key = self._key("run", run.id)
        items = await self._store.items(key, run.seen)
        if not (is_held or items) and run.seen:
            whole = await self._store.items(key)
            if len(whole) < run.seen:  # The home was emptied, and the run told on.
                run.seen, run.text, items = 0, "", whole
        run.is_held = is_held
        with validating("what happened in this run"):
            run.add(items)

    async def wait(self, run: Run) -> None:
        """Return once there is more to read, or nobody carries the run any more, at two looks."""
        looks = 0
        while looks < _LOOKS_FOR_A_LOSS:
            with anyio.move_on_after(_SECONDS_BETWEEN_LOOKS):
                await self._store.wait(self._key("run", run.id), run.seen)
                return
            looks = 0 if await self._is_held(run.id) else looks + 1

    async def ask_to_stop(self, run_id: str) -> None:
        """Tell whoever carries the run to end it."""
        await self._store.append(self._key("stop", run_id), True, ttl=self._ttl_until_end)

    async def asked_to_stop(self, run_id: str) -> None:
        """Return once somebody has asked for it."""
        await self._store.wait(self._key("stop", run_id), 0)

    async def _keep(self, run_id: str, about: RunSpec, ttl: float) -> None:
        await self._store.put(self._key("run", run_id), about.model_dump(mode="json"), ttl=ttl)

    async def _hold(self, run_id: str, about: RunSpec) -> None:
        await self._store.put(self._key("lease", run_id), about.started, ttl=LEASE_SECONDS)

    async def _opened(self, run_id: str) -> Run | None:
        try:
            return await self.open(run_id)
        except (NotFound, InvalidRecord):
            return None

    async def _let_go(self, key: Key, claim: JsonValue) -> None:
        if claim is not None and await self._store.get(key) == claim:
            await self._store.delete(key)

    async def _is_held(self, run_id: str) -> bool:
        if self._is_carried(run_id):
            return True
        return await self._store.get(self._key("lease", run_id)) is not None

    def _key(self, kind: Kind, name: str) -> Key:
        return Key(kind, self._caller, name)
