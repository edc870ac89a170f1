"""Waiting: for a turn, and before a request is made again; and who is told of it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TypeVar

import anyio

from amber_mcp.errors import AmberError, Overloaded

from .unreachable import may_pass

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_TOLD: ContextVar[Callable[[str], None]] = ContextVar("_TOLD")
_MARGIN_SECONDS = 0.1
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 8.0
_JITTER_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 120.0
_TAKES_NO_MORE = (429, 503)


@contextmanager
def telling_waits(tell: Callable[[str], None]) -> Iterator[None]:
    """Within the block, `tell` hears of every wait. It must return at once."""
    token = _TOLD.set(tell)
    try:
        yield
    finally:
        _TOLD.reset(token)


class Turns:
    """So many requests to one host at a time; the others wait for their turn."""

    def __init__(self, most: int, host: str) -> None:
        self._most = most
        self._host = host
        self._free = anyio.Semaphore(most)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """One turn, for as long as the block takes.

        Raises:
            Overloaded: if none is free before the deadline of the scope around it.
        """
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        _tell(f"Waiting for one of {self._most} requests to {self._host} to end")
        with anyio.move_on_after(_seconds_left() - _MARGIN_SECONDS) as waiting:
            await self._free.acquire()
        if waiting.cancelled_caught:
            raise Overloaded(
                f"{self._most} requests to {self._host} were under way, as many as "
                "AMBER_MAX_CONCURRENT_REQUESTS allows, and none of them ended in time"
            )


async def persistently(send: Callable[[], Awaitable[_T]], *, retries: int, repeatable: bool) -> _T:
    """Call `send`, and again after a failure that may pass: at most `retries` times.

    These are a connection that is not made, and, where the request is `repeatable`, the statuses
    429 and 503. A wait that upstream asks for (`Retry-After`) is kept to; one that is longer than
    two minutes, or than the deadline of the scope around it allows, is not begun.
    """
    import stamina

    backoff = 0.0
    attempts = 0

    def again(error: Exception) -> bool | float:
        told = error.retry_after if isinstance(error, AmberError) else None
        wait = backoff + _JITTER_SECONDS if told is None else told
        longest = min(_LONGEST_WAIT_SECONDS, _seconds_left() - _MARGIN_SECONDS)
        if not _is_worth_it(error, repeatable=repeatable) or wait > longest:
            return False
        if attempts <= retries:
            logger.info("request made again", extra={"cause": _what_happened(error)})
            _tell(f"{_what_happened(error)}: trying again in about {max(wait, 1):.0f} s")
        return True if told is None else told

    async for attempt in stamina.retry_context(
        on=again,
        attempts=retries + 1,
        timeout=None,
        wait_initial=_FIRST_BACKOFF_SECONDS,
        wait_max=_LONGEST_BACKOFF_SECONDS,
        wait_jitter=_JITTER_SECONDS,
    ):
        attempts, backoff = attempt.num, attempt.next_wait
        with attempt:
            try:
                return await send()
            except AmberError as error:
                if attempts > 1:
                    error.message += f", {attempts} times"
                raise
    raise AssertionError("an attempt returns or raises")


def _is_worth_it(error: Exception, *, repeatable: bool) -> bool:
    if isinstance(error, AmberError):
        return repeatable and error.status in _TAKES_NO_MORE
    return may_pass(error)


def _what_happened(error: Exception) -> str:
    if isinstance(error, AmberError):
        return f"HTTP {error.status}"
    return "No connection"


def _seconds_left() -> float:
    return anyio.current_effective_deadline() - anyio.current_time()


def _tell(news: str) -> None:
    if tell := _TOLD.get(None):
        tell(news)
