"""The client at its edges: errors whose bodies fail, what may have been taken, connections."""

import gzip
import io
from collections.abc import AsyncIterator

import anyio
import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from amber_mcp.api.amber import search_parameters
from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import MAY_BE_TAKEN, AmberError, describe
from amber_mcp.http.client import ADAPTIVE, AMBER, MORPHEUS, HttpClient, Service
from tests.planted import KEY
from tests.upstream import Canned, Upstream, amber_of, client_of, events, stalled_stream, text_chunk

QUESTION = ChatRequest((Message("user", "Why?"),), "m", parameters=search_parameters("none"))
RUN = ChatRequest(
    (Message("user", "Go."),), "m", parameters=search_parameters("none", agent_id="a")
)
MODELS = JSONResponse({"data": [{"id": "m"}]})


def unending(status: int, *, breaks: bool, **headers: str) -> object:
    """An answer whose body begins, and then breaks or stalls."""

    def answer(_: Upstream) -> Response:
        async def content() -> AsyncIterator[bytes]:
            yield b'{"detail": "No such'
            if breaks:
                raise ConnectionResetError
            await anyio.sleep_forever()

        return StreamingResponse(content(), status, headers=headers)

    return answer


async def asked(upstream: Upstream, request: ChatRequest = QUESTION) -> None:
    with anyio.fail_after(10):
        async with client_of(upstream.settings()) as http:
            async for _ in amber_of(http).chat(request):
                pass


@pytest.mark.parametrize("breaks", [True, False], ids=["breaks", "stalls"])
async def test_a_status_counts_whatever_becomes_of_its_body(
    upstream: Canned, breaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.http.client._ERROR_BODY_SECONDS", 0.2)
    async with upstream(unending(401, breaks=breaks)) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned)
    assert error.value.kind == "unauthorized"
    assert error.value.upstream == '{"detail": "No such'


async def test_a_body_that_is_not_encoded_as_it_says_hides_no_status(upstream: Canned) -> None:
    async with upstream(Response(b"no gzip", 403, {"content-encoding": "gzip"})) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned)
    assert error.value.kind == "forbidden"


@pytest.mark.parametrize("status", [200, 400])
async def test_a_body_has_its_limit(upstream: Canned, status: int) -> None:
    long = Response(b'"' + b"x" * 200_000 + b'"', status, media_type="application/json")
    async with upstream(long) as canned:
        settings = canned.settings(AMBER_MAX_JSON_BYTES="100000")
        async with client_of(settings) as http:
            with pytest.raises(AmberError) as error, anyio.fail_after(10):
                await amber_of(http).models()
    expected = "is longer than 100000 bytes" if status == 200 else "refused the request"
    assert expected in error.value.message
    assert len(error.value.upstream) < 9_000


async def test_a_503_whose_body_breaks_is_tried_again(upstream: Canned) -> None:
    first = unending(503, breaks=True, **{"retry-after": "0"})
    async with upstream(first, MODELS) as canned, client_of(canned.settings()) as http:
        with anyio.fail_after(10):
            assert len(await amber_of(http).models()) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_what_may_have_been_taken_is_told(upstream: Canned, status: int) -> None:
    async with upstream(JSONResponse({"detail": "no"}, status)) as canned:
        with pytest.raises(AmberError) as run:
            await asked(canned, RUN)
        with pytest.raises(AmberError) as question:
            await asked(canned)
    assert describe(run.value).endswith(f"What to do: {MAY_BE_TAKEN}")
    assert MAY_BE_TAKEN not in describe(question.value)


async def test_a_broken_run_may_have_been_taken(upstream: Canned) -> None:
    async with upstream(unending(200, breaks=True)) as canned:
        with pytest.raises(AmberError) as run, anyio.fail_after(10):
            await asked(canned, RUN)
        with pytest.raises(AmberError) as question:
            await asked(canned)
    assert run.value.kind == "stream_broken"
    assert run.value.next_step == MAY_BE_TAKEN
    assert question.value.next_step == "Ask again."


async def test_an_upload_without_a_connection_was_not_taken(upstream: Canned) -> None:
    async with upstream(MODELS) as canned:
        settings = canned.settings(AMBER_RETRIES="0")
    async with client_of(settings) as http:
        with pytest.raises(AmberError) as error, anyio.fail_after(10):
            await amber_of(http).upload(io.BytesIO(b"x"), filename="x.txt", media_type="text/plain")
    assert error.value.kind == "upstream_unreachable"
    assert MAY_BE_TAKEN not in describe(error.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (JSONResponse({"detail": f"bad key {KEY} of x"}, 401), "bad key {hidden} of x"),
        (JSONResponse({"detail": "x" * 590 + KEY}, 500, {"X-Request-Id": KEY}), "x" * 590),
        (
            JSONResponse(
                {"error": {"message": KEY, "suggestions": [KEY]}},
                404,
                {"x-request-id": KEY, "x-ratelimit-remaining-tokens": "0"},
            ),
            'Perhaps you mean "{hidden}"',
        ),
    ],
)
async def test_no_part_of_an_error_holds_the_key(
    upstream: Canned, answer: Response, told: str
) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned)
    assert told in describe(error.value)
    assert KEY[:9] not in f"{describe(error.value)} {error.value!r} {error.value.request_id}"


async def test_a_connection_is_used_again_after_a_streamed_answer(upstream: Canned) -> None:
    ports: set[str] = set()

    def answer(canned: Upstream) -> Response:
        ports.add(canned.seen[-1].headers["x-client-port"])
        return events(text_chunk("Because.", "stop"))

    async with upstream(answer) as canned, client_of(canned.settings()) as http:
        with anyio.fail_after(10):
            for _ in range(3):
                async for _ in amber_of(http).chat(QUESTION):
                    pass
    assert len(ports) == 1


async def test_a_compressed_answer_is_read(upstream: Canned) -> None:
    body = gzip.compress(b'{"data": [{"id": "m"}]}')
    packed = Response(body, headers={"content-encoding": "gzip"}, media_type="application/json")
    async with upstream(packed) as canned, client_of(canned.settings()) as http:
        assert [model.id for model in await amber_of(http).models()] == ["m"]


async def test_a_run_that_takes_too_long_may_have_been_taken(upstream: Canned) -> None:
    from amber_mcp.answering import answer

    async with upstream(stalled_stream) as canned, client_of(canned.settings()) as http:
        with pytest.raises(AmberError) as error:
            await answer(amber_of(http), RUN, on_text=lambda _: None, timeout=0.2)
    assert error.value.kind == "upstream_timeout"
    assert error.value.next_step == MAY_BE_TAKEN


@pytest.mark.parametrize(
    ("service", "said", "contact"),
    [
        (AMBER, "amber does not allow this", "your amber administrator"),
        (MORPHEUS, "Morpheus does not allow this", "whoever runs the Morpheus gateway"),
        (ADAPTIVE, "Adaptive Engine does not allow this", "whoever runs your Adaptive Engine"),
    ],
)
async def test_an_error_names_the_service_and_whom_to_ask(
    upstream: Canned, service: Service, said: str, contact: str
) -> None:
    async with upstream(Response(status_code=403)) as canned:
        settings = canned.settings()
        async with HttpClient(settings.base_url, settings.api_key, settings, service) as http:
            with pytest.raises(AmberError) as error:
                await http.get("/x")
    assert error.value.message.startswith(said)
    assert contact in error.value.next_step
    assert ("administrator" in error.value.next_step) == (service is AMBER)
