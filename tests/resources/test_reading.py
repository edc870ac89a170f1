"""Reading a resource: its text, or an error that says what to do, in both eras."""

import json
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, TextResourceContents
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from amber_mcp.resources import TEMPLATES, Template
from amber_mcp.resources.reading import RESOURCE_NOT_FOUND
from tests.planted import KEY, Watch
from tests.resources.test_listing import ask
from tests.storage.failures import TROUBLES, failing
from tests.test_server import Connect, connect
from tests.upstream import Canned, completion, stalled_stream

__all__ = ["connect"]

NOT_FOUND = {"2025-11-25": RESOURCE_NOT_FOUND, "2026-07-28": INVALID_PARAMS}


async def read(client: Client, uri: str) -> TextResourceContents:
    (contents,) = (await client.read_resource(uri)).contents
    assert isinstance(contents, TextResourceContents)
    assert contents.uri == uri
    Watch("a resource")(contents.text)
    return contents


async def refusal(client: Client, uri: str) -> MCPError:
    with pytest.raises(MCPError) as error:
        await client.read_resource(uri)
    Watch("an error")(str(error.value.error))
    return error.value


async def test_the_models_are_those_that_the_tool_lists(
    connect: Connect, settings: Settings
) -> None:
    async with connect(settings) as client:
        contents = await read(client, "amber://models")
        listed = await client.call_tool("list_models", {})
    assert contents.mime_type == "application/json"
    assert json.loads(contents.text) == listed.structured_content


async def test_the_agents_are_those_that_have_names(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        contents = await read(client, "amber://agents")
    told: dict[str, Any] = json.loads(contents.text)
    hr = {"name": "hr", "agent_id": settings.agents["hr"].id, "description": ""}
    assert hr in told["agents"]
    assert len(told["agents"]) == len(settings.agents)


async def test_a_conversation_reads_as_its_transcript(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        talk = await ask(client, "How many vacation days do I get?")
        await ask(client, "And in the first year?", talk)
        contents = await read(client, f"amber://conversations/{talk}")
    assert contents.mime_type == "text/markdown"
    assert contents.text.startswith("# How many vacation days do I get?\n")
    assert f"conversation_id: {talk}\n" in contents.text
    assert "> And in the first year?\n" in contents.text
    assert "30" in contents.text
    assert contents.text.count("## ") == 2


async def test_a_transcript_holds_no_secret_and_no_control_characters(
    connect: Connect, upstream: Canned
) -> None:
    answer = f"It is {KEY[:9]}\x00{KEY[9:]}.\x1b[2J \u202eoh\n\tEnd"
    async with upstream(completion(answer)) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            talk = await ask(client, f"Is it {KEY}?\x9b")
            text = (await read(client, f"amber://conversations/{talk}")).text
    assert "> Is it {hidden}?\n" in text
    assert "It is {hidden}. oh\n\tEnd" in text


@pytest.mark.parametrize(
    "uri",
    [
        "amber://conversations/conv_none",
        "amber://conversations/",
        "amber://conversations",
        "amber://conversations/{id}",
        "amber://conversations/a/b",
        "amber://conversations/a%00",
        "amber://conversations/" + "a" * 100_000,
        "amber://other",
        "file:///etc/passwd",
        "",
        KEY,
    ],
    ids=lambda uri: repr(uri[:40]) if KEY not in uri else "a key",
)
async def test_where_nothing_is_the_protocol_s_error_says_what_to_do(
    connect: Connect, settings: Settings, uri: str
) -> None:
    settings = settings.model_copy(update={"api_key": type(settings.api_key)(KEY)})
    async with connect(settings) as client:
        error = await refusal(client, uri)
        assert error.code == NOT_FOUND[client.protocol_version]
    assert error.message.startswith("not_found: there is no resource ")
    assert "`resources/list`" in error.message
    assert len(error.message) < 500
    assert isinstance(error.data, dict)
    assert error.data["uri"][:30] in ("{hidden}", uri[:30])


async def test_another_caller_s_conversation_is_as_one_that_never_was(
    connect: Connect, upstream: Canned, tmp_path: object
) -> None:
    state = f"sqlite:{tmp_path}/state.db"
    async with upstream(completion("A secret.")) as canned:
        one = canned.settings(AMBER_MODEL="m", AMBER_STATE=state)
        other = canned.settings(AMBER_MODEL="m", AMBER_STATE=state, AMBER_API_KEY=f"{KEY}2")
        async with connect(one) as client:
            talk = await ask(client, "Why?")
            assert "A secret." in (await read(client, f"amber://conversations/{talk}")).text
        never = talk[:-4] + "none"
        async with connect(other) as client:
            theirs = await refusal(client, f"amber://conversations/{talk}")
            nobody_s = await refusal(client, f"amber://conversations/{never}")
    assert theirs.code == nobody_s.code
    assert theirs.message == nobody_s.message.replace(never, talk)


async def test_without_configuration_reading_says_what_is_missing(connect: Connect) -> None:
    async with connect(Settings()) as client:
        for uri in ("amber://models", "amber://agents", "amber://files", "amber://conversations/x"):
            error = await refusal(client, uri)
            assert error.code == INTERNAL_ERROR
            assert error.message.startswith("not_configured: ")
            assert "AMBER_BASE_URL" in error.message


async def test_an_error_of_amber_is_told_without_the_key(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(JSONResponse({"detail": f"{KEY} is no key"}, 401)) as canned:
        async with connect(canned.settings()) as client:
            error = await refusal(client, "amber://models")
    assert error.code == INTERNAL_ERROR
    assert error.message.startswith("unauthorized: ")
    assert "What to do: " in error.message


async def test_an_amber_that_stays_silent_is_not_waited_for_long(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(stalled_stream) as canned:
        async with connect(canned.settings(AMBER_CALL_TIMEOUT="0.3")) as client:
            error = await refusal(client, "amber://models")
    assert len(canned.seen) == 1
    assert error.message.startswith("upstream_timeout: ")
    assert "AMBER_CALL_TIMEOUT" in error.message


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("uri", ["amber://conversations/conv_1", "amber://runs/r", "amber://files"])
async def test_a_state_in_disorder_is_told(
    connect: Connect, settings: Settings, monkeypatch: pytest.MonkeyPatch, trouble: str, uri: str
) -> None:
    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.secret", failing(trouble))
    settings = settings.model_copy(update={"call_timeout": 0.2})
    async with connect(settings) as client:
        error = await refusal(client, uri)
    assert error.code == INTERNAL_ERROR
    assert error.message.startswith("internal_error: ")
    assert ("AMBER_STATE" in error.message) is (trouble != "unforeseen")
    assert "inner matter" not in error.message


async def test_every_read_is_logged_with_what_became_of_it(
    connect: Connect, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "amber_mcp")
    async with connect(settings) as client:
        await read(client, "amber://agents")
        await refusal(client, "amber://conversations/conv_none")
        await refusal(client, "amber://other")
    async with connect(Settings()) as client:
        await refusal(client, "amber://files")
    records = [each.__dict__ for each in caplog.records if each.msg == "read"]
    assert [(each.get("resource"), each["outcome"]) for each in records] == [
        ("agents", "completed"),
        ("conversation", "not_found"),
        (None, "not_found"),
        ("files", "not_configured"),
    ]
    assert all(float(each["seconds"]) >= 0 for each in records)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_an_address_is_made_of_an_id_and_read_again(template: Template) -> None:
    uri = template.uri_of("x_3q2-7wEB")
    assert template.id_in(uri) == "x_3q2-7wEB"
    for other in ("x_3q2-7wEB", template.uri, template.uri_of(""), f"{uri}/", f"{uri}%00", uri * 9):
        assert template.id_in(other) == ""
    assert template.id_in(template.uri_of("x" * 201)) == ""
