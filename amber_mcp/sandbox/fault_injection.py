"""The layers that let an answer, or the connection under it, go wrong."""

import asyncio
import socket
import struct
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .faults import CONTROL, Fault, Faults, Record

_MOMENT = 0.05


class Connection(H11Protocol):
    """A connection that applications find in their scope, to be stalled or cut."""

    def __init__(self, faults: Faults, **more: Any) -> None:
        super().__init__(**more)
        self.app_state = {"connection": self}
        self.latest: Record | None = None
        """The latest request on it."""
        self._faults = faults

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if fault := self._faults.take(None):
            # Not at once: before Python 3.11.4, a transport begins to read all the same.
            self.loop.call_soon(transport.pause_reading)
            self.loop.call_later(fault.accept_delay, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.latest:
            self.latest.ended("left")

    async def stop(self, how: str) -> None:
        """End it as a server does that ends (`close`) or crashes (`reset`), or not at all."""
        if how == "close":
            self.transport.close()
        if how == "reset":
            # A reset drops what the client has not read yet, so that it is given a moment to read.
            await anyio.sleep(_MOMENT)
            at_once = struct.pack("ii", 1, 0)
            connection: socket.socket = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            self.transport.abort()


class FaultLayer:
    """Between the socket and the APIs: takes note of every request, and spoils some answers."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        fault = self._faults.take(scope["path"])
        record = Record(scope["path"], is_faulty=fault is not None)
        self._faults.requests.append(record)
        connection: Connection = scope["state"]["connection"]
        connection.latest = record

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                record.ended("answered")
            await send(message)

        if fault is None:
            await self._app(scope, receive, recorded)
            return
        try:
            await _spoil(self._app, fault, scope, receive, recorded)
        except* _Stopped:  # A streaming response sends from a task group.
            if fault.stop_by != "stall":
                record.ended("cut")
            await connection.stop(fault.stop_by)
            while (await receive())["type"] != "http.disconnect":
                pass


class _Stopped(Exception):
    """Nothing more is sent."""


async def _spoil(app: ASGIApp, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the API does, or as the fault says, with what is to go wrong.

    Raises:
        _Stopped: the connection is to end here.
    """
    left = fault.stop_at

    async def spoilt(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            # The length that the API tells is not that of the body as it will be.
            headers = [(k, v) for k, v in message["headers"] if k.lower() != b"content-length"]
            await send({**message, "headers": headers})
            return
        body = message.get("body", b"")
        if fault.bad_json:
            body = body.replace(b"}", b"")
        size = fault.piece_bytes or len(body) or 1
        for at in range(0, len(body), size):
            await anyio.sleep(fault.pause)
            piece = body[at : at + size][:left]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if left is not None:
                left -= len(piece)
                if not left:
                    raise _Stopped
        if not message.get("more_body"):
            if left is not None:
                raise _Stopped
            await send({"type": "http.response.body", "body": b""})

    await anyio.sleep(fault.delay)
    if left == -1 or fault.status is not None:
        while (await receive()).get("more_body"):
            pass
    if left == -1:
        raise _Stopped
    if fault.status is not None:
        kind = "text/plain" if isinstance(fault.body, str) else "application/json"
        app = Response(fault.content, fault.status, fault.headers, kind)
    await app(scope, receive, spoilt)
