"""How much a client may ask for before it gets its answers."""

import anyio
from mcp.types import RequestId

MOST_REQUESTS = 512
MOST_ASKING = 16

_Requests = list[tuple[RequestId, int]]
"""Ids and sizes. A client may give several requests the same id, though it should not."""


class Backpressure:
    """The requests that are not settled yet: neither answered nor cancelled by the client.

    There is room for another one while there are fewer than `MOST_REQUESTS`, of no more than
    `max_bytes` together. A request that has asked the client something does not count among them:
    what it waits for is in a line that has to be read. `MOST_ASKING` may do so at a time, and
    another one only while they are of no more than `max_bytes`, so that what is held is bounded.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._counted: _Requests = []
        self._asking: _Requests = []
        self._changed = anyio.Event()

    @property
    def has_room(self) -> bool:
        """Whether another request may be read."""
        return self._fits(self._counted, MOST_REQUESTS)

    async def wait_for_room(self) -> None:
        """Return as soon as there is room."""
        while not self.has_room:
            await self._changed.wait()

    def add(self, request_id: RequestId, size: int) -> None:
        """Count a request that was read."""
        self._counted.append((request_id, size))

    def ask(self, request_id: RequestId) -> bool:
        """Whether a request may ask the client; if so, it is no longer counted."""
        if any(asking == request_id for asking, _ in self._asking):
            return True
        if not self._fits(self._asking, MOST_ASKING):
            return False
        self._asking += self._taken(self._counted, request_id)
        return True

    def settle(self, request_id: RequestId) -> None:
        """Forget a request, if there is one of that id."""
        if not self._taken(self._asking, request_id):
            self._taken(self._counted, request_id)

    def _fits(self, requests: _Requests, most: int) -> bool:
        return len(requests) < most and sum(size for _, size in requests) <= self._max_bytes

    def _taken(self, requests: _Requests, request_id: RequestId) -> _Requests:
        for index, (each, _) in enumerate(requests):
            if each == request_id:
                self._changed.set()
                self._changed = anyio.Event()
                return [requests.pop(index)]
        return []
