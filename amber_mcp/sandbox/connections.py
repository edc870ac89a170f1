"""The sandbox's connections, within reach: to be stalled, cut, or watched until they close."""

import asyncio
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
"""The names by which this machine alone is meant."""
_MOMENT = 0.05

Client = tuple[str, int]
"""The address and the port that a connection comes from."""


class Connections:
    """The open connections, by the client that each comes from.

    `delay_of_next` is asked for each new one: the seconds until anything is read from it.
    """

    def __init__(self, delay_of_next: Callable[[], float]) -> None:
        self.delay_of_next = delay_of_next
        self.transports: dict[Client, asyncio.Transport] = {}
        self.on_lost: dict[Client, Callable[[], None]] = {}
        """What to call when a client's connection closes, of the latest request on it."""

    @property
    def protocol(self) -> Any:
        """What uvicorn makes a protocol with."""
        return partial(_Protocol, self)

    def close(self, client: Client) -> None:
        """Close a connection as a server does that ends."""
        if transport := self.transports.get(client):
            transport.close()

    async def reset(self, client: Client) -> None:
        """Close a connection with a reset, as a server does that crashes.

        A reset drops what the client has not read yet, so that it is given a moment to read.
        """
        await asyncio.sleep(_MOMENT)
        if transport := self.transports.get(client):
            at_once = struct.pack("ii", 1, 0)
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            transport.abort()


class _Protocol(H11Protocol):
    def __init__(self, connections: Connections, **more: Any) -> None:
        super().__init__(**more)
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            self._connections.transports[self.client] = transport
            if delay := self._connections.delay_of_next():
                # Not at once: before Python 3.11.4, a transport begins to read all the same.
                self.loop.call_soon(transport.pause_reading)
                self.loop.call_later(delay, self._read_on, transport)

    def _read_on(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.client is not None:
            self._connections.transports.pop(self.client, None)
            self._connections.on_lost.pop(self.client, lambda: None)()
