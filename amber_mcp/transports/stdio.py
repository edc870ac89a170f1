"""stdio: one client, on pipes that belong to this transport alone.

The SDK's own transport moves each message through worker threads, does not end on SIGINT while
stdin is open, and skips all clean-up on SIGTERM. Where stdin or stdout cannot be watched by the
event loop (on Windows, or where one is a regular file), it serves all the same.
"""

import sys
from typing import TYPE_CHECKING

import anyio
from mcp.server.lowlevel import Server

from amber_mcp.app import App
from amber_mcp.config.settings import Settings
from amber_mcp.logs import configure_logging
from amber_mcp.process import run, shutdown_signals
from amber_mcp.server import build_server

from .handshake import serve_streams

if TYPE_CHECKING:
    from .streams import MessageWriter


def run_on_stdio() -> int:
    """Serve one client on stdin and stdout; faulty settings are told on stderr and on each call."""
    settings = Settings.from_environment()
    configure_logging(settings)
    # Without a stderr, `print` would take stdout, which is for protocol alone.
    for problem in settings.problems if sys.stderr else ():
        shown = "".join(char if char.isprintable() else "?" for char in problem)
        print(f"amber-mcp: {shown}", file=sys.stderr)
    server = build_server(settings, local_files=True)
    run(lambda: serve_stdio(server, max_message_bytes=settings.max_body_bytes))
    return 0


async def serve_stdio(server: Server[App], *, max_message_bytes: int) -> None:
    """Serve until EOF, SIGINT or SIGTERM. Calls in flight are cancelled, and cleaned up after."""
    if sys.platform == "win32":
        await _serve_on_threads(server)
        return
    from .pipes import are_pipes, open_pipes

    if not are_pipes():
        await _serve_on_threads(server)
        return
    async with (
        open_pipes(max_message_bytes) as (messages, replies),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_end_on_signal, replies, tasks.cancel_scope)
        await serve_streams(server, messages, replies)
        tasks.cancel_scope.cancel()


async def _serve_on_threads(server: Server[App]) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (messages, replies):
        await serve_streams(server, messages, replies)


async def _end_on_signal(replies: "MessageWriter", scope: anyio.CancelScope) -> None:
    with shutdown_signals() as signals:
        async for _ in signals:
            replies.end()
            scope.cancel()
            return
