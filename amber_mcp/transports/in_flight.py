"""How much a client may ask for before it gets its answers."""

from collections import defaultdict

import anyio
from mcp.types import RequestId

MOST_REQUESTS = 512


class InFlight:
    """The requests that are not settled yet: answered, or cancelled by the client.

    There is room for another one while there are fewer than `MOST_REQUESTS`, of no more than
    `max_bytes` together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0
        # A client may give several requests the same id, though it should not.
        self._sizes: defaultdict[RequestId, list[int]] = defaultdict(list)
        self._settled = anyio.Event()

    @property
    def has_room(self) -> bool:
        """Whether another request may be read."""
        return self._requests < MOST_REQUESTS and self._bytes <= self._max_bytes

    def add(self, request_id: RequestId, size: int) -> None:
        """Count a request that was read."""
        self._sizes[request_id].append(size)
        self._requests += 1
        self._bytes += size

    def settle(self, request_id: RequestId) -> None:
        """Count it no more."""
        if sizes := self._sizes.pop(request_id, None):
            self._requests -= 1
            self._bytes -= sizes.pop()
            if sizes:
                self._sizes[request_id] = sizes
        self._settled.set()
        self._settled = anyio.Event()

    async def wait_for_room(self) -> None:
        """Return as soon as there is room."""
        while not self.has_room:
            await self._settled.wait()
