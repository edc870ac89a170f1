import logging
import signal
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, SandboxError, running_sandbox

from .conftest import COMPANY, client_of


async def test_it_says_what_it_knows_and_keeps_its_key(documents: Path, web: Path):
    (documents / "picture.png").write_bytes(b"x")
    async with running_sandbox(documents=documents, web=web) as sandbox:
        assert sandbox.base_url.startswith("http://127.0.0.1:")
        assert sandbox.api_key.startswith("ambrs-sandbox-")
        assert len(sandbox.api_key) > 40
        assert sandbox.api_key not in repr(sandbox)
        assert set(sandbox.agents) == {"finance", "hr", "it"}
        assert sandbox.document_count == 6
        assert [each.path for each in sandbox.left_out] == ["picture.png"]
        async with running_sandbox(documents=documents, web=web) as other:
            assert other.api_key != sandbox.api_key
            assert other.base_url != sandbox.base_url


async def test_without_folders_it_is_the_sample_company_and_a_given_key_is_taken():
    async with (
        running_sandbox(api_key="ambrs-mine") as sandbox,
        client_of(sandbox.base_url, "ambrs-mine") as client,
    ):
        assert sandbox.document_count >= 40
        assert (await client.get("/api/beta/amberai/models")).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.com"])
async def test_other_hosts_are_refused(host: str):
    with pytest.raises(ValueError, match="loopback"):
        async with running_sandbox(host=host):
            pass


async def test_a_missing_folder_is_named(tmp_path: Path, documents: Path):
    for folders in (
        {"documents": tmp_path / "no"},
        {"documents": documents, "web": tmp_path / "no"},
    ):
        with pytest.raises(SandboxError, match="is not a folder"):
            async with running_sandbox(**folders):
                pass


async def test_a_taken_port_is_named(documents: Path, web: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1 port {port}"):
            async with running_sandbox(documents=documents, web=web, port=port):
                pass
    with pytest.raises(SandboxError, match="cannot listen"):
        async with running_sandbox(documents=documents, web=web, port=70_000):
            pass


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
async def test_it_listens_on_ipv6_too(documents: Path, web: Path):
    async with (
        running_sandbox(documents=documents, web=web, host="::1") as sandbox,
        httpx2.AsyncClient(trust_env=False) as client,
    ):
        assert sandbox.base_url.startswith("http://[::1]:")
        response = await client.get(f"{sandbox.documents_url}/hr/urlaub.md")
        assert response.status_code == 200


async def test_the_port_is_free_again(documents: Path, web: Path):
    port = 0
    for _ in range(2):
        async with (
            running_sandbox(documents=documents, web=web, port=port) as sandbox,
            client_of(sandbox.base_url, sandbox.api_key) as client,
        ):
            port = int(sandbox.base_url.rpartition(":")[2])
            assert (await client.get("/api/beta/amberai/models")).status_code == 200


async def test_errors_of_the_block_come_out_as_they_are(documents: Path, web: Path):
    with pytest.raises(KeyError, match="mine"):
        async with running_sandbox(documents=documents, web=web):
            raise KeyError("mine")


async def test_cancelling_the_block_stops_it(documents: Path, web: Path):
    url = ""
    with anyio.fail_after(5):
        with anyio.CancelScope() as scope:
            async with running_sandbox(documents=documents, web=web) as sandbox:
                url = sandbox.base_url
                scope.cancel()
                await anyio.sleep_forever()
        async with httpx2.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)


async def test_it_stops_soon_with_a_stream_open(documents: Path, web: Path):
    asked = {
        "model": "sandbox-brief",
        "stream": True,
        "messages": [{"role": "user", "content": "Urlaub"}],
        "tools": COMPANY,
    }
    with anyio.fail_after(10):
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            async with running_sandbox(documents=documents, web=web, pace=60) as sandbox:
                request = client.build_request(
                    "POST",
                    f"{sandbox.base_url}/api/beta/amberai/chat/completions",
                    headers={"Authorization": f"Bearer {sandbox.api_key}"},
                    json=asked,
                )
                response = await client.send(request, stream=True)
                lines = response.aiter_lines()
                assert "assistant" in await anext(lines)
            with pytest.raises(httpx2.TransportError):
                async for line in lines:
                    assert "[DONE]" not in line


async def test_signals_and_logging_stay_as_they_were(documents: Path, web: Path):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    log = [*logging.root.handlers], logging.getLogger("uvicorn").handlers
    async with running_sandbox(documents=documents, web=web):
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
        assert ([*logging.root.handlers], logging.getLogger("uvicorn").handlers) == log


def test_importing_it_does_nothing_and_reads_nothing_of_the_rest():
    program = (
        "import sys, threading, amber_mcp; before = set(sys.modules); import amber_mcp.sandbox;"
        "rest = [n for n in set(sys.modules) - before if n.startswith('amber_mcp.')"
        " and not n.startswith('amber_mcp.sandbox')];"
        "assert rest == [], rest; assert threading.active_count() == 1;"
        "assert not {'pypdf', 'mcp', 'fastapi', 'jsonschema'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


async def test_names_of_other_machines_are_refused(http: httpx2.AsyncClient, sandbox: Sandbox):
    models = f"{sandbox.base_url}/api/beta/amberai/models"
    for host in ("evil.example", "evil.example:80", "[bad"):
        for url in (models, f"{sandbox.documents_url}/hr/urlaub.md"):
            response = await http.get(url, headers={"Host": host})
            assert response.status_code == 400
            assert "Urlaub" not in response.text
    port = sandbox.base_url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"[::1]:{port}"):
        assert (await http.get(models, headers={"Host": host})).status_code == 200
