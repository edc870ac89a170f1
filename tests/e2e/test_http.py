"""The real program over real HTTP: what browsers and strangers may not do, and a clean end."""

import json

import httpx2
import pytest

from tests.cli.commands import run
from tests.conftest import SandboxProgram
from tests.e2e.programs import HANDSHAKE, http_program

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


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "amber.example"])
async def test_any_address_but_loopback_is_refused(host: str) -> None:
    done = await run("serve", "--http", "--host", host)
    assert done.status == 1
    assert "unsupported: serving on" in done.err
    assert done.out == ""


async def test_an_address_in_use_is_told() -> None:
    async with http_program() as url:
        port = str(httpx2.URL(url).port)
        done = await run("serve", "--http", "--port", port)
    assert done.status == 1
    assert "--port" in done.err


async def test_faulty_settings_are_told_before_serving() -> None:
    done = await run("serve", "--http", AMBER_BASE_URL="ftp://x", AMBER_STREAM="maybe")
    assert done.status == 2
    assert "AMBER_BASE_URL" in done.err
    assert "AMBER_STREAM" in done.err


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
