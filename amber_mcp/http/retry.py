"""Limit concurrent requests, retry failed ones, and report each wait to whoever wants to know."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TypeVar

import anyio

from amber_mcp.errors import AmberError, Overloaded

from .connection_errors import is_transient

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_REPORT: ContextVar[Callable[[str], None]] = ContextVar("_REPORT")
_MARGIN_SECONDS = 0.1
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 8.0
_JITTER_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 120.0
_RETRIED_STATUSES = (429, 503)


@contextmanager
def reporting_waits(report: Callable[[str], None]) -> Iterator[None]:
    """Within the block, call `report` with a line of text before every wait. It must not block."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)


class RequestLimiter:
    """At most `limit` requests to one host at a time; the others wait for a free slot."""

    def __init__(self, limit: int, host: str) -> None:
        self._limit = limit
        self._host = host
        self._slots = anyio.Semaphore(limit)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for as long as the block takes.

        Raises:
            Overloaded: if none is free before the deadline of the surrounding cancel scope.
        """
        try:
            self._slots.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait()
        try:
            yield
        finally:
            self._slots.release()

    async def _wait(self) -> None:
        _report(f"Waiting for one of {self._limit} requests to {self._host} to end")
        with anyio.move_on_after(_seconds_left() - _MARGIN_SECONDS) as waiting:
            await self._slots.acquire()
        if waiting.cancelled_caught:
            raise Overloaded(
                f"{self._limit} requests to {self._host} were under way, as many as "
                "AMBER_MAX_CONCURRENT_REQUESTS allows, and none of them ended in time"
            )


async def send_with_retry(
    send: Callable[[], Awaitable[_T]], *, retries: int, repeatable: bool
) -> _T:
    """Call `send`, and again after a transient failure: at most `retries` times more.

    Transient are a connection that is not made, and, where the request is `repeatable`, the
    statuses 429 and 503. `Retry-After` is honoured; a wait that is longer than two minutes, or
    than the deadline of the surrounding cancel scope allows, is not begun.
    """
    import stamina

    attempt_number, backoff = 0, 0.0

    def should_retry(error: Exception) -> bool | float:
        """Whether to retry after the backoff, or after how many seconds."""
        retry_after = error.retry_after if isinstance(error, AmberError) else None
        wait = backoff + _JITTER_SECONDS if retry_after is None else retry_after
        longest = min(_LONGEST_WAIT_SECONDS, _seconds_left() - _MARGIN_SECONDS)
        if not _may_be_retried(error, repeatable=repeatable) or wait > longest:
            return False
        if attempt_number <= retries:
            cause = f"HTTP {error.status}" if isinstance(error, AmberError) else "No connection"
            logger.info("request retried", extra={"cause": cause})
            _report(f"{cause}: trying again in about {max(wait, 1):.0f} s")
        return True if retry_after is None else retry_after

    async for attempt in stamina.retry_context(
        on=should_retry,
        attempts=retries + 1,
        timeout=None,
        wait_initial=_FIRST_BACKOFF_SECONDS,
        wait_max=_LONGEST_BACKOFF_SECONDS,
        wait_jitter=_JITTER_SECONDS,
    ):
        attempt_number, backoff = attempt.num, attempt.next_wait
        with attempt:
            try:
                return await send()
            except AmberError as error:
                if attempt_number > 1:
                    error.message += f", {attempt_number} times"
                raise
    raise AssertionError("an attempt returns or raises")


def _may_be_retried(error: Exception, *, repeatable: bool) -> bool:
    if isinstance(error, AmberError):
        return repeatable and error.status in _RETRIED_STATUSES
    return is_transient(error)


def _seconds_left() -> float:
    return anyio.current_effective_deadline() - anyio.current_time()


def _report(wait: str) -> None:
    if report := _REPORT.get(None):
        report(wait)
