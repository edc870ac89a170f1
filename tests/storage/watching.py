"""Tasks that wait in a store, as a test sees them."""

from collections.abc import Callable

import anyio

from amber_mcp.storage.base import Store


def waiting(store: Store) -> int:
    """How many tasks wait, as the store sees it."""
    return sum(event.statistics().tasks_waiting for event in store._events.values())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # nobody sets an event for it
        await anyio.sleep(0.01)
