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
        path, client = scope["path"], tuple(scope["client"])
        fault = self._faults.next_for(path)
        record = self._faults.record(path, is_faulty=fault is not None)
        self._connections.watch(client, lambda: _ended(record, "left"))
        if fault is None:
            await self._app(scope, receive, _recorded(send, record))
            return
        spoilt = _Spoilt(fault, record, client, self._connections, receive, send)
        try:
            await spoilt.begin()
            if fault.status is None:
                await self._app(scope, spoilt.receive, spoilt.send)
            else:
                await spoilt.answer(fault.status)
        except* _Stopped:
            pass  # A streaming response sends from a task group.


class _Stopped(Exception):
    """Nothing more is sent."""


class _Spoilt:
    """One answer that goes wrong."""

    def __init__(
        self,
        fault: Fault,
        record: Record,
        client: Client,
        connections: Connections,
        receive: Receive,
        send: Send,
    ) -> None:
        self._fault = fault
        self._record = record
        self._client = client
        self._connections = connections
        self.receive = receive
        self._send = _recorded(send, record)
        self._left = fault.stop_at

    async def begin(self) -> None:
        await anyio.sleep(self._fault.delay)
        if self._left == -1:
            await self._read_all()
            await self._stop()

    async def answer(self, status: int) -> None:
        """What the fault says, in place of the API's answer."""
        await self._read_all()
        content = self._fault.content
        named = {name.lower() for name in self._fault.headers}
        headers = [
            (k.encode("latin-1"), v.encode("latin-1")) for k, v in self._fault.headers.items()
        ]
        if "content-type" not in named:
            kind = b"text/plain" if isinstance(self._fault.body, str) else b"application/json"
            headers.append((b"content-type", kind))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": content})

    async def send(self, message: Message) -> None:
        """As the API sends, spoilt."""
        if message["type"] == "http.response.start":
            # The length that the API tells is not that of the body as it will be.
            headers = [(k, v) for k, v in message["headers"] if k.lower() != b"content-length"]
            await self._send({**message, "headers": headers})
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._fault.bad_json:
            body = body.replace(b"}", b"")
        for piece in _pieces(body, self._fault.piece_bytes or len(body)):
            await anyio.sleep(self._fault.pause)
            await self._send_within(piece)
        if not more:
            if self._left is not None:
                await self._stop()
            await self._send({"type": "http.response.body", "body": b""})

    async def _send_within(self, piece: bytes) -> None:
        if self._left is None:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            return
        sent, self._left = piece[: self._left], self._left - len(piece[: self._left])
        await self._send({"type": "http.response.body", "body": sent, "more_body": True})
        if not self._left:
            await self._stop()

    async def _stop(self) -> None:
        if self._fault.stop_by != "stall":
            _ended(self._record, "cut")
        if self._fault.stop_by == "close":
            self._connections.close(self._client)
        if self._fault.stop_by == "reset":
            await self._connections.reset(self._client)
        while (await self.receive())["type"] != "http.disconnect":
            pass
        raise _Stopped

    async def _read_all(self) -> None:
        while (await self.receive()).get("more_body"):
            pass


def _recorded(send: Send, record: Record) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            _ended(record, "answered")
        await send(message)

    return sending


def _ended(record: Record, end: str) -> None:
    if not record.end:
        record.end = end  # type: ignore[assignment]  # one of its values


def _pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), max(1, size))]
