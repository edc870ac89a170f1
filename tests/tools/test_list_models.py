"""Models: those that are listed, and the default, in both protocol eras."""

import json

import anyio
import pytest
from jsonschema import validate
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, completion, events, stalled_stream, text_chunk

__all__ = ["connect"]


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


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        ("", ["- m (amber, the default: company", "- n (amber: company"]),
        ("n", ["- m (amber: company", "- n (amber, the default: company"]),
        ("o", ["- m (amber: company", "- n (amber: company", "Default: o"]),
    ],
)
async def test_the_default_is_marked_and_no_model_is_listed_that_no_tool_can_use(
    connect: Connect, upstream: Canned, model: str, lines: list[str]
) -> None:
    models = JSONResponse({"data": [{"id": "m"}, {"id": "n"}]})
    other = JSONResponse({"data": [{"id": "llama", "modelType": "LLM"}]})
    async with upstream(models) as canned, upstream(other) as morpheus:
        settings = canned.settings(
            AMBER_MODEL=model,
            AMBER_OPENAI_MODELS="azure/gpt",
            MORPHEUS_BASE_URL=morpheus.base_url,
            MORPHEUS_API_KEY="sk-x",
        )
        async with connect(settings) as client:
            told = text_of(await client.call_tool("list_models", {})).splitlines()
        offered = settings.model_copy(update={"tools": ("list_models", "chat_completion")})
        async with connect(offered) as client:
            listed = structured(await client.call_tool("list_models", {}))
    assert [line.partition(" search")[0] for line in told] == lines
    apis = [each["api"] for each in listed["models"]]
    assert apis == ["amber", "amber", "amber-openai", "morpheus"]
    assert len(morpheus.seen) == 1


MESSAGES = [{"role": "user", "content": "Why?"}]
ASKING = [
    ("ask_amber", {"question": "Why?"}),
    ("web_search", {"query": "Why?"}),
    ("run_agent", {"task": "Go.", "agent": "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"}),
    ("chat_completion", {"messages": MESSAGES}),
]


@pytest.mark.parametrize(("tool", "arguments"), ASKING, ids=[name for name, _ in ASKING])
async def test_every_tool_takes_a_model_with_its_api(
    connect: Connect, upstream: Canned, tool: str, arguments: dict[str, object]
) -> None:
    async with upstream(completion("So.")) as canned:
        tools = ",".join(name for name, _ in ASKING)
        async with connect(canned.settings(AMBER_TOOLS=tools, AMBER_MODEL="d")) as client:
            structured(await client.call_tool(tool, {**arguments, "model": " amber: m:1"}))
            other = await client.call_tool(tool, {**arguments, "model": "morpheus:m"})
    (seen,) = canned.seen
    assert json.loads(seen.body)["model"] == "m:1"
    if tool != "chat_completion":
        told = failure(other, "invalid_request")
        assert "`model` names the API morpheus, and this tool asks amber" in told
