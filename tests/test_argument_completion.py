"""Completions, in both eras: models, agents, files and conversations, and never a long wait."""

from collections.abc import Sequence

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    PromptReference,
    ResourceTemplateReference,
)
from starlette.responses import JSONResponse, Response

from amber_mcp.config.settings import Settings
from tests.files.test_remembered_uploads import upload
from tests.planted import KEY
from tests.resources.test_listing import ask
from tests.storage.failures import TROUBLES, failing
from tests.test_server import Connect, connect
from tests.upstream import Canned, completion, stalled_stream

__all__ = ["connect"]

CONVERSATION = ResourceTemplateReference(uri="amber://conversations/{id}")


async def completed(client: Client, prompt: str, argument: str, typed: str = "") -> Completion:
    ref = PromptReference(name=prompt)
    return (await client.complete(ref, {"name": argument, "value": typed})).completion


def models(ids: Sequence[str]) -> JSONResponse:
    return JSONResponse({"data": [{"id": each} for each in ids]})


async def test_models_and_agents_are_completed(connect: Connect, settings: Settings) -> None:
    async with connect(settings) as client:
        every = await completed(client, "research", "model")
        some = await completed(client, "research", "model", " DETAIL ")
        agents = await completed(client, "ask_agent", "agent")
        one = await completed(client, "ask_agent", "agent", "H")
    assert "sandbox/detailed" in every.values
    assert some.values == ["sandbox/detailed"]
    assert (some.total, some.has_more) == (1, False)
    assert agents.values == list(settings.agents)
    assert one.values[0] == "hr"
    assert all("h" in each for each in one.values)


async def test_what_begins_so_comes_first_and_at_most_a_hundred_come(
    connect: Connect, upstream: Canned
) -> None:
    ids = [*(f"x-gpt-{number}" for number in range(150)), "gpt-9", "other"]
    async with upstream(models(ids)) as canned:
        async with connect(canned.settings()) as client:
            found = await completed(client, "research", "model", "gpt")
    assert found.values[:2] == ["gpt-9", "x-gpt-0"]
    assert len(found.values) == 100
    assert (found.total, found.has_more) == (151, True)


async def test_typing_on_asks_amber_once_in_a_while(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with upstream(JSONResponse({}, 500), models(["one"]), models(["two"])) as canned:
        async with connect(canned.settings(AMBER_RETRIES="0")) as client:
            found = [(await completed(client, "research", "model")).values]
            monkeypatch.setattr("amber_mcp.api.model_cache._MAX_AGE_SECONDS", 0)
            found += [(await completed(client, "research", "model")).values]
            monkeypatch.undo()
            for typed in ("", "t", "tw"):
                found += [(await completed(client, "research", "model", typed)).values]
    assert found == [[], ["one"], ["two"], ["two"], ["two"]]
    assert len(canned.seen) == 3


async def test_files_are_completed_by_their_names_and_ids(
    connect: Connect, upstream: Canned
) -> None:
    answers = [JSONResponse({"id": f"id-{number}"}) for number in range(3)]
    async with upstream(*answers) as canned:
        async with connect(canned.settings()) as client:
            for name in ("offer.pdf", "memo.txt", "offer.pdf"):
                await upload(client, name)
            every = await completed(client, "compare_files", "second")
            names = await completed(client, "summarise_file", "file", "off")
            ids = await completed(client, "summarise_file", "file", "id-1")
    assert every.values == ["offer.pdf", "memo.txt", "id-2", "id-1", "id-0"]
    assert names.values == ["offer.pdf"]
    assert ids.values == ["id-1"]


async def test_conversations_are_completed_the_latest_first(
    connect: Connect, upstream: Canned, tmp_path: object
) -> None:
    state = f"sqlite:{tmp_path}/state.db"
    async with upstream(completion("Because.")) as canned:
        one = canned.settings(AMBER_MODEL="m", AMBER_STATE=state)
        other = canned.settings(AMBER_MODEL="m", AMBER_STATE=state, AMBER_API_KEY=f"{KEY}2")
        async with connect(one) as client:
            talks = [await ask(client, "Why?"), await ask(client, "What?")]
            found = await client.complete(CONVERSATION, {"name": "id", "value": "conv"})
        async with connect(other) as client:
            none = await client.complete(CONVERSATION, {"name": "id", "value": ""})
    assert found.completion.values == talks[::-1]
    assert none.completion.values == []


async def test_what_cannot_be_typed_as_it_is_is_not_completed(
    connect: Connect, upstream: Canned
) -> None:
    ids = rf'["m-\ud83d", "m\u001b[2J", "m\nx", "m\u202ex", "{KEY}", "ok", " no "]'
    body = f'{{"data": [{", ".join(f"""{{"id": {each}}}""" for each in ids[1:-1].split(", "))}]}}'
    async with upstream(Response(body, media_type="application/json")) as canned:
        async with connect(canned.settings()) as client:
            found = await completed(client, "research", "model")
    assert found.values == ["ok"]
    assert found.total == 1


async def test_what_cannot_be_known_is_not_completed(connect: Connect) -> None:
    async with connect(Settings()) as client:
        assert (await completed(client, "research", "question", "Wh")).values == []


@pytest.mark.parametrize("trouble", ["not configured", "refused", "silent"])
async def test_without_amber_there_is_nothing_and_no_error(
    connect: Connect,
    upstream: Canned,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    caplog.set_level("DEBUG", "amber_mcp")
    monkeypatch.setattr("amber_mcp.argument_completion._SECONDS", 0.3)
    answer = JSONResponse({"detail": "no"}, 401) if trouble == "refused" else stalled_stream
    async with upstream(answer) as canned:
        settings = Settings() if trouble == "not configured" else canned.settings()
        async with connect(settings) as client:
            found = await completed(client, "research", "model")
    assert (found.values, found.total, found.has_more) == ([], 0, False)
    (record,) = [each for each in caplog.records if each.msg == "nothing to complete with"]
    assert record.levelname == "DEBUG"


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_without_the_state_there_is_nothing_and_no_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.ids", failing(trouble))
    monkeypatch.setattr("amber_mcp.argument_completion._SECONDS", 0.1)
    async with connect(Settings()) as client:
        found = await client.complete(CONVERSATION, {"name": "id", "value": ""})
        assert (await completed(client, "summarise_file", "file")).values == []
    assert found.completion.values == []


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (PromptReference(name="resaerch"), "model"),
        (PromptReference(name="research"), "modle"),
        (ResourceTemplateReference(uri="amber://other/{id}"), "id"),
        (CONVERSATION, "uri"),
        (PromptReference(name="research"), KEY),
    ],
    ids=["prompt", "argument", "template", "variable", "a key"],
)
async def test_what_is_unknown_is_named(
    connect: Connect, ref: PromptReference | ResourceTemplateReference, name: str
) -> None:
    settings = Settings.from_environment({"AMBER_API_KEY": KEY})
    async with connect(settings) as client:
        with pytest.raises(MCPError) as error:
            await client.complete(ref, {"name": name, "value": ""})
    assert error.value.code == INVALID_PARAMS
    assert KEY not in error.value.message
    known = "research (question, language, model)"
    assert (known if isinstance(ref, PromptReference) else CONVERSATION.uri) in error.value.message


async def test_a_prompt_that_is_not_offered_is_not_completed(connect: Connect) -> None:
    async with connect(Settings.from_environment({"AMBER_TOOLS": "list_models"})) as client:
        with pytest.raises(MCPError):
            await completed(client, "research", "model")
