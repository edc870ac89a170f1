"""How much a client may ask for before it gets its answers."""

from collections import defaultdict

import anyio
from mcp.types import RequestId

MOST_REQUESTS = 512
MOST_ASKING = 16


class InFlight:
    """The requests that are not settled yet: answered, or cancelled by the client.

    There is room for another one while there are fewer than `MOST_REQUESTS`, of no more than
    `max_bytes` together. A request that has asked the client something does not count among them:
    what it waits for is in a line that has to be read. `MOST_ASKING` may do so at a time, and
    another one only while they are of no more than `max_bytes`, so that what is held is bounded.
    """

    def __init__(self, max_bytes: int) -> None:
        self._counted = _Requests(MOST_REQUESTS, max_bytes)
        self._asking = _Requests(MOST_ASKING, max_bytes)
        self._settled = anyio.Event()

    @property
    def has_room(self) -> bool:
        """Whether another request may be read."""
        return self._counted.has_room

    def add(self, request_id: RequestId, size: int) -> None:
        """Count a request that was read."""
        self._counted.add(request_id, size)

    def ask(self, request_id: RequestId) -> bool:
        """Whether a request may ask the client; if so, count it no more."""
        if request_id not in self._asking:
            if not self._asking.has_room:
                return False
            self._asking.add(request_id, self._counted.take(request_id))
            self._tell()
        return True

    def settle(self, request_id: RequestId) -> None:
        """Count it no more."""
        requests = self._asking if request_id in self._asking else self._counted
        requests.take(request_id)
        self._tell()

    def _tell(self) -> None:
        self._settled.set()
        self._settled = anyio.Event()

    async def wait_for_room(self) -> None:
        """Return as soon as there is room."""
        while not self.has_room:
            await self._settled.wait()


class _Requests:
    def __init__(self, most: int, max_bytes: int) -> None:
        self._most = most
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0
        # A client may give several requests the same id, though it should not.
        self._sizes: defaultdict[RequestId, list[int]] = defaultdict(list)

    @property
    def has_room(self) -> bool:
        return self._requests < self._most and self._bytes <= self._max_bytes

    def __contains__(self, request_id: RequestId) -> bool:
        return request_id in self._sizes

    def add(self, request_id: RequestId, size: int) -> None:
        self._sizes[request_id].append(size)
        self._requests += 1
        self._bytes += size

    def take(self, request_id: RequestId) -> int:
        """Take one of that id away, if there is any; its size."""
        sizes = self._sizes.pop(request_id, None)
        if not sizes:
            return 0
        size = sizes.pop()
        self._requests -= 1
        self._bytes -= size
        if sizes:
            self._sizes[request_id] = sizes
        return size
