"""Waiting and trying again, over a real socket."""

import io
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest
from starlette.responses import JSONResponse

from amber_mcp.api.amber import AmberApi, search_parameters
from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import AmberError, Overloaded, RateLimited, UpstreamError, describe
from amber_mcp.http.retry import RequestLimiter, reporting_waits
from tests.planted import KEY
from tests.upstream import Canned, Upstream, amber_of, client_of, completion

MODELS = JSONResponse({"data": [{"id": "m"}]})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amber_mcp.http.retry._FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr("amber_mcp.http.retry._JITTER_SECONDS", 0.0)


@pytest.fixture
def told() -> list[str]:
    return []


@asynccontextmanager
async def amber(upstream: Upstream, told: list[str], **variables: str) -> AsyncIterator[AmberApi]:
    with anyio.fail_after(10), reporting_waits(told.append):
        async with client_of(upstream.settings(**variables)) as http:
            yield amber_of(http)


def busy(status: int, **headers: str) -> JSONResponse:
    return JSONResponse({"detail": "busy"}, status, headers)


def in_(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [{}, {"retry-after": "0"}, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}],
    ids=["none", "seconds", "date"],
)
async def test_what_may_pass_is_tried_again(
    upstream: Canned, told: list[str], status: int, headers: dict[str, str]
) -> None:
    async with upstream(busy(status, **headers), busy(status), MODELS) as running:
        async with amber(running, told) as api:
            assert [model.id for model in await api.models()] == ["m"]
    assert len(running.seen) == 3
    assert told == [f"HTTP {status}: trying again in about 1 s"] * 2


async def test_a_question_is_asked_again(upstream: Canned, told: list[str]) -> None:
    request = ChatRequest((Message("user", "Why?"),), "m", parameters=search_parameters("company"))
    async with upstream(busy(429), completion("Because.")) as running:
        async with amber(running, told) as api:
            assert [delta.text async for delta in api.chat(request)] == ["Because."]
    assert running.seen[0].body == running.seen[1].body
    assert len(told) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 408, 500, 502, 504])
async def test_other_failures_are_final(upstream: Canned, told: list[str], status: int) -> None:
    async with upstream(busy(status, **{"retry-after": "0"}), MODELS) as running:
        async with amber(running, told) as api:
            with pytest.raises(AmberError):
                await api.models()
    assert len(running.seen) == 1
    assert told == []


async def test_after_so_many_times_the_failure_stands(upstream: Canned, told: list[str]) -> None:
    async with upstream(busy(503)) as running:
        async with amber(running, told, AMBER_RETRIES="2") as api:
            with pytest.raises(UpstreamError) as error:
                await api.models()
    assert len(running.seen) == 3
    assert len(told) == 2
    assert "amber failed, 3 times (HTTP 503)" in describe(error.value)


async def test_retries_can_be_turned_off(upstream: Canned, told: list[str]) -> None:
    async with upstream(busy(503), MODELS) as running:
        async with amber(running, told, AMBER_RETRIES="0") as api:
            with pytest.raises(UpstreamError):
                await api.models()
    assert len(running.seen) == 1
    assert told == []


@pytest.mark.parametrize("wait", [str, in_], ids=["seconds", "date"])
async def test_a_wait_that_the_call_has_no_time_for_is_not_begun(
    upstream: Canned, told: list[str], wait: Callable[[int], str]
) -> None:
    async with upstream(busy(429, **{"retry-after": wait(30)})) as running:
        async with amber(running, told) as api:
            with pytest.raises(RateLimited) as error, anyio.fail_after(5):
                await api.models()
    assert len(running.seen) == 1
    assert told == []
    assert 25 < (error.value.retry_after or 0) <= 30
    assert " s before the next call" in describe(error.value)


async def test_a_very_long_wait_is_not_begun_though_there_is_no_limit(
    upstream: Canned, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.http.retry._seconds_left", lambda: float("inf"))
    async with upstream(busy(429, **{"retry-after": "3600"})) as running:
        async with amber(running, told) as api:
            with pytest.raises(RateLimited, match="no more requests"):
                await api.models()
    assert told == []


@pytest.mark.parametrize("status", [429, 503])
async def test_what_may_have_been_taken_is_not_sent_again(
    upstream: Canned, told: list[str], status: int
) -> None:
    run = ChatRequest(
        (Message("user", "Go."),), "m", parameters=search_parameters("none", agent_id="a")
    )
    async with upstream(busy(status)) as running:
        async with amber(running, told) as api:
            with pytest.raises(AmberError):
                await api.upload(io.BytesIO(b"x"), filename="x.txt", media_type="text/plain")
            with pytest.raises(AmberError):
                [delta async for delta in api.chat(run)]
    assert len(running.seen) == 2
    assert told == []


async def test_a_connection_that_is_not_made_is_tried_again_even_for_an_upload() -> None:
    """Nobody listens at first; the server begins to when the wait is told."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{"id": "f1"}'
    told: list[str] = []

    received = bytearray()

    async def serve(listener: socket.socket) -> None:
        await anyio.wait_readable(listener)
        connection, _ = listener.accept()
        async with await anyio.abc.SocketStream.from_socket(connection) as stream:
            while not received.endswith(b"--\r\n"):
                received.extend(await stream.receive())
            await stream.send(answer)

    with socket.socket() as listener, anyio.fail_after(10):
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Upstream(address).settings()
        async with anyio.create_task_group() as tasks, client_of(settings) as http:

            def tell(news: str) -> None:
                told.append(news)
                listener.listen()
                tasks.start_soon(serve, listener)

            with reporting_waits(tell):
                uploaded = await amber_of(http).upload(
                    io.BytesIO(b"content of the file"), filename="x.txt", media_type="text/plain"
                )
    assert uploaded.ids == ("f1",)
    assert b"content of the file" in received
    assert told == ["No connection: trying again in about 1 s"]


async def test_without_any_connection_the_failure_stands(told: list[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        running = Upstream(f"http://127.0.0.1:{closed.getsockname()[1]}")
        async with amber(running, told, AMBER_RETRIES="2") as api:
            with pytest.raises(AmberError) as error:
                await api.models()
    assert error.value.kind == "upstream_unreachable"
    assert len(told) == 2
    assert KEY not in describe(error.value)


async def test_so_many_requests_at_a_time() -> None:
    limiter = RequestLimiter(2, "acme.example")
    most = now = done = 0

    async def take() -> None:
        nonlocal most, now, done
        async with limiter.slot():
            now += 1
            most = max(most, now)
            await anyio.lowlevel.checkpoint()
            now -= 1
            done += 1

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(take)
    assert (most, done) == (2, 20)


async def test_whoever_waits_for_a_turn_in_vain_is_told(told: list[str]) -> None:
    limiter = RequestLimiter(1, "acme.example")
    async with limiter.slot():
        with (
            anyio.fail_after(0.2),
            reporting_waits(told.append),
            pytest.raises(Overloaded) as error,
        ):
            async with limiter.slot():
                raise AssertionError("there is one turn alone")
    assert told == ["Waiting for one of 1 requests to acme.example to end"]
    assert "AMBER_MAX_CONCURRENT_REQUESTS" in describe(error.value)
    async with limiter.slot():
        pass


async def test_a_turn_is_given_back_when_its_request_is_cancelled(upstream: Canned) -> None:
    limiter = RequestLimiter(1, "acme.example")
    with anyio.move_on_after(0.01):
        async with limiter.slot():
            await anyio.sleep_forever()
    with anyio.fail_after(1):
        async with limiter.slot():
            pass
