"""How much a client may ask for before it gets its answers."""

import anyio
from mcp.types import RequestId

MOST_REQUESTS = 512
MOST_ASKING = 16

_Requests = dict[str, int]
"""Sizes by ids, `1` and `"1"` being the same: to the SDK they are."""


class Backpressure:
    """The requests that are not settled yet: neither answered nor cancelled by the client.

    There is room for another one while there are fewer than `MOST_REQUESTS`, of no more than
    `max_bytes` together. A request that has asked the client something does not count among them:
    what it waits for is in a line that has to be read. `MOST_ASKING` may do so at a time, and
    another one only while they are of no more than `max_bytes`, so that what is held is bounded.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._counted: _Requests = {}
        self._asking: _Requests = {}
        self._changed = anyio.Event()

    @property
    def has_room(self) -> bool:
        """Whether another request may be read."""
        return self._fits(self._counted, MOST_REQUESTS)

    async def wait_for_room(self) -> None:
        """Return as soon as there is room."""
        while not self.has_room:
            await self._changed.wait()

    def add(self, request_id: RequestId, size: int) -> bool:
        """Count a request that was read, unless there is one of its id: then it is `False`."""
        if str(request_id) in self._counted or str(request_id) in self._asking:
            return False
        self._counted[str(request_id)] = size
        return True

    def ask(self, request_id: RequestId) -> bool:
        """Whether a request may ask the client; if so, it is no longer counted."""
        if str(request_id) in self._asking:
            return True
        if not self._fits(self._asking, MOST_ASKING):
            return False
        if (size := self._counted.pop(str(request_id), None)) is not None:
            self._asking[str(request_id)] = size
            self._change()
        return True

    def settle(self, request_id: RequestId) -> None:
        """Forget a request, if there is one of that id."""
        self._asking.pop(str(request_id), None)
        self._counted.pop(str(request_id), None)
        self._change()

    def _fits(self, requests: _Requests, most: int) -> bool:
        return len(requests) < most and sum(requests.values()) <= self._max_bytes

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
