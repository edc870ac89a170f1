"""Tasks that go on beside a block, and end with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


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
