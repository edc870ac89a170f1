"""Faults on demand, seen by a client that is not ours, over a real socket."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from amber_mcp.sandbox import Sandbox

from .conftest import APIS, Caller, client_of

CHAT = "/api/beta/amberai/chat/completions"
MODELS = "/api/beta/amberai/models"
QUESTION = {
    "model": "sandbox-brief",
    "messages": [{"role": "user", "content": "How long is a password?"}],
    "stream": True,
    "tools": [{"function": {"name": "amberSearch"}}],
    "metadata": {"language": "en"},
}


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(sandbox.base_url, sandbox.api_key) as client:
        await client.delete("/sandbox/faults")
        yield client
        await client.delete("/sandbox/faults")


async def let(client: httpx2.AsyncClient, **fault: Any) -> None:
    (await client.post("/sandbox/faults", json=fault)).raise_for_status()


async def state(client: httpx2.AsyncClient) -> dict[str, Any]:
    state: dict[str, Any] = (await client.get("/sandbox/faults")).json()
    return state


async def test_a_status_with_headers_and_body_for_so_many_requests(client: httpx2.AsyncClient):
    headers = {"Retry-After": "3"}
    await let(client, path=MODELS, times=2, status=429, headers=headers, body={"detail": "no"})
    for _ in range(2):
        response = await client.get(MODELS)
        assert response.status_code == 429
        assert response.headers["retry-after"] == "3"
        assert response.json() == {"detail": "no"}
    assert (await client.get(MODELS)).status_code == 200
    await let(client, status=200, headers={"Content-Type": "text/html"}, body="<html>Log in</html>")
    response = await client.get(MODELS)
    assert response.headers["content-type"] == "text/html"
    assert response.text == "<html>Log in</html>"


@pytest.mark.parametrize("api", APIS, indirect=True)
async def test_every_api_can_fail_at_its_path_alone(client: httpx2.AsyncClient, api: Caller):
    await let(client, path="*/chat/completions", status=599)
    assert (await client.get(MODELS)).status_code == 200
    assert (await api.post()).status_code == 599
    assert (await api.post()).status_code == 200


@pytest.mark.parametrize("fault", [{"delay": 30}, {"pause": 30, "piece_bytes": 20}])
async def test_silence_before_the_answer_or_each_piece(
    client: httpx2.AsyncClient, fault: dict[str, Any]
):
    await let(client, **fault)
    with pytest.raises(httpx2.ReadTimeout):
        await client.get(MODELS, timeout=0.2)


async def test_a_connection_that_is_taken_late(sandbox: Sandbox, client: httpx2.AsyncClient):
    await let(client, accept_delay=0.3)
    async with httpx2.AsyncClient(base_url=sandbox.base_url, trust_env=False) as other:
        with pytest.raises(httpx2.ReadTimeout):
            await other.get(MODELS, timeout=0.1)
        assert (await other.get(MODELS)).status_code == 401
    while len((await state(client))["requests"]) < 2:
        await anyio.lowlevel.checkpoint()


async def test_an_answer_without_its_braces(client: httpx2.AsyncClient):
    await let(client, bad_json=True)
    with pytest.raises(ValueError, match="Expecting"):
        (await client.get(MODELS)).json()


async def test_a_body_in_small_pieces_is_whole(client: httpx2.AsyncClient):
    await let(client, piece_bytes=7)
    whole = (await client.post(CHAT, json=QUESTION)).text
    events = [line for line in whole.splitlines() if line]
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: ")) for event in events[:-1])


@pytest.mark.parametrize(
    ("stop_by", "error"),
    [
        ("close", httpx2.RemoteProtocolError),
        ("reset", httpx2.ReadError),
        ("stall", httpx2.ReadTimeout),
    ],
)
@pytest.mark.parametrize("at", [-1, 0, 100, 1_000_000])
async def test_an_answer_stops_before_it_begins_at_a_byte_or_at_its_end(
    client: httpx2.AsyncClient, stop_by: str, error: type[Exception], at: int
):
    await let(client, stop_at=at, stop_by=stop_by)
    received = b""
    with pytest.raises(error):
        async with client.stream("POST", CHAT, json=QUESTION, timeout=0.5) as response:
            assert response.status_code == 200
            async for piece in response.aiter_bytes():
                received += piece
    if at == 1_000_000:
        assert stop_by == "reset" or b"data: [DONE]" in received
    else:
        # What the client had not read yet when the reset came is lost.
        assert len(received) in ((0, max(0, at)) if stop_by == "reset" else (max(0, at),))


async def test_there_is_no_answer_to_a_request_without_body_either(client: httpx2.AsyncClient):
    await let(client, stop_at=-1)
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.get(MODELS)


async def test_it_tells_how_requests_ended(client: httpx2.AsyncClient):
    await let(client, path=CHAT, stop_at=10, stop_by="stall")
    await client.get(MODELS)
    with pytest.raises(httpx2.ReadTimeout):
        await client.post(CHAT, json=QUESTION, timeout=0.2)
    with anyio.fail_after(5):
        while (requests := (await state(client))["requests"])[-1]["end"] == "":
            await anyio.lowlevel.checkpoint()
    assert requests == [
        {"path": MODELS, "is_faulty": False, "end": "answered"},
        {"path": CHAT, "is_faulty": True, "end": "left"},
    ]


async def test_faults_can_be_taken_back(client: httpx2.AsyncClient):
    await let(client, status=500, times=9)
    assert (await state(client))["to_come"] == [{"status": 500, "times": 9}]
    assert (await client.delete("/sandbox/faults")).json() == {"to_come": [], "requests": []}
    assert (await client.get(MODELS)).status_code == 200


async def test_only_whoever_has_the_key_may_ask_for_faults(stranger: httpx2.AsyncClient):
    assert (await stranger.post("/sandbox/faults", json={"status": 500})).status_code == 401


@pytest.mark.parametrize("fault", [{"statsu": 500}, {"status": 99}, {"times": 0}, []])
async def test_a_fault_that_cannot_be_is_refused(client: httpx2.AsyncClient, fault: object):
    assert (await client.post("/sandbox/faults", json=fault)).status_code == 422
