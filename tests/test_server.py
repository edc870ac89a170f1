"""The server in memory, in both protocol eras, against the sandbox program on its socket."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import validate
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, TextContent
from starlette.responses import JSONResponse

from amber_mcp.server import build_server
from amber_mcp.settings import Settings
from amber_mcp.values import DEFAULT_TOOLS
from tests.conftest import SandboxProgram
from tests.planted import KEY
from tests.upstream import Canned, completion, events, stalled_stream, text_chunk

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
    assert "hr/urlaubsregelung.md" in answered["sources"][0]["title"]
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


async def test_models_are_listed_with_the_default(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        schema = (await client.list_tools()).tools[2].output_schema
        result = await client.call_tool("list_models", {})
        some = structured(await client.call_tool("list_models", {"contains": "DETAIL"}))
        none = await client.call_tool("list_models", {"contains": "nothing of the kind"})
    listed = structured(result)
    validate(listed, schema)
    ids = [model["id"] for model in listed["models"]]
    assert listed["default_model"] == ids[0]
    assert listed["models"][0]["api"] == "amber"
    assert "company search" in listed["models"][0]["offers"]
    assert all(model_id in text_of(result) for model_id in ids)
    assert [model["id"] for model in some["models"]] == ["sandbox/detailed"]
    assert structured(none)["models"] == []
    assert "No model fits" in text_of(none)


async def test_an_uploaded_file_is_answered_from(
    connect: Connect, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "memo.txt").write_text("The lighthouse project is led by Ada Quist since May.")
    settings = settings.model_copy(update={"upload_roots": (tmp_path,)})
    async with connect(settings) as client:
        result = await client.call_tool("upload_file", {"path": str(tmp_path / "memo.txt")})
        uploaded = structured(result)
        question = {
            "question": "Who leads the lighthouse project?",
            "search": "none",
            "file_ids": [uploaded["file_id"]],
        }
        answered = structured(await client.call_tool("ask_amber", question))
    assert uploaded["filename"] == "memo.txt"
    assert uploaded["media_type"] == "text/plain"
    assert uploaded["size_bytes"] == 53
    assert uploaded["file_id"] in text_of(result)
    assert uploaded["sha256"] in text_of(result)
    assert "Ada Quist" in answered["answer"]


async def test_a_file_may_come_as_base64(connect: Connect, settings: Settings) -> None:
    content = base64.b64encode(b"The lighthouse opens in June.").decode()
    sent = {"content_base64": f"{content[:10]}\n{content[10:]}", "filename": "/x/C:\\y\\memo.txt"}
    async with connect(settings, local_files=False) as client:
        uploaded = structured(await client.call_tool("upload_file", sent))
    assert uploaded["filename"] == "memo.txt"
    assert uploaded["size_bytes"] == 29


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        ({}, "invalid_request", "either `path`, or `content_base64`"),
        ({"path": "a", "content_base64": "YQ=="}, "invalid_request", "either"),
        ({"content_base64": "YQ=="}, "invalid_request", "`filename` is missing"),
        ({"content_base64": "!", "filename": "a.txt"}, "invalid_request", "not base64"),
        ({"content_base64": "YQ==", "filename": "/"}, "invalid_request", "no name"),
        ({"content_base64": "YWFhYWFh", "filename": "a.txt"}, "too_large", "6 bytes"),
        ({"path": "/etc/passwd"}, "unsupported", "content_base64"),
    ],
)
async def test_an_upload_that_cannot_be_is_refused(
    connect: Connect,
    settings: Settings,
    arguments: dict[str, object],
    kind: str,
    told: str,
) -> None:
    settings = settings.model_copy(update={"max_upload_bytes": 5})
    async with connect(settings, local_files=False) as client:
        assert told in failure(await client.call_tool("upload_file", arguments), kind)


async def test_a_path_outside_the_allowed_folders_is_forbidden(
    connect: Connect, settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"upload_roots": (tmp_path,)})
    async with connect(settings) as client:
        told = failure(await client.call_tool("upload_file", {"path": "/etc/passwd"}), "forbidden")
    assert "AMBER_UPLOAD_ROOTS" in told


async def test_an_agent_is_run_by_its_name_or_its_id(
    connect: Connect, settings: Settings, sandbox: SandboxProgram
) -> None:
    task = "How long is the notice period for parental leave?"
    async with connect(settings) as client:
        schema = (await client.list_tools()).tools[4].output_schema
        by_name = await client.call_tool("run_agent", {"agent": "HR", "task": task})
        agent_id = settings.agents["hr"]
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
        ("list_models", {"contains": 5}, "`contains` must be text"),
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
    assert "Default:" in text_of(result)


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


async def test_the_default_model_is_looked_up_once(connect: Connect, upstream: Canned) -> None:
    models = JSONResponse({"data": [{"id": "first"}, {"id": "second"}]})
    async with upstream(models, events(text_chunk("Because.", "stop"))) as canned:
        async with connect(canned.settings(AMBER_LANGUAGE="fr")) as client:
            for _ in range(2):
                structured(await client.call_tool("ask_amber", {"question": "Why?"}))
    assert [seen.method for seen in canned.seen] == ["GET", "POST", "POST"]
    bodies = [json.loads(seen.body) for seen in canned.seen[1:]]
    assert [body["model"] for body in bodies] == ["first", "first"]
    assert bodies[0]["tools"] == [{"function": {"name": "amberSearch"}}]
    assert bodies[0]["metadata"] == {"language": "fr"}


async def test_the_configured_model_needs_no_lookup(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="mine", AMBER_STREAM="off")) as client:
            structured(await client.call_tool("web_search", {"query": "Why?"}))
    (seen,) = canned.seen
    body = json.loads(seen.body)
    assert (body["model"], body["stream"]) == ("mine", False)
    assert body["tools"] == [{"function": {"name": "webSearch"}}]


async def test_a_tenant_without_models_is_told(connect: Connect, upstream: Canned) -> None:
    async with upstream(JSONResponse({"data": []})) as canned:
        async with connect(canned.settings()) as client:
            told = failure(
                await client.call_tool("ask_amber", {"question": "Why?"}), "not_configured"
            )
    assert "AMBER_MODEL" in told


async def test_progress_arrives_while_the_answer_streams(
    connect: Connect, upstream: Canned
) -> None:
    told: list[str | None] = []
    arrived = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)
        if message and "characters" in message:
            arrived.set()

    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            async with anyio.create_task_group() as tasks:

                async def call() -> None:
                    arguments = {"question": "Why?"}
                    await client.call_tool("ask_amber", arguments, progress_callback=on_progress)

                tasks.start_soon(call)
                await arrived.wait()
                tasks.cancel_scope.cancel()
        await canned.closed.wait()
    assert told[-1] == "amber is answering: 4 characters so far"


async def test_a_host_that_takes_no_progress_gets_its_answer(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = anyio.Event()

    async def hang(*_: object, **__: object) -> None:
        blocked.set()
        await anyio.sleep_forever()

    monkeypatch.setattr("mcp.server.session.ServerSession.report_progress", hang)
    async with upstream(events(text_chunk("Because.", "stop"))) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            arguments = {"question": "Why?"}
            result = await client.call_tool("ask_amber", arguments, progress_callback=hang)
    assert structured(result)["answer"] == "Because."
    assert blocked.is_set()


async def test_a_call_that_takes_too_long_keeps_the_text_so_far(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half an ans"))) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_CALL_TIMEOUT="0.3")
        async with connect(settings) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    told = failure(result, "upstream_timeout")
    assert "Half an ans" in told
    assert "AMBER_CALL_TIMEOUT" in told


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("list_models", {}), ("upload_file", {"content_base64": "YQ==", "filename": "a.txt"})],
)
async def test_other_calls_end_in_time_too(
    connect: Connect, upstream: Canned, tool: str, arguments: dict[str, object]
) -> None:
    async with upstream(stalled_stream) as canned:
        async with connect(canned.settings(AMBER_CALL_TIMEOUT="0.3")) as client:
            failure(await client.call_tool(tool, arguments), "upstream_timeout")


async def test_an_answer_is_cut_at_its_limit_and_says_so(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(events(text_chunk("x" * 500, "length"))) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_ANSWER_CHARS="200")
        async with connect(settings) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    answered = structured(result)
    assert len(answered["answer"]) == 200
    assert answered["truncated"] is True
    assert "AMBER_MAX_ANSWER_CHARS" in text_of(result)
    assert "ended this answer early: length" in text_of(result)


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


async def test_a_hanging_list_of_models_holds_nobody_up_for_longer_than_a_call_may_take(
    connect: Connect, upstream: Canned
) -> None:
    told: list[str] = []
    async with upstream(stalled_stream) as canned:
        async with connect(canned.settings(AMBER_CALL_TIMEOUT="0.5")) as client:

            async def ask() -> None:
                result = await client.call_tool("ask_amber", {"question": "Why?"})
                told.append(failure(result, "upstream_timeout"))

            with anyio.fail_after(4):
                async with anyio.create_task_group() as tasks:
                    for _ in range(10):
                        tasks.start_soon(ask)
    assert len(told) == 10


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


async def test_a_list_of_sources_that_is_cut_says_so(connect: Connect, upstream: Canned) -> None:
    links = " ".join(f"https://w.example/{number}" for number in range(60))
    async with upstream(events(text_chunk(links, "stop"))) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_LIST_ENTRIES="50")
        async with connect(settings) as client:
            answered = structured(await client.call_tool("ask_amber", {"question": "Why?"}))
    assert len(answered["sources"]) == 50
    assert answered["truncated"] is True


async def test_a_list_of_models_that_is_cut_says_so(connect: Connect, upstream: Canned) -> None:
    models = JSONResponse({"data": [{"id": f"m{number}"} for number in range(5)]})
    async with upstream(models) as canned:
        async with connect(canned.settings(AMBER_MAX_LIST_ENTRIES="3")) as client:
            result = await client.call_tool("list_models", {})
            narrowed = structured(await client.call_tool("list_models", {"contains": "m4"}))
    listed = structured(result)
    assert [model["id"] for model in listed["models"]] == ["m0", "m1", "m2"]
    assert listed["truncated"] is True
    assert "AMBER_MAX_LIST_ENTRIES" in text_of(result)
    assert [model["id"] for model in narrowed["models"]] == ["m4"]
    assert narrowed["truncated"] is False
