"""A company's network on this machine: its authority, a TLS server, an HTTP and a SOCKS proxy.

Names that do not exist, such as `amber.company.test`, are known to the proxies alone.
"""

import base64
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSStream

HOST = "amber.company.test"
BROKEN = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError)
MESSAGE = {"role": "assistant", "content": "Thirty days."}
ANSWERS: dict[str, object] = {
    "GET": {"data": [{"id": "m"}]},
    "POST": {"model": "m", "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]},
}


def server_context(
    certificate: trustme.LeafCert, *, clients_of: trustme.CA | None = None
) -> ssl.SSLContext:
    """A server's TLS; `clients_of` is the authority whose clients alone it talks to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if clients_of:
        clients_of.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Server(ThreadingHTTPServer):
    """Answers as amber does, in few words, and sends TLS alerts as servers outside Python do."""

    def __init__(self, context: ssl.SSLContext | None, page: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.context = context
        self.page = page
        self.seen: list[Mapping[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        plain = self.request
        if self.server.context:
            self.request = self.server.context.wrap_socket(
                plain, server_side=True, do_handshake_on_connect=False
            )
        super().setup()
        if self.server.context:
            try:
                self.request.do_handshake()
            except OSError:
                # What the client has sent is read: a reset would take the alert away from it.
                with self.request, suppress(OSError):
                    socket.socket.shutdown(self.request, socket.SHUT_WR)
                    while socket.socket.recv(self.request, 65536):
                        pass
                raise

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def answer(self) -> None:
        self.server.seen.append(dict(self.headers))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        page = self.server.page
        body = page.encode() if page else json.dumps(ANSWERS[self.command]).encode()
        self.send_response(400 if page else 200)
        self.send_header("content-type", "text/html" if page else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *words: object) -> None:
        """Tests need no log."""


@dataclass
class TlsServer:
    """A running server: its port, and the headers of each request."""

    port: int
    seen: list[Mapping[str, str]]


@contextmanager
def running_server(context: ssl.SSLContext | None, *, page: str = "") -> Iterator[TlsServer]:
    """Serve with `context` (plain HTTP without one); `page` is an answer with status 400."""
    with _Server(context, page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield TlsServer(server.server_port, server.seen)
        finally:
            server.shutdown()
            thread.join()


@dataclass
class RunningProxy:
    """A running proxy: its port, and what it was asked for, as it came."""

    port: int
    seen: list[bytes] = field(default_factory=list)


Handler = Callable[[ByteStream, RunningProxy], Awaitable[None]]


@asynccontextmanager
async def listening(
    handler: Handler, context: ssl.SSLContext | None = None
) -> AsyncIterator[RunningProxy]:
    """Hand each connection (in TLS, with `context`) to `handler`."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    proxy = RunningProxy(listener.extra(SocketAttribute.local_port))  # noqa: S610  # no Django here

    async def serve(plain: ByteStream) -> None:
        async with plain:
            with suppress(*BROKEN):
                stream = (
                    await TLSStream.wrap(plain, ssl_context=context, server_side=True)
                    if context
                    else plain
                )
                await handler(stream, proxy)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield proxy
        tasks.cancel_scope.cancel()


def http_proxy(ports: Mapping[str, int], *, login: str = "", status: str = "") -> Handler:
    """A forward proxy that knows the hosts in `ports`.

    Args:
        login: the `user:password` that it wants.
        status: what it answers to everything.
    """
    wanted = f"basic {base64.b64encode(login.encode()).decode()}"

    async def handle(stream: ByteStream, proxy: RunningProxy) -> None:
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 65536)
        proxy.seen.append(head)
        target = head.split()[1].decode()
        answer = status
        if login and wanted not in head.decode().replace("Basic", "basic"):
            answer = "407 Proxy Authentication Required"
        elif target not in ports:
            answer = answer or "502 Bad Gateway"
        if answer:
            await stream.send(f"HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n".encode())
            return
        async with await anyio.connect_tcp("127.0.0.1", ports[target]) as upstream:
            await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _joined(stream, upstream)

    return handle


def socks_proxy(ports: Mapping[str, int], *, login: str = "", reply: int = 0) -> Handler:
    """A SOCKS 5 proxy that knows the hosts in `ports`; `reply` is its answer to each request."""
    user, _, password = login.encode().partition(b":")
    wanted = bytes([1, len(user)]) + user + bytes([len(password)]) + password

    async def handle(stream: ByteStream, proxy: RunningProxy) -> None:
        source = BufferedByteReceiveStream(stream)
        _, count = await source.receive_exactly(2)
        offered = await source.receive_exactly(count)
        method = 2 if login else 0
        await stream.send(bytes([5, method]))
        if method not in offered:
            return
        if login:
            given = await source.receive_exactly(2)
            given += await source.receive_exactly(given[1] + 1)
            given += await source.receive_exactly(given[-1])
            await stream.send(bytes([1, given != wanted]))
            if given != wanted:
                return
        head = await source.receive_exactly(5)
        name = await source.receive_exactly(head[4])
        port = int.from_bytes(await source.receive_exactly(2), "big")
        proxy.seen.append(name)
        await stream.send(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if not reply:
            target = ports[f"{name.decode()}:{port}"]
            async with await anyio.connect_tcp("127.0.0.1", target) as upstream:
                await _joined(stream, upstream)

    return handle


async def _joined(one: ByteStream, other: ByteStream) -> None:
    async def pump(source: ByteStream, sink: ByteStream) -> None:
        with suppress(*BROKEN):
            async for chunk in source:
                await sink.send(chunk)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump, one, other)
        tasks.start_soon(pump, other, one)
