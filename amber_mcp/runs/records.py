"""The runs of one caller in a store.

A run has a record, which is its spec, and a list of events: progress, pieces of text, and at last
one end. Its task has a lease, which says which run works on it, and which the run's process renews.

A run is lost when its process ends: that is saved as its end (`RunTask.run`), or, where the process
had no time for it, read off a run that has neither an end nor a lease (`Run.status`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio
from pydantic import JsonValue

from amber_mcp.errors import NotFound
from amber_mcp.storage.base import Key, Kind, Store, validating

from .run import Run, RunSpec, Status

LEASE_SECONDS = 8.0
HEARTBEAT_SECONDS = 2.0
_SECONDS_BETWEEN_LOOKS = 2.0
_LOOKS_WITHOUT_LEASE = 2
_SECONDS_COMPLETED = 600.0
_SECONDS_RETURNED = 60.0
_SECONDS_DROPPED = 1.0

_LeaseStatus = Literal["running", "completed", "returned", "dropped"]


@dataclass(frozen=True)
class _Lease:
    """Which run has a task, since when, and whether it has brought an answer.

    A task is not given anew while its run has the lease: as long as the run goes on, for ten
    minutes once there is an answer, and for one more once a call has returned that. A lease is not
    deleted but dropped, and replaced as a whole: so one process alone gets the task.
    """

    run_id: str
    started: float
    status: _LeaseStatus = "running"

    def as_json(self) -> JsonValue:
        return {"run": self.run_id, "started": self.started, "status": self.status}


class Runs:
    """The runs of one caller. Every method raises `StorageUnavailable` where the store does.

    Args:
        ttl: seconds for which a run is kept after its end.
        longest: seconds that a run may take.
        is_local: tells whether this very process works on a run, whatever the store says.
    """

    def __init__(
        self,
        store: Store,
        caller: str,
        *,
        ttl: float,
        longest: float,
        is_local: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._is_local = is_local
        self._store = store
        self._caller = caller
        self._ttl = ttl
        self._ttl_until_end = ttl + longest

    async def start(self, run_id: str, spec: RunSpec) -> Run | None:
        """Save a new run and take its task's lease; or return the run that has the lease."""
        await self._save(run_id, spec, self._ttl_until_end)
        key, lease = self._lease_key(spec), _Lease(run_id, spec.started).as_json()
        while not await self._store.add(key, lease, ttl=LEASE_SECONDS):
            stale = await self._store.get(key)
            if stale == lease:  # It was taken, and the answer to that was lost.
                break
            if other := await self.find_active(spec.fingerprint):
                await self._store.delete(self._key("run", run_id))
                return other
            if await self._store.replace(key, stale, lease, ttl=LEASE_SECONDS):
                break
        return None

    async def find_active(self, fingerprint: str) -> Run | None:
        """The run that has a task's lease, if it goes on or has an answer."""
        lease = await self._lease(fingerprint)
        if lease is None or lease.status == "dropped":
            return None
        try:
            run = await self.open(lease.run_id)
        except NotFound:
            return None
        return run if run.status in ("running", "completed") else None

    async def started_before(self, run_id: str, spec: RunSpec) -> Sequence[str]:
        """The ids of the runs that go on and were started before this one."""
        fingerprints = await self._store.ids("lease", self._caller)
        leases = [await self._lease(fingerprint) for fingerprint in fingerprints]
        return [
            lease.run_id
            for lease in leases
            if lease is not None
            and lease.status == "running"
            and (lease.started, lease.run_id) < (spec.started, run_id)
        ]

    async def renew(self, run_id: str, spec: RunSpec) -> bool:
        """Keep the lease for the next `LEASE_SECONDS`; tell whether the run is asked to stop.

        The run is saved anew as well, for a store that has been emptied. A lease that ran out and
        was taken by another run is left to that.
        """
        await self._save(run_id, spec, self._ttl_until_end)
        await self._set_lease(spec, _Lease(run_id, spec.started), LEASE_SECONDS)
        return await self._store.get(self._key("stop", run_id)) is not None

    async def append(self, run_id: str, *events: JsonValue) -> None:
        """Add to what has happened: `{"text": …, "at": …, "after": …}` or `{"progress": …}`."""
        await self._store.append(self._key("run", run_id), *events, ttl=self._ttl_until_end)

    async def end(
        self, run_id: str, spec: RunSpec, status: Status, result: Mapping[str, JsonValue]
    ) -> None:
        """Save how a run ended. A task without an answer can be given anew at once."""
        end: JsonValue = {"status": status, "ended": time.time(), "result": dict(result)}
        await self._store.append(self._key("run", run_id), end, ttl=self._ttl)
        await self._save(run_id, spec, self._ttl)
        is_answer = status == "completed"
        lease = _Lease(run_id, spec.started, "completed" if is_answer else "dropped")
        seconds = min(self._ttl, _SECONDS_COMPLETED) if is_answer else _SECONDS_DROPPED
        await self._set_lease(spec, lease, seconds)

    async def discard(self, run_id: str, spec: RunSpec) -> None:
        """Delete a run that is not to go on, and its lease."""
        await self._set_lease(spec, _Lease(run_id, spec.started, "dropped"), _SECONDS_DROPPED)
        await self._store.delete(self._key("run", run_id))

    async def mark_returned(self, run: Run) -> None:
        """Let a task be given anew in a minute, since a call has returned its answer.

        Not at once: nobody knows whether the host still waited for that call. In a conversation the
        same words may well be the next task ("Go on."): there it is at once.
        """
        lease = await self._lease(run.spec.fingerprint)
        if lease is None or lease.run_id != run.id or lease.status != "completed":
            return
        if run.spec.conversation_id:
            dropped = _Lease(run.id, lease.started, "dropped")
            await self._set_lease(run.spec, dropped, _SECONDS_DROPPED)
        else:
            returned = _Lease(run.id, lease.started, "returned")
            await self._set_lease(run.spec, returned, min(self._ttl, _SECONDS_RETURNED))

    async def request_stop(self, run_id: str) -> None:
        """Ask the process that works on a run to end it; it does at its next heartbeat."""
        await self._store.put(self._key("stop", run_id), True, ttl=self._ttl_until_end)

    async def open(self, run_id: str) -> Run:
        """A run of the caller's, as far as it is.

        Raises:
            NotFound: if there is none, or none any more.
            InvalidRecord: if another version saved it.
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
            await self.read(run)
        return run

    async def wait(self, run: Run) -> None:
        """Wait until a run goes on, ends or is lost, and read its new events.

        Lost is what has no lease at two looks in a row.
        """
        looks = 0
        while looks < _LOOKS_WITHOUT_LEASE:
            with anyio.move_on_after(_SECONDS_BETWEEN_LOOKS):
                await self._store.wait(self._key("run", run.id), run.position)
                break
            looks = 0 if await self._has_lease(run) else looks + 1
        await self.read(run)

    async def read(self, run: Run) -> None:
        """Read the new events of a run, and whether it has a lease."""
        # The lease first: a run that ends in between has its end in the list.
        has_lease = await self._has_lease(run)
        key = self._key("run", run.id)
        events = await self._store.items(key, run.position)
        if run.position and not (has_lease or events):
            all_events = await self._store.items(key)
            if len(all_events) < run.position:  # The store was emptied, and the run went on.
                run.position, run.text, events = 0, "", all_events
        run.has_lease = has_lease
        with validating("what happened in this run"):
            run.apply(events)

    async def _save(self, run_id: str, spec: RunSpec, ttl: float) -> None:
        await self._store.put(self._key("run", run_id), spec.model_dump(mode="json"), ttl=ttl)

    async def _has_lease(self, run: Run) -> bool:
        if self._is_local(run.id):
            return True
        lease = await self._lease(run.spec.fingerprint)
        return lease is not None and lease.run_id == run.id and lease.status == "running"

    async def _lease(self, fingerprint: str) -> _Lease | None:
        match await self._store.get(self._key("lease", fingerprint)):
            case {
                "run": str(run_id),
                "started": float() | int() as started,
                "status": "running" | "completed" | "returned" | "dropped" as status,
            }:
                return _Lease(run_id, started, status)
            case _:
                return None

    async def _set_lease(self, spec: RunSpec, lease: _Lease, ttl: float) -> None:
        """Set a run's lease, unless its task has another run meanwhile."""
        key, before = self._lease_key(spec), await self._lease(spec.fingerprint)
        if before is None:
            if lease.status != "dropped":
                await self._store.add(key, lease.as_json(), ttl=ttl)
        elif before.run_id == lease.run_id:
            await self._store.replace(key, before.as_json(), lease.as_json(), ttl=ttl)

    def _lease_key(self, spec: RunSpec) -> Key:
        return self._key("lease", spec.fingerprint)

    def _key(self, kind: Kind, name: str) -> Key:
        return Key(kind, self._caller, name)
