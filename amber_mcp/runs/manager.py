"""Runs that go on by themselves: begun by a call, and ended by nobody's leaving.

Each runs in the lifespan's task group, in the lifespan's context, and contains its own failures.
What happens in it goes to the store as it happens, for whoever waits, in this process or another.
"""

import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from pydantic import JsonValue

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, InternalError, Overloaded, UpstreamTimeout, describe
from amber_mcp.http.retry import reporting_waits
from amber_mcp.process import background_tasks
from amber_mcp.text.json_values import well_formed, well_formed_json
from amber_mcp.text.redaction import distinct_secrets, redact, remove_secrets_in_json

from .event_log import RunLog
from .records import Run, Runs, RunSpec
from .task import LOST, End, RunTask, Work, hold, stop_when_asked, tell, tell_end, tell_end_at_once

logger = logging.getLogger(__name__)

_SECONDS_TO_LEAVE = 0.4


class RunManager:
    """Carries the runs of this process. Opened by `open_run_manager`."""

    def __init__(self, settings: Settings, begun: MemoryObjectSendStream[RunTask]) -> None:
        self._settings = settings
        self._secrets = distinct_secrets(settings.keys)
        self._begun = begun
        self._carried: dict[tuple[str, str], RunTask] = {}

    async def begin(self, owner: str, runs: Runs, about: RunSpec, work: Work) -> tuple[Runs, Run]:
        """Carry a new run, until it ends or this process does; or find the one that has its task.

        Args:
            owner: who calls, as this process alone knows it.

        Raises:
            Overloaded: if the caller has as many runs under way as one may have.
            StateUnavailable: if it cannot be kept. It was not begun.
        """
        key = (owner, about.fingerprint)
        errand = self._carried.get(key)
        if errand is None or not errand.has_its_task:
            self._carried.pop(key, None)  # What is begun last stands last.
            self._carried[key] = errand = RunTask(owner, runs, about, work)
            self._begun.send_nowait(errand)
        await errand.entered.wait()
        if errand.refusal is not None:
            raise errand.refusal
        # Each caller reads on by itself.
        run = replace(errand.other) if errand.other else Run(errand.id, errand.about)
        return errand.runs, run

    def close(self) -> None:
        """Refuse what has not begun."""
        for errand in self._carried.values():
            if not errand.entered.is_set():
                errand.refusal = errand.refusal or _ending()
                errand.entered.set()

    async def find(self, owner: str, run_id: str) -> tuple[Runs, Run] | None:
        """A run of the caller's that this process carries, as far as the store can tell it."""
        errand = self._carried_as(run_id)
        if errand is None or errand.owner != owner:
            return None
        with suppress(AmberError):
            return errand.runs, await errand.runs.open(run_id)
        return errand.runs, Run(errand.id, errand.about)

    def carries(self, run_id: str) -> bool:
        """Whether this process carries a run."""
        return self._carried_as(run_id) is not None

    def stop(self, run_id: str) -> bool:
        """End a run, if this process carries it; tell whether it does."""
        if errand := self._carried_as(run_id):
            errand.stopping.cancel()
        return errand is not None

    def _carried_as(self, run_id: str) -> RunTask | None:
        return next((each for each in self._carried.values() if each.id == run_id), None)

    async def carry(self, errand: RunTask) -> None:
        """One run, of which nothing gets out but what it tells the store."""
        try:
            await self._enter(errand)
            errand.entered.set()
            if errand.goes_on:
                await self._carry(errand)
        except Exception:
            logger.exception("run not carried", extra={"run": errand.id})
        finally:
            if self._carried.get(key := (errand.owner, errand.about.fingerprint)) is errand:
                del self._carried[key]
            if not errand.entered.is_set():
                errand.refusal = errand.refusal or _ending()
                errand.entered.set()

    async def _enter(self, errand: RunTask) -> None:
        """Begin a run, unless another one has its task, or there are too many."""
        runs, fingerprint = errand.runs, errand.about.fingerprint
        is_sound = False
        try:
            errand.other = await runs.having(fingerprint)
            if errand.other is not None:
                is_sound = True
                return
            errand.about = errand.about.model_copy(update={"started": time.time()})
            await runs.begin(errand.id, errand.about)
            await self._look_at_limit(errand)
            errand.other = await runs.claim(errand.id, fingerprint)
            is_sound = errand.other is None
        except AmberError as error:
            errand.refusal = error
        except Exception as error:
            logger.exception("run not begun", extra={"run": errand.id})
            errand.refusal = InternalError(f"the run was not begun: {type(error).__name__}")
        finally:
            if not is_sound:
                with anyio.move_on_after(_SECONDS_TO_LEAVE, shield=True), suppress(AmberError):
                    await runs.discard(errand.id, fingerprint)

    async def _look_at_limit(self, errand: RunTask) -> None:
        """Of runs that begin at once, as many go on as there is room for."""
        here = [each for each in self._carried.values() if each.owner == errand.owner]
        earlier = here[: here.index(errand)]
        if len(earlier) >= self._settings.max_runs:
            for each in earlier:  # Some may turn out to be none.
                await each.entered.wait()
        before = [each.id for each in earlier if each.goes_on]
        ids = {each.id for each in here}
        others = await errand.runs.before(errand.id, errand.about)
        before += [each for each in others if each not in ids]
        if len(before) >= self._settings.max_runs:
            under_way = f"{len(before)} run{' is' if len(before) == 1 else 's are'} under way"
            raise Overloaded(
                f"{under_way}, as many as AMBER_MAX_RUNS allows",
                advice=f"Wait for one of them, or end one with `stop`: {', '.join(before[:10])}.",
            )

    async def _carry(self, errand: RunTask) -> None:
        settings = self._settings
        telling = RunLog(errand.id, errand.about, settings.max_answer_chars, self._secrets)
        end = LOST
        is_told = False
        try:
            async with background_tasks() as tasks:
                tasks.start_soon(hold, errand)
                tasks.start_soon(stop_when_asked, errand)
                tasks.start_soon(tell, errand, telling)
                end = await self._outcome(errand, telling)
                errand.ended = end.status
                # As long as anybody could read it.
                with anyio.move_on_after(settings.state_ttl.run):
                    is_told = await tell_end(errand, telling, end)
        finally:
            if not is_told:
                with anyio.move_on_after(_SECONDS_TO_LEAVE, shield=True):
                    is_told = await tell_end_at_once(errand, telling, end)
            told = {"run": errand.id, "outcome": end.status, "told": is_told}
            logger.log(logging.INFO if is_told else logging.ERROR, "run", extra=told)

    async def _outcome(self, errand: RunTask, telling: RunLog) -> End:
        """How the run ended, whatever happened in it."""
        limit = self._settings.run_timeout
        try:
            with (
                anyio.move_on_after(limit) as within,
                errand.stopping,
                reporting_waits(telling.note),
            ):
                result = dict(await errand.work(telling.write))
                clean = well_formed_json(remove_secrets_in_json(result, *self._secrets))
                assert isinstance(clean, dict)  # noqa: S101  # as the result was
                return End("completed", clean)
            if not within.cancelled_caught:
                return End("stopped")
            failure: AmberError = UpstreamTimeout(
                f"the run took longer than AMBER_RUN_TIMEOUT allows ({limit:g} s)",
                advice="It may have acted all the same. Give the agent a smaller task, or raise "
                "AMBER_RUN_TIMEOUT.",
            )
        except AmberError as error:
            failure = error
        except Exception as error:
            logger.exception("run failed unexpectedly", extra={"run": errand.id})
            failure = InternalError(
                f"the run failed with {type(error).__name__}; the log has the details"
            )
        return self._failed(failure)

    def _failed(self, failure: AmberError) -> End:
        secrets = self._settings.secrets
        failure.partial = ""  # The run's text has it.
        told = describe(failure, max_upstream_chars=self._settings.max_error_chars)
        result: dict[str, JsonValue] = {"error": well_formed(redact(told, *secrets))}
        if failure.status is not None:  # It was refused: nothing was done.
            result["refusal"] = well_formed(redact(failure.upstream, *secrets))
        return End("failed", result)


@asynccontextmanager
async def open_run_manager(settings: Settings) -> AsyncIterator[RunManager]:
    """A run_manager; the runs that go on at the block's end are lost."""
    begun, beginning = anyio.create_memory_object_stream[RunTask](math.inf)
    run_manager = RunManager(settings, begun)

    # Begun from here, no run has the context of a call, nor ends with one.
    async def begin_all(tasks: TaskGroup) -> None:
        async for errand in beginning:
            tasks.start_soon(run_manager.carry, errand)

    with begun, beginning:
        async with background_tasks() as tasks:
            tasks.start_soon(begin_all, tasks)
            try:
                yield run_manager
            finally:
                run_manager.close()


def _ending() -> InternalError:
    return InternalError("the run was not begun: this server is ending")
