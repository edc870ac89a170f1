"""`chat_completion`, `send_feedback` and the routing of models, in both eras."""

import base64
import json
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from tests.planted import KEY
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, completion, events, stalled_stream, text_chunk

__all__ = ["connect"]

UUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ALL = "ask_amber,list_models,chat_completion,send_feedback"
USER = [{"role": "user", "content": "Why?"}]
FUNCTION = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
}


@pytest.fixture
def everything() -> Settings:
    return Settings.from_environment({"AMBER_BASE_URL": "sandbox", "AMBER_TOOLS": ALL})


async def test_every_api_of_the_sandbox_answers(connect: Connect, everything: Settings) -> None:
    async with connect(everything) as client:
        listed = structured(await client.call_tool("list_models", {}))
        first = {model["api"]: model["id"] for model in reversed(listed["models"])}
        assert set(first) == {"amber", "amber-openai", "morpheus", "adaptive"}
        for api, model_id in first.items():
            arguments = {"model": f"{api}:{model_id}", "messages": USER}
            result = await client.call_tool("chat_completion", arguments)
            completed = structured(result)
            assert completed["api"] == api
            (choice,) = completed["choices"]
            assert choice["message"]["content"]
            assert choice["finish_reason"] == "stop"
            assert json.loads(text_of(result)) == completed


async def test_a_function_call_is_returned_and_its_result_is_taken(
    connect: Connect, everything: Settings
) -> None:
    async with connect(everything) as client:
        listed = structured(await client.call_tool("list_models", {}))
        for api in ("amber-openai", "morpheus"):
            model = next(f"{api}:{m['id']}" for m in listed["models"] if m["api"] == api)
            question = {"role": "user", "content": "What's the weather like in Aachen in celsius?"}
            asked = {"model": model, "messages": [question], "tools": [FUNCTION]}
            (choice,) = structured(await client.call_tool("chat_completion", asked))["choices"]
            assert choice["finish_reason"] == "tool_calls"
            (call,) = choice["message"]["tool_calls"]
            assert call["function"]["name"] == "get_current_weather"
            assert json.loads(call["function"]["arguments"])["location"]
            assert call["id"]
            told = {"role": "tool", "tool_call_id": call["id"], "content": "21 degrees, sunny"}
            asked["messages"] = [question, choice["message"], told]
            result = await client.call_tool("chat_completion", asked)
            (choice,) = structured(result)["choices"]
            assert "21 degrees, sunny" in choice["message"]["content"]


async def test_adaptive_takes_feedback_on_what_it_answered(
    connect: Connect, everything: Settings
) -> None:
    async with connect(everything) as client:
        listed = structured(await client.call_tool("list_models", {}))
        model = next(m["id"] for m in listed["models"] if m["api"] == "adaptive")
        asked = {"model": f"adaptive:{model}", "messages": USER, "parameters": {"n": 2}}
        completed = structured(await client.call_tool("chat_completion", asked))
        better, worse = (choice["completion_id"] for choice in completed["choices"])
        project = model.partition("/")[0]
        rated = {
            "project": project,
            "metric": "helpfulness",
            "session_id": completed["session_id"],
            "value": "0.8",
        }
        outcome = structured(await client.call_tool("send_feedback", rated))
        rated |= {"metric": "resolved", "value": "true"}
        resolved = structured(await client.call_tool("send_feedback", rated))
        compared = {
            "project": project,
            "metric": "helpfulness",
            "completion_id": better,
            "other_completion_id": worse,
            "tied": "good",
        }
        comparison = await client.call_tool("send_feedback", compared)
        unknown = {**rated, "metric": "no-such-metric"}
        told = failure(await client.call_tool("send_feedback", unknown), "not_found")
    assert outcome["kind"] == resolved["kind"] == "outcome"
    assert structured(comparison)["kind"] == "comparison"
    assert structured(comparison)["id"] in text_of(comparison)
    assert "EntityNotFound" in told


async def test_a_local_image_is_read_and_described(
    connect: Connect, everything: Settings, tmp_path: Path
) -> None:
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAD0lEQVR4nGNg+M8AQRAKABvuA/0Zj8nLAAAAAElFTkSuQmCC"
    )
    (tmp_path / "dot.png").write_bytes(png)
    settings = everything.model_copy(update={"upload_roots": (tmp_path,)})
    image = {"type": "image_url", "image_url": {"url": str(tmp_path / "dot.png")}}
    message = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}
    async with connect(settings) as client:
        listed = structured(await client.call_tool("list_models", {}))
        for api in ("amber-openai", "adaptive"):
            model = next(f"{api}:{m['id']}" for m in listed["models"] if m["api"] == api)
            asked = {"model": model, "messages": [message]}
            (choice,) = structured(await client.call_tool("chat_completion", asked))["choices"]
            assert "PNG, " in choice["message"]["content"]


def settings_of(canned: object, **variables: str) -> Settings:
    return canned.settings(AMBER_TOOLS=ALL, **variables)


async def test_a_bare_id_goes_to_the_one_api_that_has_it(
    connect: Connect, upstream: Canned
) -> None:
    models = JSONResponse({"data": [{"id": "only-amber"}, {"id": "both"}]})
    async with upstream(models, completion("So.")) as canned:
        settings = settings_of(canned, AMBER_OPENAI_MODELS="both,only-openai")
        async with connect(settings) as client:
            asked = {"model": "only-amber", "messages": USER}
            assert structured(await client.call_tool("chat_completion", asked))["api"] == "amber"
    assert canned.seen[1].path == "/api/beta/amberai/chat/completions"
    async with upstream(models, models, models, completion("So.")) as canned:
        settings = settings_of(canned, AMBER_OPENAI_MODELS="both,only-openai")
        async with connect(settings) as client:
            asked = {"model": "both", "messages": USER}
            told = failure(await client.call_tool("chat_completion", asked), "invalid_request")
            assert "amber:both, amber-openai:both" in told
            asked = {"model": "neither", "messages": USER}
            told = failure(await client.call_tool("chat_completion", asked), "not_found")
            assert "list_models" in told
            asked = {"model": "amber-openai:anything", "messages": USER}
            await client.call_tool("chat_completion", asked)
    assert [seen.method for seen in canned.seen] == ["GET", "GET", "POST"]


async def test_an_api_that_is_silent_is_named_and_hides_no_other(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(JSONResponse({"data": [{"id": "m"}]})) as canned:
        settings = settings_of(
            canned,
            MORPHEUS_BASE_URL="http://127.0.0.1:9/api/v1",
            MORPHEUS_API_KEY="sk-x",
            AMBER_RETRIES="0",
        )
        async with connect(settings) as client:
            result = await client.call_tool("list_models", {})
            asked = {"model": "gone", "messages": USER}
            told = failure(await client.call_tool("chat_completion", asked), "not_found")
    listed = structured(result)
    assert [model["id"] for model in listed["models"]] == ["m"]
    assert listed["default_model"] == "m"
    (silent,) = listed["unavailable"]
    assert silent["api"] == "morpheus"
    assert silent["error"].startswith("upstream_unreachable: ")
    assert "morpheus did not answer" in text_of(result)
    assert "morpheus did not list models" in told


async def test_models_are_listed_though_amber_is_silent(connect: Connect, upstream: Canned) -> None:
    async with upstream(JSONResponse({"data": [{"id": "llama", "modelType": "LLM"}]})) as canned:
        settings = Settings.from_environment(
            {
                "AMBER_BASE_URL": "http://127.0.0.1:9",
                "AMBER_API_KEY": KEY,
                "MORPHEUS_BASE_URL": canned.base_url,
                "MORPHEUS_API_KEY": "sk-x",
                "AMBER_RETRIES": "0",
                "AMBER_TOOLS": ALL,
            }
        )
        async with connect(settings) as client:
            listed = structured(await client.call_tool("list_models", {}))
    assert listed["models"] == [
        {"id": "llama", "api": "morpheus", "offers": ["functions", "sessions"]}
    ]
    assert listed["default_model"] == ""


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("morpheus:x", "MORPHEUS_BASE_URL is not set"),
        ("adaptive:x", "ADAPTIVE_API_KEY is not set"),
    ],
)
async def test_an_api_without_settings_is_not_there(
    connect: Connect, upstream: Canned, model: str, told: str
) -> None:
    async with upstream(completion("So.")) as canned:
        async with connect(settings_of(canned)) as client:
            asked = {"model": model, "messages": USER}
            result = await client.call_tool("chat_completion", asked)
            rated = {"project": "p", "metric": "m", "session_id": UUID, "value": "1"}
            feedback = await client.call_tool("send_feedback", rated)
    assert told in failure(result, "not_configured")
    failure(feedback, "not_configured")
    assert canned.seen == []


async def test_objects_may_come_as_json_text_and_nulls_are_unset(
    connect: Connect, upstream: Canned
) -> None:
    asked = {
        "model": "amber:m",
        "messages": json.dumps([{**USER[0], "name": None}]),
        "parameters": '{"temperature": 0.5}',
        "tools": None,
    }
    async with upstream(completion("So.")) as canned:
        async with connect(settings_of(canned)) as client:
            structured(await client.call_tool("chat_completion", asked))
    body = json.loads(canned.seen[0].body)
    assert body["messages"] == USER
    assert body["temperature"] == 0.5


async def test_a_completion_that_takes_too_long_is_told(connect: Connect, upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with connect(settings_of(canned, AMBER_CALL_TIMEOUT="0.3")) as client:
            asked = {"model": "amber:m", "messages": USER}
            failure(await client.call_tool("chat_completion", asked), "upstream_timeout")


async def test_all_choices_and_all_fields_are_returned(connect: Connect, upstream: Canned) -> None:
    chunks = [
        json.dumps(
            {
                "id": "x",
                "created": 5,
                "model": "m-1",
                "object": "chat.completion.chunk",
                "service_tier": "default",
                "system_fingerprint": "fp",
                "choices": [
                    {"index": index, "delta": {"content": text}, "finish_reason": "stop"}
                    for index, text in enumerate("AB")
                ],
            }
        ),
        json.dumps({"choices": [], "usage": {"total_tokens": 4, "prompt_tokens_details": {}}}),
    ]
    async with upstream(events(*chunks)) as canned:
        async with connect(settings_of(canned)) as client:
            asked = {"model": "amber:m", "messages": USER}
            completed = structured(await client.call_tool("chat_completion", asked))
    assert [choice["message"]["content"] for choice in completed["choices"]] == ["A", "B"]
    assert completed["usage"] == {"total_tokens": 4, "prompt_tokens_details": {}}
    for name, value in {
        "id": "x",
        "created": 5,
        "model": "m-1",
        "service_tier": "default",
        "system_fingerprint": "fp",
    }.items():
        assert completed[name] == value


async def test_over_http_no_local_image_is_read(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    image = {"type": "image_url", "image_url": {"url": str(tmp_path / "dot.png")}}
    message = {"role": "user", "content": [image]}
    async with upstream(completion("So.")) as canned:
        settings = settings_of(canned, AMBER_UPLOAD_ROOTS=str(tmp_path))
        async with connect(settings, local_files=False) as client:
            asked = {"model": "amber-openai:m", "messages": [message]}
            failure(await client.call_tool("chat_completion", asked), "unsupported")
    assert canned.seen == []
