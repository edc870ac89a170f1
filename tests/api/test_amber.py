"""The amber API: what is sent, and what is understood of what comes back."""

import io
import json

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from amber_mcp.api.amber import AmberApi, search_parameters
from amber_mcp.api.types import ChatRequest, Entry, Message, Usage
from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, InvalidRequest, UpstreamError
from tests.api.asking import USER, asked
from tests.upstream import (
    KEY,
    Canned,
    amber_of,
    client_of,
    completion,
    events,
    stalled_stream,
    text_chunk,
)

QUESTION = ChatRequest(USER, model="m", parameters=search_parameters("none"))


async def uploaded(settings: Settings, content: bytes = b"content") -> tuple[str, int, str]:
    with anyio.fail_after(10):
        async with client_of(settings) as http:
            api = amber_of(http, upload_field=settings.upload_field)
            file = await api.upload(
                io.BytesIO(content), filename="ä b.txt", media_type="text/plain"
            )
            return file.ids[0], file.size_bytes, file.sha256


def body_of(request: ChatRequest, *, stream: bool = True, language: str = "en") -> object:
    settings = Settings.from_environment({"AMBER_BASE_URL": "https://a.example"})
    api = AmberApi(client_of(settings), stream=stream, language=language, upload_field="file")
    return api.body(request, stream=stream)


def test_a_body_holds_what_is_documented_and_nothing_else() -> None:
    full = ChatRequest(
        messages=(Message("system", "Be brief."), Message("user", "Why?")),
        model="m",
        parameters=search_parameters(
            "web", language="de", agent_id="agent-1", file_ids=("f1", "f2"), temperature=0.5
        ),
    )
    assert body_of(full) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
        ],
        "stream": True,
        "temperature": 0.5,
        "tools": [{"function": {"name": "webSearch"}}],
        "metadata": {"agent_id": "agent-1", "files": ["f1", "f2"], "language": "de"},
    }


def test_tools_and_language_are_always_sent() -> None:
    bare = ChatRequest(USER, model="m")
    for request in (bare, QUESTION):
        assert body_of(request, stream=False, language="fr") == {
            "model": "m",
            "messages": [{"role": "user", "content": "Why?"}],
            "stream": False,
            "tools": [],
            "metadata": {"language": "fr"},
        }


async def test_a_request_carries_the_key_and_says_which_form_it_wants(upstream: Canned) -> None:
    async with upstream(events(text_chunk("Because.", "stop"))) as canned:
        await asked(canned)
        await asked(canned, stream=False)
    streamed, plain = canned.seen
    assert (streamed.method, streamed.path) == ("POST", "/api/beta/amberai/chat/completions")
    assert streamed.headers["authorization"] == f"Bearer {KEY}"
    assert streamed.headers["accept"] == "text/event-stream"
    assert streamed.headers["user-agent"].startswith("amber-mcp/")
    assert plain.headers["accept"] == "application/json"
    assert [json.loads(seen.body)["stream"] for seen in canned.seen] == [True, False]


async def test_a_stream_comes_piece_by_piece(upstream: Canned) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    last = json.dumps({"choices": [], "usage": usage})
    pieces = (text_chunk("Be"), text_chunk("cause."), text_chunk("", "stop"), last)
    async with upstream(events(*pieces)) as canned:
        deltas = await asked(canned)
    assert [delta.text for delta in deltas] == ["Be", "cause.", "", ""]
    assert deltas[0].model == "canned"
    assert deltas[2].finish_reason == "stop"
    assert deltas[3].usage == Usage(3, 2, 5)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_whole_body_is_understood_whether_a_stream_was_asked_for_or_not(
    upstream: Canned, stream: bool
) -> None:
    async with upstream(completion("Because.")) as canned:
        (delta,) = await asked(canned, stream=stream)
    assert (delta.text, delta.model, delta.finish_reason) == ("Because.", "canned", "stop")


async def test_sources_and_content_parts_are_read(upstream: Canned) -> None:
    chunk = {
        "choices": [
            {
                "delta": {"content": [{"type": "text", "text": "Because."}, {"type": "image"}, 3]},
                "finish_reason": "stop",
            }
        ],
        "sources": [{"url": "https://w.example/x", "title": "X"}],
        "usage": {"prompt_tokens": "many"},
    }
    async with upstream(events(json.dumps(chunk))) as canned:
        (delta,) = await asked(canned)
    assert delta.text == "Because."
    assert delta.entries == (Entry("citation", 1, {"url": "https://w.example/x", "title": "X"}),)
    assert delta.usage is None


async def test_a_stream_may_end_with_a_finish_reason_or_with_done(upstream: Canned) -> None:
    async with upstream(events(text_chunk("a", "stop"), end=False), events(text_chunk("b"))) as c:
        assert [d.text for d in await asked(c)] == ["a"]
        assert [d.text for d in await asked(c)] == ["b"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (events("{no json"), "upstream_error", "{no json"),
        (events("[1]"), "upstream_error", "[1]"),
        (events('{"error": {"message": "boom", "status": 429}}'), "rate_limited", "boom"),
        (events("x" * 5_000_000), "upstream_error", ""),
        (completion("", error={"message": "boom"}), "upstream_error", "boom"),
        (JSONResponse({"choices": []}), "upstream_error", "choices"),
        (JSONResponse([1]), "upstream_error", "[1]"),
        (JSONResponse({"choices": [], "error": {"status": 402}}), "payment_required", ""),
        (JSONResponse({"choices": {"0": "x"}}), "upstream_error", '{"choices": {"0": "x"}}'),
        (JSONResponse({"choices": [{"message": {"content": {"a": 1}}}]}), "upstream_error", "a"),
        (Response(b"[" * 100_000, media_type="application/json"), "upstream_error", "[[["),
        (events("[" * 100_000), "upstream_error", "[[["),
        (PlainTextResponse("<html>Sign in</html>"), "upstream_error", "Sign in"),
        (JSONResponse({"detail": "no"}, 403), "forbidden", "no"),
        (Response(b"", 500), "upstream_error", ""),
    ],
)
async def test_what_cannot_be_an_answer_is_an_error(
    upstream: Canned, answer: Response, kind: str, words: str
) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned)
    assert error.value.kind == kind
    assert words in error.value.upstream


async def test_silence_is_a_timeout(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned, AMBER_READ_TIMEOUT="0.2")
    assert error.value.kind == "upstream_timeout"
    assert "AMBER_READ_TIMEOUT" in error.value.next_step


async def test_one_model_is_asked_for_with_its_slash_encoded(upstream: Canned) -> None:
    answers = (JSONResponse({"id": "azure/gpt-5.4"}), JSONResponse({}))
    async with upstream(*answers) as canned, client_of(canned.settings()) as http:
        api = amber_of(http)
        assert (await api.model("azure/gpt-5.4")).id == "azure/gpt-5.4"
        with pytest.raises(UpstreamError, match="cannot be read"):
            await api.model("azure/gpt-5.4")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "f-1", "filename": "x"},
        {"file_id": "f-1"},
        {"fileId": "f-1"},
        {"files": [{"id": "f-1"}]},
        {"files": ["f-1", "f-2"]},
        {"file": {"id": "f-1"}},
        {"data": [{"file_id": "f-1"}]},
        {"id": "req-9", "files": [{"id": "f-1", "name": "x"}]},
        {"file": "x.txt", "uuid": "f-1"},
        {"data": {"result": {"file": {"uuid": "f-1"}}}},
        {"file": "f-1"},
        {"ids": ["f-1"]},
        {"file_ids": ["f-1"], "id": "req-9"},
        "f-1",
        ["f-1"],
        [{"id": "f-1"}],
    ],
)
async def test_the_id_of_an_upload_is_found_wherever_it_stands(
    upstream: Canned, body: object
) -> None:
    async with upstream(JSONResponse(body)) as canned:
        file_id, size, sha256 = await uploaded(canned.settings())
    assert file_id == "f-1"
    assert size == 7
    assert sha256 == "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"


async def test_several_ids_come_back_as_several(upstream: Canned) -> None:
    async with upstream(JSONResponse({"file_ids": ["f-1", "f-2", "f-1"]})) as canned:
        async with client_of(canned.settings()) as http:
            file = await amber_of(http).upload(io.BytesIO(b"x"), filename="x", media_type="a/b")
    assert file.ids == ("f-1", "f-2")


MISSING = {"type": "missing", "loc": ["body", "files"], "msg": "Field required", "input": None}


async def test_an_upload_is_tried_again_with_the_field_that_amber_misses(upstream: Canned) -> None:
    answers = (JSONResponse({"detail": [MISSING]}, 422), JSONResponse({"id": "f-1"}))
    async with upstream(*answers) as canned:
        async with client_of(canned.settings()) as http:
            file = await amber_of(http).upload(io.BytesIO(b"12"), filename="x", media_type="a/b")
    first, second = canned.seen
    assert b'name="file"; filename="x"' in first.body
    assert b'name="files"; filename="x"' in second.body
    assert (file.field, file.size_bytes) == ("files", 2)


@pytest.mark.parametrize(
    "detail", [[MISSING], [{**MISSING, "loc": ["query", "x"]}], "Field required"]
)
async def test_an_upload_that_is_refused_again_is_an_error(
    upstream: Canned, detail: object
) -> None:
    async with upstream(JSONResponse({"detail": detail}, 422)) as canned:
        with pytest.raises(InvalidRequest):
            await uploaded(canned.settings())
    assert len(canned.seen) == (2 if detail == [MISSING] else 1)


async def test_an_upload_is_a_form_with_the_configured_field(upstream: Canned) -> None:
    async with upstream(JSONResponse({"id": "f-1"})) as canned:
        await uploaded(canned.settings(AMBER_UPLOAD_FIELD="document"))
    (seen,) = canned.seen
    assert (seen.method, seen.path) == ("POST", "/api/beta/files/upload")
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(seen.headers["content-length"]) == len(seen.body)
    assert 'name="document"; filename="ä b.txt"'.encode() in seen.body
    assert b"Content-Type: text/plain" in seen.body


@pytest.mark.parametrize("body", [{}, {"status": "ok"}, [], "", {"id": ""}, 5, {"id": None}])
async def test_an_upload_without_an_id_shows_what_came_back(upstream: Canned, body: object) -> None:
    async with upstream(JSONResponse(body)) as canned:
        with pytest.raises(UpstreamError, match="no id") as error:
            await uploaded(canned.settings())
    assert error.value.upstream == json.dumps(body).strip('"')


@pytest.mark.parametrize("read", [b"", b"123456789"])
async def test_a_file_that_changes_while_it_is_sent_is_an_error(
    upstream: Canned, read: bytes
) -> None:
    class Changing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return read

    async with upstream(JSONResponse({"id": "f"})) as canned, client_of(canned.settings()) as http:
        api = amber_of(http)
        with anyio.fail_after(10), pytest.raises(InvalidRequest, match="changed"):
            await api.upload(Changing(b"12345"), filename="a", media_type="text/plain")


@pytest.mark.parametrize("choices", [["So."], [{"text": "So."}], [{"message": {"content": "So."}}]])
async def test_untyped_choices_are_read_in_the_forms_that_make_sense(
    upstream: Canned, choices: list[object]
) -> None:
    async with upstream(JSONResponse({"choices": choices})) as canned:
        (delta,) = await asked(canned, stream=False)
    assert delta.text == "So."


async def test_a_stream_s_content_type_may_be_written_in_any_case(upstream: Canned) -> None:
    stream = events(text_chunk("So.", "stop"))
    stream.headers["content-type"] = "Text/Event-Stream; charset=utf-8"
    async with upstream(stream) as canned:
        assert (await asked(canned))[0].text == "So."
