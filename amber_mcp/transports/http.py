"""Streamable HTTP, on this machine alone until there is a way to tell callers apart."""

import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route

from amber_mcp.app import App
from amber_mcp.config.parsers import is_loopback
from amber_mcp.config.settings import Settings
from amber_mcp.errors import InvalidRequest, Unsupported
from amber_mcp.http.h11_patterns import use_linear_patterns
from amber_mcp.process import shutdown_signals

from .sessions import SessionManager

_GRACE_SECONDS = 2


async def serve_http(
    server: Server[App],
    *,
    host: str,
    port: int,
    path: str,
    settings: Settings,
    on_listening: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; open streams then have 2 s to end.

    Args:
        port: 0 takes a free one.
        settings: for how large messages, and how many sessions for how long, may be.
        on_listening: called with the address, once connections are accepted.

    Raises:
        Unsupported: if `host` is not this machine itself.
        InvalidRequest: if the address cannot be listened on.
    """
    if not is_loopback(host):
        raise Unsupported(
            f"serving on {host} would let anyone on the network use this server's key",
            advice="Serve on 127.0.0.1, and let a reverse proxy on this machine authenticate "
            "callers.",
        )
    use_linear_patterns()  # uvicorn may read requests with h11.
    manager = SessionManager(
        server,
        security_settings=_loopback_names_alone(host),
        session_idle_timeout=settings.session_timeout,
        max_request_body_size=settings.max_body_bytes,
        max_sessions=settings.max_sessions,
    )
    endpoint = StreamableHTTPASGIApp(manager)
    # A slash too many would be answered with a redirect, which clients do not follow with a body.
    app = Starlette(
        routes=[Route(each, endpoint=endpoint) for each in (path, f"{path.rstrip('/')}/")],
        lifespan=lambda _: _sessions(manager),
    )
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS
    )
    # Whoever reads the address may end the program at once.
    with _listening(host, port) as listener, shutdown_signals() as signals:
        listening = _UvicornServer(config)
        on_listening(_address(listener, path))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_stop_on_signal, listening, signals)
            await listening.serve(sockets=[listener])
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def _sessions(manager: SessionManager) -> AsyncIterator[None]:
    """The time in which there are sessions.

    In the end the SDK cancels the calls, which go on writing to their clients: that a question is
    withdrawn, that a call has ended. It has stopped reading what they write by then, and lets each
    write wait for seconds. So the sessions are closed first, and what is written fails at once.
    """
    async with manager.run():
        gc.freeze()  # Sessions that end are collected, and each time all modules would be walked.
        try:
            yield
        finally:
            for session in list(manager._server_instances.values()):  # There is no public way.
                await session.terminate()


class _UvicornServer(uvicorn.Server):
    if sys.platform != "win32":

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Signals are received in the task group, and not raised again afterwards."""
            yield


async def _stop_on_signal(server: _UvicornServer, signals: AsyncIterator[int]) -> None:
    async for number in signals:
        server.handle_exit(number, None)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(
            f"cannot listen on {host}, port {port}: {reason}",
            advice="Choose another with --port; --port 0 takes a free one.",
        ) from None
    with listener:
        # Connections inherit it. Without it, each answer to a kept connection waits 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def _address(listener: socket.socket, path: str) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


def _loopback_names_alone(host: str) -> TransportSecuritySettings:
    """Against DNS rebinding: no page in a browser reaches this server under its own name."""
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    return TransportSecuritySettings(
        allowed_hosts=[form for name in sorted(names) for form in (name, f"{name}:*")],
        allowed_origins=[f"http://{name}{port}" for name in sorted(names) for port in ("", ":*")],
    )
