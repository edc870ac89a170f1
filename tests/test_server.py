"""The server in memory, in both protocol eras, against the sandbox program on its socket."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import pytest
from jsonschema import validate
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, TextContent
from starlette.responses import JSONResponse

from amber_mcp.config.parsers import DEFAULT_TOOLS
from amber_mcp.config.settings import Settings
from amber_mcp.server import build_server
from tests.conftest import SandboxProgram
from tests.planted import KEY
from tests.upstream import Canned, completion, events, text_chunk

ERAS = ("legacy", "2026-07-28")
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(params=ERAS)
def connect(request: pytest.FixtureRequest) -> Connect:
    @asynccontextmanager
    async def connected(settings: Settings, *, local_files: bool = True) -> AsyncIterator[Client]:
        server = build_server(settings, local_files=local_files)
        with anyio.fail_after(20):
            async with Client(server, mode=request.param) as client:
                yield client

    return connected


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def failure(result: CallToolResult, kind: str) -> str:
    assert result.is_error
    # A run that failed is a result, which says so.
    assert (result.structured_content or {}).get("status") in (None, "failed")
    assert text_of(result).startswith(f"{kind}: ")
    return text_of(result)


async def test_the_tools_are_listed_without_any_configuration(connect: Connect) -> None:
    async with connect(Settings()) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == list(DEFAULT_TOOLS)
        told = failure(await client.call_tool("ask_amber", {"question": "Why?"}), "not_configured")
    assert "AMBER_BASE_URL" in told
    assert "AMBER_API_KEY" in told
    assert "amber-mcp doctor" in told


async def test_the_agents_that_have_names_are_listed_with_what_they_are_for(
    connect: Connect,
) -> None:
    settings = Settings.from_environment({"AMBER_AGENTS": "hr=1|Leave, pay and contracts.,legal=2"})
    async with connect(Settings()) as client:
        plain = [tool.model_dump() for tool in (await client.list_tools()).tools]
    async with connect(settings) as client:
        listed = [tool.model_dump() for tool in (await client.list_tools()).tools]
    agent = plain[4]["input_schema"]["properties"]["agent"]
    agent["description"] += " Agents: hr: Leave, pay and contracts; legal."
    assert listed == plain


async def test_a_faulty_setting_is_told_on_each_call(connect: Connect) -> None:
    settings = Settings.from_environment({"AMBER_BASE_URL": "ftp://x", "AMBER_API_KEY": KEY})
    async with connect(settings) as client:
        for name, arguments in (
            ("list_models", {}),
            ("web_search", {"query": "Why?"}),
            ("upload_file", {"path": "a"}),
            ("run_agent", {"agent": "hr", "task": "Sum up."}),
        ):
            told = failure(await client.call_tool(name, arguments), "not_configured")
            assert "AMBER_BASE_URL starts with ftp://" in told


async def test_ask_amber_answers_with_sources(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        schema = (await client.list_tools()).tools[0].output_schema
        question = {"question": "How many vacation days do I get?"}
        result = await client.call_tool("ask_amber", question)
    answered = structured(result)
    validate(answered, schema)
    assert "30" in answered["answer"]
    assert answered["sources"][0]["number"] == 1
    assert "hr/annual-leave.md" in answered["sources"][0]["title"]
    assert answered["sources"][0]["url"].startswith("http://127.0.0.1:")
    assert answered["truncated"] is False
    for part in (answered["answer"], answered["sources"][0]["url"], answered["model"]):
        assert part in text_of(result)


async def test_ask_amber_can_leave_out_the_search(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        question = {"question": "How many vacation days do I get?", "search": "none"}
        answered = structured(await client.call_tool("ask_amber", question))
    assert answered["sources"] == []


async def test_web_search_answers_from_the_web(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        query = {"query": "What is cavitation in a pump?"}
        answered = structured(await client.call_tool("web_search", query))
    assert any("cavitation" in source["url"] for source in answered["sources"])


async def test_an_agent_is_run_by_its_name_or_its_id(
    connect: Connect, settings: Settings, sandbox: SandboxProgram
) -> None:
    task = "How long is the notice period for parental leave?"
    async with connect(settings) as client:
        schema = (await client.list_tools()).tools[4].output_schema
        by_name = await client.call_tool("run_agent", {"agent": "HR", "task": task})
        agent_id = settings.agents["hr"].id
        by_id = structured(await client.call_tool("run_agent", {"agent": agent_id, "task": task}))
    run = structured(by_name)
    validate(run, schema)
    assert run["status"] == "completed"
    assert run["answer"] == by_id["answer"]
    assert "hr/" in run["sources"][0]["title"]
    assert "Agent HR: completed" in text_of(by_name)


async def test_an_agent_that_is_unknown_is_not_found(connect: Connect, settings: Settings) -> None:
    unknown_id = "00000000-0000-4000-8000-000000000000"
    async with connect(settings) as client:
        by_name = await client.call_tool("run_agent", {"agent": "payroll", "task": "Sum up."})
        by_id = await client.call_tool("run_agent", {"agent": unknown_id, "task": "Sum up."})
    assert "hr, it" in failure(by_name, "not_found")
    assert "HTTP 404" in failure(by_id, "not_found")


async def test_an_unknown_model_and_an_unknown_file_are_told(
    connect: Connect, settings: Settings
) -> None:
    async with connect(settings) as client:
        model = {"question": "Why?", "model": "no-such-model"}
        file = {"question": "Why?", "file_ids": ["no-such-file"]}
        failure(await client.call_tool("ask_amber", model), "not_found")
        failure(await client.call_tool("ask_amber", file), "not_found")


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("ask_amber", {"qestion": "Why?"}, "`qestion` is unknown (did you mean `question`?)"),
        ("ask_amber", {"question": "  "}, "`question` is empty"),
        ("ask_amber", {"question": "Why?", "language": "deutsch!"}, "`language` must be a code"),
        ("ask_amber", {"question": "Why?", "temperature": -2}, "`temperature` must be 0 or more"),
        ("web_search", {"query": ""}, "`query` is empty"),
        ("web_search", {"query": "Why?", "file_ids": ["x"]}, "`file_ids` is unknown"),
        ("run_agent", {"agent": "", "task": "x"}, "`agent` is empty"),
        ("run_agent", {"agent": "hr", "task": ""}, "`task` is empty"),
        ("list_models", {"contains": ["a"]}, "`contains` must be text"),
        ("upload_file", {"file": "x"}, "`file` is unknown"),
    ],
)
async def test_arguments_that_cannot_be_used_are_named(
    connect: Connect, settings: Settings, tool: str, arguments: dict[str, object], told: str
) -> None:
    async with connect(settings) as client:
        assert told in failure(await client.call_tool(tool, arguments), "invalid_request")


async def test_an_unknown_tool_is_a_protocol_error(connect: Connect) -> None:
    async with connect(Settings()) as client:
        with pytest.raises(MCPError) as error:
            await client.call_tool("ask_ambr", {})
    assert error.value.code == INVALID_PARAMS
    assert "ask_ambr" in error.value.message


async def test_a_tool_that_was_not_chosen_is_neither_listed_nor_called(connect: Connect) -> None:
    settings = Settings.from_environment({"AMBER_TOOLS": "list_models"})
    async with connect(settings) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["list_models"]
        with pytest.raises(MCPError):
            await client.call_tool("ask_amber", {"question": "Why?"})


async def test_structured_content_can_be_turned_off(connect: Connect, settings: Settings) -> None:
    settings = settings.model_copy(update={"structured": False})
    async with connect(settings) as client:
        assert all(tool.output_schema is None for tool in (await client.list_tools()).tools)
        result = await client.call_tool("list_models", {})
    assert result.structured_content is None
    assert "- sandbox-brief (amber, the default: company search" in text_of(result)


async def test_all_that_was_asked_goes_upstream(connect: Connect, upstream: Canned) -> None:
    arguments = {
        "question": "  Warum?  ",
        "search": "none",
        "file_ids": '["f1"]',
        "model": "m-2",
        "language": "de",
        "instructions": "Be brief.",
        "temperature": 0.25,
    }
    async with upstream(events(text_chunk("Darum.", "stop"))) as canned:
        async with connect(canned.settings()) as client:
            structured(await client.call_tool("ask_amber", arguments))
    assert json.loads(canned.seen[0].body) == {
        "model": "m-2",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Warum?"},
        ],
        "stream": True,
        "temperature": 0.25,
        "tools": [],
        "metadata": {"files": ["f1"], "language": "de"},
    }


async def test_an_empty_answer_is_told_as_one(connect: Connect, upstream: Canned) -> None:
    async with upstream(events(text_chunk("", "stop"))) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    assert structured(result)["answer"] == ""
    assert "empty answer" in text_of(result)


async def test_the_usage_is_passed_on_as_far_as_it_is_known(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(completion("Because.", usage={"total_tokens": 9})) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    assert structured(result)["usage"] == {"total_tokens": 9}


async def test_a_refused_key_is_not_repeated(connect: Connect, upstream: Canned) -> None:
    async with upstream(JSONResponse({"detail": f"Unknown key {KEY}"}, 401)) as canned:
        async with connect(canned.settings()) as client:
            told = failure(await client.call_tool("list_models", {}), "unauthorized")
    assert KEY not in told
    assert "Check the API key" in told


async def test_an_unforeseen_failure_is_logged_and_not_shown(
    connect: Connect,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError("an inner matter")

    monkeypatch.setattr("amber_mcp.app.App.default_model", fails)
    async with connect(settings) as client:
        told = failure(await client.call_tool("ask_amber", {"question": "Why?"}), "internal_error")
    assert "ZeroDivisionError" in told
    assert "inner matter" not in told
    assert "an inner matter" in caplog.text


async def test_the_embedded_sandbox_never_gets_the_configured_key(connect: Connect) -> None:
    settings = Settings.from_environment({"AMBER_BASE_URL": "sandbox", "AMBER_API_KEY": KEY})
    async with connect(settings) as client:
        listed = structured(await client.call_tool("list_models", {}))
        run = {"agent": "it", "task": "How do I set up the VPN?"}
        answered = structured(await client.call_tool("run_agent", run))
    assert listed["default_model"]
    assert "it/" in answered["sources"][0]["title"]


@pytest.mark.parametrize(
    ("name", "value"), [("SSL_CERT_FILE", "/no/such/file"), ("HTTPS_PROXY", "odd://x")]
)
async def test_a_network_that_cannot_be_set_up_is_told_on_each_call(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    settings = Settings.from_environment({"AMBER_BASE_URL": "a.example", "AMBER_API_KEY": KEY})
    async with connect(settings) as client:
        assert (await client.list_tools()).tools
        told = failure(await client.call_tool("list_models", {}), "not_configured")
    assert name in told
