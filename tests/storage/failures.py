"""Ways in which a backend fails, for tests of what is done about it."""

from collections.abc import Awaitable, Callable

import anyio

from amber_mcp.storage.base import StorageUnavailable

TROUBLES = ("unavailable", "unforeseen", "hanging")


def failing(trouble: str) -> Callable[..., Awaitable[None]]:
    """A method that fails in one of those ways."""

    async def fails(*_: object, **__: object) -> None:
        if trouble == "hanging":
            await anyio.sleep_forever()
        if trouble == "unforeseen":
            raise ValueError("an inner matter")
        raise StorageUnavailable("the backend of the state is out of order")

    return fails
