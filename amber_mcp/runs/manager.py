"""The runs of this process: each goes on by itself, whoever waits for it."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from weakref import WeakValueDictionary

import anyio
from anyio.abc import TaskGroup

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, NotFound, Overloaded
from amber_mcp.process import background_tasks
from amber_mcp.storage.base import StorageUnavailable, Store
from amber_mcp.storage.memory import MemoryStore

from .records import Runs
from .run import Run, RunSpec
from .task import RunTask, Work

logger = logging.getLogger(__name__)

_SECONDS_TO_DISCARD = 0.4

OpenRuns = Callable[[], Awaitable[Runs]]
"""Opens the caller's runs in the configured store."""


class RunManager:
    """Starts and finds runs. Opened by `open_run_manager`.

    A run that the configured store cannot take is kept in the memory of this process. Callers are
    named here as this process knows them, whatever becomes of the store.
    """

    def __init__(self, settings: Settings, tasks: TaskGroup) -> None:
        self._settings = settings
        self._tasks = tasks
        # Of the lifespan: a run has nothing of the context of the call that starts it.
        self._context = copy_context()
        self._fallback = MemoryStore()
        self._running: dict[tuple[str, str], RunTask] = {}
        self._starting: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    def runs_in(self, store: Store, caller: str) -> Runs:
        """The runs of a caller in a store."""
        settings = self._settings
        return Runs(
            store,
            caller,
            ttl=settings.state_ttl.run,
            longest=settings.run_timeout,
            is_local=self.is_local,
        )

    async def start(
        self, caller: str, open_runs: OpenRuns, spec: RunSpec, work: Work
    ) -> tuple[Runs, Run]:
        """Start a run, or find the one that has the same task: it goes on, or has an answer.

        Raises:
            Overloaded: if the caller has as many runs under way as one may have.
        """
        if found := self._find_same(caller, spec):
            return found
        lock = self._starting.setdefault(caller, anyio.Lock())
        async with lock:
            if found := self._find_same(caller, spec):
                return found
            fallback = self.runs_in(self._fallback, caller)
            if run := await fallback.find_active(spec.fingerprint):
                return fallback, run
            try:
                runs = await open_runs()
                return runs, await self._start_in(runs, caller, spec, work)
            except StorageUnavailable as error:
                logger.warning("run kept in this process alone", extra={"cause": error.message})
            return fallback, await self._start_in(fallback, caller, spec, work)

    async def find(self, caller: str, open_runs: OpenRuns, run_id: str) -> tuple[Runs, Run]:
        """A run of the caller's, and where it is.

        Raises:
            NotFound: if there is none, or none any more.
            StorageUnavailable: if nobody can tell.
        """
        task = self._local(run_id)
        if task and task.caller == caller:
            with suppress(AmberError):
                return task.runs, await task.runs.open(run_id)
            return task.runs, Run(task.id, task.spec)
        try:
            runs = await open_runs()
            return runs, await runs.open(run_id)
        except (NotFound, StorageUnavailable):
            fallback = self.runs_in(self._fallback, caller)
            with suppress(NotFound):
                return fallback, await fallback.open(run_id)
            raise

    async def stop(self, runs: Runs, run_id: str) -> None:
        """Stop a run, wherever it goes on."""
        if task := self._local(run_id):
            task.stop()
        else:
            await runs.request_stop(run_id)

    def is_local(self, run_id: str) -> bool:
        """Whether this process works on a run."""
        return self._local(run_id) is not None

    def _find_same(self, caller: str, spec: RunSpec) -> tuple[Runs, Run] | None:
        """The run of this process that has the same task: at work, or about to save its answer."""
        task = self._running.get((caller, spec.fingerprint))
        if task and task.status in ("running", "completed"):
            return task.runs, Run(task.id, task.spec)
        return None

    def _local(self, run_id: str) -> RunTask | None:
        return next((each for each in self._running.values() if each.id == run_id), None)

    async def _start_in(self, runs: Runs, caller: str, spec: RunSpec, work: Work) -> Run:
        spec = spec.model_copy(update={"started": time.time()})
        task = RunTask(caller, runs, spec, work, self._settings)
        is_started = False
        try:
            if other := await runs.start(task.id, spec):
                is_started = True
                return other
            await self._require_room(task)
            self._context.copy().run(self._tasks.start_soon, self._run, task)
            is_started = True
        finally:
            if not is_started:
                with anyio.move_on_after(_SECONDS_TO_DISCARD, shield=True), suppress(AmberError):
                    await runs.discard(task.id, spec)
        self._running[caller, spec.fingerprint] = task
        return Run(task.id, spec)

    async def _require_room(self, task: RunTask) -> None:
        """Refuse a run of which there are as many as one caller may have, in all processes."""
        here = [each for each in self._running.values() if each.caller == task.caller]
        before = [each.id for each in here if each.status == "running"]
        started = await task.runs.started_before(task.id, task.spec)
        before += [run_id for run_id in started if not self.is_local(run_id)]
        if len(before) >= self._settings.max_runs:
            under_way = f"{len(before)} run{' is' if len(before) == 1 else 's are'} under way"
            raise Overloaded(
                f"{under_way}, as many as AMBER_MAX_RUNS allows",
                advice=f"Wait for one of them, or end one with `stop`: {', '.join(before[:10])}.",
            )

    async def _run(self, task: RunTask) -> None:
        key = (task.caller, task.spec.fingerprint)
        try:
            await task.run()
        except Exception:
            logger.exception("run failed outside its work", extra={"run": task.id})
        finally:
            if self._running.get(key) is task:
                del self._running[key]


@asynccontextmanager
async def open_run_manager(settings: Settings) -> AsyncIterator[RunManager]:
    """A run manager; the runs that go on at the block's end are lost."""
    async with background_tasks() as tasks:
        yield RunManager(settings, tasks)
