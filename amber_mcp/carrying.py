"""Runs that go on by themselves: begun by a call, and ended by nobody's leaving.

Each runs in the lifespan's task group, in the lifespan's context, and contains its own failures.
What happens in it goes to the store as it happens, for whoever waits, in this process or another.
"""

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from pydantic import JsonValue

from .api.json_text import mended_json
from .api.patience import telling_waits
from .background import background_tasks
from .errors import AmberError, InternalError, Overloaded, UpstreamTimeout, describe
from .redaction import (
    begun_secret,
    distinct_secrets,
    json_without_secrets,
    redacted,
    without_secrets,
)
from .settings import Settings
from .state.callers import new_id
from .state.runs import RENEWAL_SECONDS, About, Run, Runs, Status
from .state.store import StateUnavailable

logger = logging.getLogger(__name__)

Work = Callable[[Callable[[str], None]], Awaitable[Mapping[str, JsonValue]]]
"""What a run does: it hands on each piece of text, and returns the fields of its result."""

_SECONDS_BETWEEN_WRITES = 0.5
_SECONDS_TO_TELL_THE_END = 60.0
_SECONDS_TO_TELL_THE_LOSS = 0.4


@dataclass(frozen=True)
class Errand:
    """A run to be carried: where it is kept, and what it does."""

    runs: Runs
    id: str
    about: About
    work: Work


class Carrier:
    """Carries the runs of this process. Opened by `open_carrier`."""

    def __init__(self, settings: Settings, begun: MemoryObjectSendStream[Errand]) -> None:
        self._settings = settings
        self._secrets = distinct_secrets(settings.keys)
        self._begun = begun

    async def begin(self, runs: Runs, about: About, work: Work) -> Run:
        """Carry a new run, until it ends or this process does; or find the one that has its task.

        Raises:
            Overloaded: if the caller has as many runs under way as one may have.
        """
        errand = Errand(runs, new_id("run"), about, work)
        await runs.begin(errand.id, about)
        if other := await runs.claim(errand.id, about.fingerprint):
            await runs.discard(errand.id)
            return other
        others = [each for each in await runs.going_on() if each != errand.id]
        if len(others) >= self._settings.max_runs:
            await runs.discard(errand.id, about.fingerprint)
            raise Overloaded(
                f"{len(others)} runs are under way, as many as AMBER_MAX_RUNS allows",
                advice=f"Wait for one of them, or end one with `stop`: {', '.join(others[:10])}.",
            )
        self._begun.send_nowait(errand)
        return Run(errand.id, about)

    async def carry(self, errand: Errand) -> None:
        """One run, of which nothing gets out but what it tells the store."""
        log = _Log(self._settings.max_answer_chars, self._secrets)
        end = _LOST
        is_told = False
        try:
            async with background_tasks() as tasks:
                stopping = anyio.CancelScope()
                tasks.start_soon(_hold, errand)
                tasks.start_soon(_stop_when_asked, errand, stopping)
                tasks.start_soon(_write, errand, log)
                end = await self._outcome(errand, log, stopping)
                with anyio.move_on_after(_SECONDS_TO_TELL_THE_END):
                    await _tell_end(errand, log, end)
                    is_told = True
        except Exception:
            logger.exception("run not told", extra={"run": errand.id})
        finally:
            if not is_told:
                with anyio.move_on_after(_SECONDS_TO_TELL_THE_LOSS, shield=True):
                    is_told = await _is_told_at_once(errand, log, end)
            told = {"run": errand.id, "outcome": end.status, "told": is_told}
            logger.log(logging.INFO if is_told else logging.ERROR, "run", extra=told)

    async def _outcome(self, errand: Errand, log: "_Log", stopping: anyio.CancelScope) -> "_End":
        """How the run ended, whatever happened in it."""
        limit = self._settings.run_timeout
        try:
            with anyio.fail_after(limit), stopping, telling_waits(log.note):
                result = dict(await errand.work(log.write))
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
        failure.partial = ""  # The run's text has it.
        told = describe(failure, max_upstream_chars=self._settings.max_error_chars)
        told = redacted(told, *self._settings.secrets)
        return _End("failed", {"error": told})


@asynccontextmanager
async def open_carrier(settings: Settings) -> AsyncIterator[Carrier]:
    """A carrier; the runs that go on at the block's end are lost."""
    begun, beginning = anyio.create_memory_object_stream[Errand](math.inf)
    carrier = Carrier(settings, begun)

    # Begun from here, no run has the context of a call.
    async def begin_all(tasks: TaskGroup) -> None:
        async for errand in beginning:
            tasks.start_soon(carrier.carry, errand)

    with begun, beginning:
        async with background_tasks() as tasks:
            tasks.start_soon(begin_all, tasks)
            yield carrier


@dataclass(frozen=True)
class _End:
    status: Status
    result: Mapping[str, JsonValue] = field(default_factory=dict)


_LOST = _End("lost")


class _Log:
    """What happened in a run and is not in the store yet."""

    def __init__(self, max_chars: int, secrets: tuple[str, ...]) -> None:
        self._left = max_chars
        self._secrets = secrets
        self._text = ""
        self._at = 0
        self._news = ""
        self._more = anyio.Event()
        self.lock = anyio.Lock()

    def write(self, text: str) -> None:
        """Add a piece of the answer."""
        text = text[: self._left]
        self._left -= len(text)
        self._text += text
        self._more.set()

    def note(self, news: str) -> None:
        """Replace the news."""
        self._news = news
        self._more.set()

    async def wait(self) -> None:
        """Return once there is more to tell."""
        await self._more.wait()

    def nudge(self) -> None:
        """Let `wait` return: what there was to tell is still untold."""
        self._more.set()

    def untold(self, *, is_last: bool = False) -> list[JsonValue]:
        """What there is to tell; what may be the beginning of a secret waits for the rest of it."""
        self._more = anyio.Event()
        self._text = without_secrets(self._text, *self._secrets)
        end = len(self._text) - (0 if is_last else begun_secret(self._text, *self._secrets))
        news: list[JsonValue] = [{"news": self._news}] if self._news else []
        text: list[JsonValue] = [{"text": self._text[:end], "at": self._at}] if end else []
        return news + text

    def told(self, items: list[JsonValue]) -> None:
        """Take note that these are in the store."""
        for item in items:
            match item:
                case {"text": str(text)}:
                    self._text = self._text[len(text) :]
                    self._at += len(text)
                case {"news": str(news)} if news == self._news:
                    self._news = ""
                case _:
                    pass


async def _hold(errand: Errand) -> None:
    """Keep the lease, as well as the store allows."""
    while True:
        try:
            await errand.runs.hold(errand.id, errand.about.fingerprint)
        except StateUnavailable as error:
            logger.warning("run not held", extra={"run": errand.id, "cause": error.message})
        await anyio.sleep(RENEWAL_SECONDS)


async def _stop_when_asked(errand: Errand, stopping: anyio.CancelScope) -> None:
    while True:
        try:
            await errand.runs.asked_to_stop(errand.id)
            stopping.cancel()
            return
        except StateUnavailable:  # `_hold` tells of it.
            await anyio.sleep(RENEWAL_SECONDS)


async def _write(errand: Errand, log: _Log) -> None:
    """Tell what happens, as it happens."""
    while True:
        await log.wait()
        try:
            await _tell(errand, log)
        except StateUnavailable:  # `_hold` tells of it.
            log.nudge()
        await anyio.sleep(_SECONDS_BETWEEN_WRITES)


async def _tell(errand: Errand, log: _Log, *, is_last: bool = False) -> None:
    async with log.lock:
        if items := log.untold(is_last=is_last):
            await errand.runs.tell(errand.id, *items)
            log.told(items)


async def _tell_end(errand: Errand, log: _Log, end: _End) -> None:
    """Tell how a run ended, as soon as the store allows."""
    while True:
        if await _is_told_at_once(errand, log, end):
            return
        await anyio.sleep(_SECONDS_BETWEEN_WRITES)


async def _is_told_at_once(errand: Errand, log: _Log, end: _End) -> bool:
    try:
        await _tell(errand, log, is_last=True)
        await errand.runs.end(errand.id, errand.about, end.status, end.result)
    except StateUnavailable:  # `_hold` tells of it.
        return False
    return True
