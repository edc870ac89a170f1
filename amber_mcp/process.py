"""The process: its event loop, the signals that end it, and tasks that end with a block."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

_T = TypeVar("_T")
_SWITCH_SECONDS = 0.001
"""So soon a busy thread lets the event loop go on."""


def run(main: Callable[[], Awaitable[_T]]) -> _T:
    """Run `main` to its end.

    The event loop looks up host names in threads, and asyncio waits for those at the end. Where a
    name server does not answer (a VPN that is down), that would be half a minute.
    """

    sys.setswitchinterval(_SWITCH_SECONDS)

    async def with_daemon_threads() -> _T:
        asyncio.get_running_loop().set_default_executor(_DaemonThreads())
        return await main()

    return anyio.run(with_daemon_threads)


class _DaemonThreads(ThreadPoolExecutor):
    """A thread for each job, which ends with the process."""

    def submit(self, job: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start the job."""
        future: Future[Any] = Future()

        def run_job() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    result = job(*args, **kwargs)
                except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
                    future.set_exception(error)
                else:
                    future.set_result(result)

        Thread(target=run_job, daemon=True).start()
        return future


@contextmanager
def shutdown_signals() -> Iterator[AsyncIterator[int]]:
    """The signals to end that arrive from now on.

    Windows has none that an event loop can wait for: there Ctrl-C raises `KeyboardInterrupt`.
    """
    if sys.platform == "win32":
        yield _never()
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        yield signals


async def _never() -> AsyncIterator[int]:
    await anyio.sleep_forever()
    yield 0


@asynccontextmanager
async def background_tasks() -> AsyncIterator[TaskGroup]:
    """A task group whose tasks are cancelled at the block's end.

    What the block raises comes out as it is, and not in an exception group.
    """
    failed: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except Exception as error:  # noqa: BLE001  # raised again, outside the group
            failed = error
        tasks.cancel_scope.cancel()
    if failed is not None:
        raise failed
