"""A run of this process, and what goes on beside its work: it is held, told, and may be stopped.

None of that ends the work: what the store does not take is told again, and logged.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio
from pydantic import JsonValue

from amber_mcp.errors import AmberError
from amber_mcp.storage.identity import new_id

from .event_log import RunLog
from .records import RENEWAL_SECONDS, Run, Runs, RunSpec, Status

logger = logging.getLogger(__name__)

Work = Callable[[Callable[[str], None]], Awaitable[Mapping[str, JsonValue]]]
"""What a run does: it hands on each piece of text, and returns the fields of its result."""

_SECONDS_BETWEEN_WRITES = 0.5


@dataclass(eq=False)
class RunTask:
    """A run of this process: whose it is, where it is kept, and what it does.

    `entered` is set when it is known whether it goes on: not, where `other` has its task or
    there is a `refusal`. `ended` says how the work has ended, which may not be told yet.
    """

    owner: str
    runs: Runs
    about: RunSpec
    work: Work
    id: str = field(default_factory=lambda: new_id("run"))
    stopping: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    entered: anyio.Event = field(default_factory=anyio.Event)
    other: Run | None = None
    refusal: AmberError | None = None
    ended: Status | None = None
    holding: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def goes_on(self) -> bool:
        """Whether it is to be done: it was begun, or may yet be, and has not ended."""
        return self.other is None and self.refusal is None and self.ended is None

    @property
    def has_its_task(self) -> bool:
        """Whether the same task would get this run: it goes on, or there is an answer."""
        return self.ended in (None, "completed")


@dataclass(frozen=True)
class End:
    """How a run ended, and what has come of it."""

    status: Status
    result: Mapping[str, JsonValue] = field(default_factory=dict)


LOST = End("lost")


async def hold(errand: RunTask) -> None:
    """Keep the lease, as well as the store allows."""
    while True:
        await anyio.sleep(RENEWAL_SECONDS)
        try:
            async with errand.holding:
                await errand.runs.hold(errand.id, errand.about)
        except AmberError as error:
            logger.warning("run not held", extra={"run": errand.id, "cause": error.message})
        except Exception:
            logger.exception("run not held", extra={"run": errand.id})


async def stop_when_asked(errand: RunTask) -> None:
    """End the work, once somebody has asked for it in the store."""
    while True:
        try:
            await errand.runs.asked_to_stop(errand.id)
            errand.stopping.cancel()
            return
        except AmberError:  # `hold` tells of it.
            await anyio.sleep(RENEWAL_SECONDS)
        except Exception:
            logger.exception("run cannot be stopped by others", extra={"run": errand.id})
            await anyio.sleep(RENEWAL_SECONDS)


async def tell(errand: RunTask, telling: RunLog) -> None:
    """Tell what happens, as it happens."""
    while True:
        await telling.wait()
        try:
            await telling.tell(errand.runs)
        except AmberError:  # `hold` tells of it.
            telling.nudge()
        except Exception:  # What comes next is told with this.
            logger.exception("run not told", extra={"run": errand.id})
        await anyio.sleep(_SECONDS_BETWEEN_WRITES)


async def tell_end(errand: RunTask, telling: RunLog, end: End) -> bool:
    """Tell how a run ended, as soon as the store takes it."""
    while True:
        if await tell_end_at_once(errand, telling, end):
            return True
        await anyio.sleep(_SECONDS_BETWEEN_WRITES)


async def tell_end_at_once(errand: RunTask, telling: RunLog, end: End) -> bool:
    """Tell how a run ended; whether the store has taken it."""
    try:
        await telling.tell(errand.runs, is_last=True)
        async with errand.holding:
            await errand.runs.end(errand.id, errand.about, end.status, end.result)
    except AmberError:  # `hold` tells of it.
        return False
    return True
