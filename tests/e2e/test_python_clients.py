"""The Python SDK as a client of the real program: both eras, both transports, all five tools."""

import base64
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, PARSE_ERROR, CallToolResult, TextContent
from pydantic import ValidationError

from amber_mcp.config.parsers import DEFAULT_TOOLS
from tests.conftest import SandboxProgram
from tests.e2e.programs import COMMAND, environment, http_program

ERAS = {"legacy": "2025-11-25", "auto": "2026-07-28"}


@asynccontextmanager
async def connected(
    transport: str, mode: str, settings: dict[str, str], user: Any = None, *, within: float = 60
) -> AsyncIterator[Client]:
    """A client of a program that is started for it; `user` answers what is asked back."""
    more = {"mode": mode, "elicitation_callback": user}
    with anyio.fail_after(within):
        if transport == "stdio":
            command, *arguments = COMMAND
            server = StdioServerParameters(
                command=command, args=arguments, env=environment(**settings)
            )
            async with Client(stdio_client(server), **more) as client:
                yield client
            return
        async with (
            http_program(within=within, **settings) as url,
            httpx2.AsyncClient(trust_env=False, timeout=within) as http,
            Client(streamable_http_client(url, http_client=http), **more) as client,
        ):
            yield client


def facts(result: CallToolResult) -> tuple[str, dict[str, Any]]:
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert not result.is_error, content.text
    assert isinstance(result.structured_content, dict)
    return content.text, result.structured_content


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_every_tool_works(
    transport: str, mode: str, sandbox: SandboxProgram, tmp_path: Path
) -> None:
    told: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    (tmp_path / "memo.md").write_text("# Lighthouse\n\nThe lighthouse opens in June.\n")
    sent = {"path": str(tmp_path / "memo.md")}
    if transport == "http":
        content = base64.b64encode((tmp_path / "memo.md").read_bytes()).decode()
        sent = {"content_base64": content, "filename": "memo.md"}
    settings = {**sandbox.environment, "AMBER_UPLOAD_ROOTS": str(tmp_path)}
    async with connected(transport, mode, settings) as client:
        assert client.protocol_version == ERAS[mode]
        assert [tool.name for tool in (await client.list_tools()).tools] == list(DEFAULT_TOOLS)

        question = {"question": "How many vacation days do I get?"}
        text, answered = facts(
            await client.call_tool("ask_amber", question, progress_callback=on_progress)
        )
        assert "hr/annual-leave.md" in answered["sources"][0]["title"]
        assert answered["sources"][0]["url"] in text
        assert answered["answer"] in text

        query = {"query": "What is cavitation?", "language": "en"}
        _, answered = facts(await client.call_tool("web_search", query))
        assert answered["sources"]

        text, listed = facts(await client.call_tool("list_models", {}))
        assert listed["default_model"] in text

        text, uploaded = facts(await client.call_tool("upload_file", sent))
        assert uploaded["file_id"] in text
        question = {
            "question": "When does the lighthouse open?",
            "search": "none",
            "file_ids": [uploaded["file_id"]],
        }
        _, answered = facts(await client.call_tool("ask_amber", question))
        assert "June" in answered["answer"]

        run = {"agent": "hr", "task": "What do I do when I fall ill?"}
        text, finished = facts(await client.call_tool("run_agent", run))
        assert finished["status"] == "completed"
        assert "completed" in text

        with pytest.raises(MCPError) as error:
            await client.call_tool("no_such_tool", {})
        assert error.value.code == INVALID_PARAMS
    assert told
    assert told[0] == "Searching company sources"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize("mode", ERAS)
async def test_an_error_without_id_does_not_end_a_session(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client logs what it cannot read, and goes on."""
    noisy = 'read -r line; (printf "%s\\n" "$line"; echo "this is no JSON"; exec cat) | "$0" "$@"'
    server = StdioServerParameters(command="sh", args=["-c", noisy, *COMMAND], env=environment())
    with anyio.fail_after(60):
        async with Client(stdio_client(server), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 5
            assert client.protocol_version == ERAS[mode]
    (logged,) = caplog.records
    assert logged.exc_info is not None
    assert isinstance(logged.exc_info[1], ValidationError)
    assert logged.exc_info[1].errors()[0]["input"]["error"]["code"] == PARSE_ERROR
