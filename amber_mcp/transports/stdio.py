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
from amber_mcp.signals import end_signals

from .opening import serve_streams

if TYPE_CHECKING:
    from .lines import Replies


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
        open_pipes(max_message_bytes) as (lines, replies),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_end_on_signal, replies, tasks.cancel_scope)
        await serve_streams(server, lines, replies)
        tasks.cancel_scope.cancel()


async def _serve_on_threads(server: Server[App]) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (lines, replies):
        await serve_streams(server, lines, replies)


async def _end_on_signal(replies: "Replies", scope: anyio.CancelScope) -> None:
    with end_signals() as signals:
        async for _ in signals:
            replies.end()
            scope.cancel()
            return
