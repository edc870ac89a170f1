"""Runs of agents: each goes on by itself, whoever waits for it, and says in the store how far it is.

A run's list holds what happened: pieces of text, at last one end. The process that carries the run
keeps a lease on it; where the lease runs out and there is no end, the process died and the run is
lost, with the text that was saved.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import anyio
from pydantic import JsonValue

from amber_mcp.errors import NotFound

from .store import Key, Store

Status = Literal["running", "completed", "failed", "stopped", "lost"]

LEASE_SECONDS = 10.0
RENEWAL_SECONDS = 3.0


@dataclass(frozen=True)
class RunState:
    """How far a run is. `result` tells of its end: the answer's fields, or what went wrong."""

    run_id: str
    about: Mapping[str, JsonValue]
    status: Status
    text: str
    elapsed_seconds: float
    seen: int
    result: Mapping[str, JsonValue] = field(default_factory=dict)


class Runs:
    """Where runs are kept."""

    def __init__(self, store: Store, *, ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def begin(self, caller: str, run_id: str, about: Mapping[str, JsonValue]) -> None:
        """Keep what a run is about, and hold it."""
        await self.hold(caller, run_id)
        record = {**about, "started": time.time()}
        await self._store.put(Key("run", caller, run_id), record, ttl=self._ttl)

    async def hold(self, caller: str, run_id: str) -> None:
        """Say that this process carries the run, for the next `LEASE_SECONDS`."""
        await self._store.put(Key("lease", caller, run_id), True, ttl=LEASE_SECONDS)

    async def tell(self, caller: str, run_id: str, text: str) -> None:
        """Add text of the answer."""
        await self._store.append(Key("run", caller, run_id), {"text": text}, ttl=self._ttl)

    async def end(
        self, caller: str, run_id: str, status: Status, result: Mapping[str, JsonValue]
    ) -> None:
        """Say how the run ended, and let go of it."""
        item = {"status": status, "ended": time.time(), "result": dict(result)}
        await self._store.append(Key("run", caller, run_id), item, ttl=self._ttl)
        await self._store.delete(Key("lease", caller, run_id))

    async def state(self, caller: str, run_id: str) -> RunState:
        """How far a run of the caller's is.

        Raises:
            NotFound: if there is none, or none any more.
        """
        key = Key("run", caller, run_id)
        about = await self._store.get(key)
        if not isinstance(about, dict):
            raise NotFound(
                f"there is no run {run_id[:80]!r}, or not any more",
                advice="Start the task again with `agent` and `task`.",
            )
        # The lease first: a run that ends in between has its end in the list.
        is_held = await self._store.get(Key("lease", caller, run_id)) is not None
        items = await self._store.items(key)
        return _state(run_id, about, items, is_held=is_held)

    async def wait(self, caller: str, run_id: str, seen: int) -> None:
        """Return once there is more than `seen` to tell, or the run is lost."""
        key = Key("run", caller, run_id)
        while True:
            with anyio.move_on_after(RENEWAL_SECONDS):
                await self._store.wait(key, seen)
                return
            if await self._store.get(Key("lease", caller, run_id)) is None:
                return

    async def ask_to_stop(self, caller: str, run_id: str) -> None:
        """Tell whoever carries the run to stop it."""
        await self._store.append(Key("stop", caller, run_id), True, ttl=self._ttl)

    async def asked_to_stop(self, caller: str, run_id: str) -> None:
        """Return once somebody asks for it."""
        await self._store.wait(Key("stop", caller, run_id), 0)

    async def claim(self, caller: str, fingerprint: str, run_id: str) -> str:
        """Claim a task for a run; the id of the run that has it already, or else `run_id`."""
        key = Key("attach", caller, fingerprint)
        while not await self._store.add(key, run_id, ttl=self._ttl):
            other = await self._store.get(key)
            if isinstance(other, str) and await self._goes_on(caller, other):
                return other
            await self._store.delete(key)
        return run_id

    async def release(self, caller: str, fingerprint: str) -> None:
        """Let the task be started anew."""
        await self._store.delete(Key("attach", caller, fingerprint))

    async def held(self, caller: str) -> int:
        """How many runs of the caller's go on."""
        return len(await self._store.ids("lease", caller))

    async def _goes_on(self, caller: str, run_id: str) -> bool:
        return await self._store.get(Key("lease", caller, run_id)) is not None


def _state(
    run_id: str, about: Mapping[str, JsonValue], items: object, *, is_held: bool
) -> RunState:
    told = [item for item in items if isinstance(item, dict)] if isinstance(items, list | tuple) else []
    text = "".join(str(item["text"]) for item in told if "text" in item)
    started = _seconds(about.get("started"))
    end = next((item for item in told if "status" in item), None)
    if end is None:
        status: Status = "running" if is_held else "lost"
        return RunState(run_id, about, status, text, time.time() - started, len(told))
    result = end.get("result")
    return RunState(
        run_id,
        about,
        end["status"],  # type: ignore[arg-type]  # as `end` has written it
        text,
        _seconds(end.get("ended")) - started,
        len(told),
        result if isinstance(result, dict) else {},
    )


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
