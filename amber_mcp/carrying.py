"""Runs that go on by themselves: begun by a call, and ended by nobody's leaving.

Each runs in the lifespan's task group, in the lifespan's context, and contains its own failures.
What happens in it goes to the store as it happens, for whoever waits, in this process or another.
"""

import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from pydantic import JsonValue

from .api.json_text import mended_json
from .api.patience import telling_waits
from .background import background_tasks
from .errors import AmberError, InternalError, Overloaded, UpstreamTimeout, describe
from .redaction import distinct_secrets, json_without_secrets, redacted
from .settings import Settings
from .state.callers import new_id
from .state.runs import RENEWAL_SECONDS, About, Run, Runs, Status
from .telling import Telling

logger = logging.getLogger(__name__)

Work = Callable[[Callable[[str], None]], Awaitable[Mapping[str, JsonValue]]]
"""What a run does: it hands on each piece of text, and returns the fields of its result."""

_SECONDS_BETWEEN_WRITES = 0.5
_SECONDS_TO_LEAVE = 0.4


@dataclass(eq=False)
class Errand:
    """A run of this process: whose it is, where it is kept, and what it does.

    `entered` is set when it is known whether it goes on: not, where `other` has its task or
    there is a `refusal`.
    """

    owner: str
    runs: Runs
    about: About
    work: Work
    id: str = field(default_factory=lambda: new_id("run"))
    stopping: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    entered: anyio.Event = field(default_factory=anyio.Event)
    other: Run | None = None
    refusal: AmberError | None = None
    has_ended: bool = False
    holding: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def goes_on(self) -> bool:
        """Whether it was begun, or may yet be."""
        return self.other is None and self.refusal is None


@dataclass(frozen=True)
class _End:
    status: Status
    result: Mapping[str, JsonValue] = field(default_factory=dict)


_LOST = _End("lost")


class Carrier:
    """Carries the runs of this process. Opened by `open_carrier`."""

    def __init__(self, settings: Settings, begun: MemoryObjectSendStream[Errand]) -> None:
        self._settings = settings
        self._secrets = distinct_secrets(settings.keys)
        self._begun = begun
        self._carried: dict[tuple[str, str], Errand] = {}

    async def begin(self, owner: str, runs: Runs, about: About, work: Work) -> tuple[Runs, Run]:
        """Carry a new run, until it ends or this process does; or find the one that has its task.

        Args:
            owner: who calls, as this process alone knows it.

        Raises:
            Overloaded: if the caller has as many runs under way as one may have.
            StateUnavailable: if it cannot be kept. It was not begun.
        """
        key = (owner, about.fingerprint)
        errand = self._carried.get(key)
        if errand is None or errand.has_ended:
            self._carried.pop(key, None)  # What is begun last stands last.
            self._carried[key] = errand = Errand(owner, runs, about, work)
            self._begun.send_nowait(errand)
        await errand.entered.wait()
        if errand.refusal is not None:
            raise errand.refusal
        return errand.runs, errand.other or Run(errand.id, errand.about)

    async def find(self, owner: str, run_id: str) -> tuple[Runs, Run] | None:
        """A run of the caller's that this process carries, as far as the store can tell it."""
        for errand in self._carried.values():
            if (errand.owner, errand.id) == (owner, run_id):
                with suppress(AmberError):
                    return errand.runs, await errand.runs.open(run_id)
                return errand.runs, Run(errand.id, errand.about)
        return None

    def carries(self, run_id: str) -> bool:
        """Whether this process carries a run."""
        return any(errand.id == run_id for errand in self._carried.values())

    def stop(self, run_id: str) -> bool:
        """End a run, if this process carries it; tell whether it does."""
        for errand in self._carried.values():
            if errand.id == run_id:
                errand.stopping.cancel()
                return True
        return False

    async def carry(self, errand: Errand) -> None:
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
                errand.refusal = InternalError("the run was not begun: this server is ending")
                errand.entered.set()

    async def _enter(self, errand: Errand) -> None:
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

    async def _look_at_limit(self, errand: Errand) -> None:
        """Of runs that begin at once, as many go on as there is room for."""
        here = [each for each in self._carried.values() if each.owner == errand.owner]
        before = [each.id for each in here[: here.index(errand)] if each.goes_on]
        ids = {each.id for each in here}
        others = await errand.runs.before(errand.id, errand.about)
        before += [each for each in others if each not in ids]
        if len(before) >= self._settings.max_runs:
            under_way = f"{len(before)} run{' is' if len(before) == 1 else 's are'} under way"
            raise Overloaded(
                f"{under_way}, as many as AMBER_MAX_RUNS allows",
                advice=f"Wait for one of them, or end one with `stop`: {', '.join(before[:10])}.",
            )

    async def _carry(self, errand: Errand) -> None:
        settings = self._settings
        telling = Telling(errand.id, errand.about, settings.max_answer_chars, self._secrets)
        end = _LOST
        is_told = False
        try:
            async with background_tasks() as tasks:
                tasks.start_soon(_hold, errand)
                tasks.start_soon(_stop_when_asked, errand)
                tasks.start_soon(_tell, errand, telling)
                end = await self._outcome(errand, telling)
                errand.has_ended = True
                # As long as anybody could read it.
                with anyio.move_on_after(settings.state_ttl.run):
                    is_told = await _tell_end(errand, telling, end)
        finally:
            if not is_told:
                with anyio.move_on_after(_SECONDS_TO_LEAVE, shield=True):
                    is_told = await _is_told(errand, telling, end)
            told = {"run": errand.id, "outcome": end.status, "told": is_told}
            logger.log(logging.INFO if is_told else logging.ERROR, "run", extra=told)

    async def _outcome(self, errand: Errand, telling: Telling) -> _End:
        """How the run ended, whatever happened in it."""
        limit = self._settings.run_timeout
        try:
            with anyio.fail_after(limit), errand.stopping, telling_waits(telling.note):
                result = dict(await errand.work(telling.write))
                clean = mended_json(json_without_secrets(result, *self._secrets))
                assert isinstance(clean, dict)  # noqa: S101  # as the result was
                return _End("completed", clean)
            return _End("stopped")
        except AmberError as error:
            failure = error
        except TimeoutError:
            failure = UpstreamTimeout(
                f"the run took longer than AMBER_RUN_TIMEOUT allows ({limit:g} s)",
                advice="It may have acted all the same. Give the agent a smaller task, or raise "
                "AMBER_RUN_TIMEOUT.",
            )
        except Exception as error:
            logger.exception("run failed unexpectedly", extra={"run": errand.id})
            failure = InternalError(
                f"the run failed with {type(error).__name__}; the log has the details"
            )
        return self._failed(failure)

    def _failed(self, failure: AmberError) -> _End:
        secrets = self._settings.secrets
        failure.partial = ""  # The run's text has it.
        told = describe(failure, max_upstream_chars=self._settings.max_error_chars)
        result: dict[str, JsonValue] = {"error": redacted(told, *secrets)}
        if failure.status is not None:  # It was refused: nothing was done.
            result["refusal"] = redacted(failure.upstream, *secrets)
        return _End("failed", result)


@asynccontextmanager
async def open_carrier(settings: Settings) -> AsyncIterator[Carrier]:
    """A carrier; the runs that go on at the block's end are lost."""
    begun, beginning = anyio.create_memory_object_stream[Errand](math.inf)
    carrier = Carrier(settings, begun)

    # Begun from here, no run has the context of a call, nor ends with one.
    async def begin_all(tasks: TaskGroup) -> None:
        async for errand in beginning:
            tasks.start_soon(carrier.carry, errand)

    with begun, beginning:
        async with background_tasks() as tasks:
            tasks.start_soon(begin_all, tasks)
            yield carrier


async def _hold(errand: Errand) -> None:
    """Keep the lease, as well as the store allows."""
    while True:
        await anyio.sleep(RENEWAL_SECONDS)
        try:
            async with errand.holding:
                await errand.runs.hold(errand.id, errand.about)
        except AmberError as error:
            logger.warning("run not held", extra={"run": errand.id, "cause": error.message})


async def _stop_when_asked(errand: Errand) -> None:
    while True:
        try:
            await errand.runs.asked_to_stop(errand.id)
            errand.stopping.cancel()
            return
        except AmberError:  # `_hold` tells of it.
            await anyio.sleep(RENEWAL_SECONDS)


async def _tell(errand: Errand, telling: Telling) -> None:
    """Tell what happens, as it happens."""
    while True:
        await telling.wait()
        try:
            await telling.tell(errand.runs)
        except AmberError:  # `_hold` tells of it.
            telling.nudge()
        await anyio.sleep(_SECONDS_BETWEEN_WRITES)


async def _tell_end(errand: Errand, telling: Telling, end: _End) -> bool:
    """Tell how a run ended, as soon as the store takes it."""
    while True:
        if await _is_told(errand, telling, end):
            return True
        await anyio.sleep(_SECONDS_BETWEEN_WRITES)


async def _is_told(errand: Errand, telling: Telling, end: _End) -> bool:
    """Tell how a run ended, if the store takes it."""
    try:
        await telling.tell(errand.runs, is_last=True)
        async with errand.holding:
            await errand.runs.end(errand.id, errand.about, end.status, end.result)
    except AmberError:  # `_hold` tells of it.
        return False
    return True
