"""The program's event loop, whose end waits for nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar

import anyio

_T = TypeVar("_T")


def run(main: Callable[[], Awaitable[_T]]) -> _T:
    """Run `main` to its end.

    The event loop looks up host names in threads, and asyncio waits for those at the end. Where a
    name server does not answer (a VPN that is down), that would be half a minute.
    """

    async def with_own_threads() -> _T:
        asyncio.get_running_loop().set_default_executor(_DaemonThreads())
        return await main()

    return anyio.run(with_own_threads)


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
