"""The layer that lets an answer go wrong, or leaves it as it is."""

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .connections import Client, Connections
from .faults import CONTROL, Fault, Faults, Record


class FaultLayer:
    """Between the socket and the APIs: takes note of every request, and spoils some answers."""

    def __init__(self, app: ASGIApp, faults: Faults, connections: Connections) -> None:
        self._app = app
        self._faults = faults
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        fault = self._faults.next_for(scope["path"])
        record = Record(scope["path"], is_faulty=fault is not None)
        self._faults.requests.append(record)
        client: Client = tuple(scope["client"])
        self._connections.on_lost[client] = lambda: record.ended("left")

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
            if fault.stop_by == "close":
                self._connections.close(client)
            if fault.stop_by == "reset":
                await self._connections.reset(client)
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
    if fault.status is None:
        await app(scope, receive, spoilt)
        return
    kind = "text/plain" if isinstance(fault.body, str) else "application/json"
    given = {"content-type": kind, **{name.lower(): text for name, text in fault.headers.items()}}
    headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in given.items()]
    await spoilt({"type": "http.response.start", "status": fault.status, "headers": headers})
    await spoilt({"type": "http.response.body", "body": fault.content})
