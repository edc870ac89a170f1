"""The real program over real HTTP: what browsers and strangers may not do, and a clean end."""

import json

import anyio
import httpx2
import pytest

from tests.conftest import SandboxProgram
from tests.e2e.programs import HANDSHAKE, environment, http_program, run_program
from tests.planted import KEY
from tests.upstream import Canned, stalled_stream, text_chunk

HEADERS = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HANDSHAKE}


async def test_a_foreign_host_or_origin_is_refused() -> None:
    async with http_program() as url, httpx2.AsyncClient(trust_env=False) as client:
        for header in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            answer = await client.post(url, json=INITIALIZE, headers={**HEADERS, **header})
            assert answer.status_code in (403, 421)
        answer = await client.post(
            url, json=INITIALIZE, headers={**HEADERS, "Origin": "http://localhost:3000"}
        )
        assert answer.status_code == 200
        answer = await client.post(url + "/", json=INITIALIZE, headers=HEADERS)
        assert answer.status_code == 200
        assert (await client.post(url + "/other", json=INITIALIZE)).status_code == 404


async def test_a_body_over_the_limit_is_refused() -> None:
    async with http_program(AMBER_MAX_BODY_BYTES="10000") as url:
        async with httpx2.AsyncClient(trust_env=False) as client:
            body = {**INITIALIZE, "padding": "x" * 20_000}
            assert (await client.post(url, json=body, headers=HEADERS)).status_code == 413


async def test_the_path_can_be_chosen() -> None:
    async with http_program("--path", "/amber", "--host", "localhost") as url:
        assert url.endswith("/amber")
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, json=INITIALIZE, headers=HEADERS)
            assert answer.status_code == 200


async def test_an_open_stream_does_not_hold_up_the_end(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        async with http_program(**given) as url, httpx2.AsyncClient(trust_env=False) as client:
            opened = await client.post(url, json=INITIALIZE, headers=HEADERS)
            session = {**HEADERS, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
            params = {
                "name": "ask_amber",
                "arguments": {"question": "Why?"},
                "_meta": {"progressToken": 1},
            }
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
            request = client.build_request("POST", url, json=call, headers=session)
            response = await client.send(request, stream=True)
            lines = response.aiter_lines()
            while "characters" not in await anext(lines):
                pass
        await response.aclose()
        with anyio.fail_after(5):
            await canned.closed.wait()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "amber.example"])
async def test_any_address_but_loopback_is_refused(host: str) -> None:
    done = await run_program("serve", "--http", "--host", host, env=environment())
    assert done.returncode == 1
    assert b"unsupported: serving on" in done.stderr
    assert done.stdout == b""


async def test_an_address_in_use_is_told() -> None:
    async with http_program() as url:
        port = str(httpx2.URL(url).port)
        done = await run_program("serve", "--http", "--port", port, env=environment())
    assert done.returncode == 1
    assert b"--port" in done.stderr


async def test_faulty_settings_are_told_before_serving() -> None:
    faulty = environment(AMBER_BASE_URL="ftp://x", AMBER_STREAM="maybe")
    done = await run_program("serve", "--http", env=faulty)
    assert done.returncode == 2
    assert b"AMBER_BASE_URL" in done.stderr
    assert b"AMBER_STREAM" in done.stderr


async def test_local_files_are_not_read_over_http(sandbox: SandboxProgram) -> None:
    async with http_program(**sandbox.environment, AMBER_UPLOAD_ROOTS="/") as url:
        async with httpx2.AsyncClient(trust_env=False) as client:
            opened = await client.post(url, json=INITIALIZE, headers=HEADERS)
            session = {**HEADERS, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
            params = {"name": "upload_file", "arguments": {"path": "/etc/hostname"}}
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
            answer = await client.post(url, json=call, headers=session)
    data = next(line for line in answer.text.splitlines() if line.startswith("data: {"))
    result = json.loads(data.removeprefix("data: "))["result"]
    assert result["isError"] is True
    assert result["content"][0]["text"].startswith("unsupported: ")
