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

from .conftest import client_of

MODELS = "/api/beta/amberai/models"


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
        assert sandbox.openai_models == ("azure/sandbox-quote",)
        assert sandbox.morpheus_models == ("sandbox-quote",)
        assert sandbox.adaptive_models == ("sandbox/quote", "sandbox/detailed")
        async with running_sandbox(documents=documents, web=web) as other:
            assert other.api_key != sandbox.api_key
            assert other.base_url != sandbox.base_url


async def test_without_folders_it_is_the_sample_company_and_a_given_key_is_taken():
    async with (
        running_sandbox(api_key="ambrs-mine") as sandbox,
        client_of(sandbox.base_url, "ambrs-mine") as client,
    ):
        assert sandbox.document_count >= 40
        assert (await client.get(MODELS)).status_code == 200


async def test_a_missing_folder_and_a_taken_port_are_named(documents: Path, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for given, told in (
            ({"documents": tmp_path / "no"}, "is not a folder"),
            ({"documents": documents, "web": tmp_path / "no"}, "is not a folder"),
            ({"port": port}, f"cannot listen on 127.0.0.1 port {port}"),
        ):
            with pytest.raises(SandboxError, match=told):
                async with running_sandbox(**given):  # type: ignore[arg-type]
                    pass


async def test_the_port_is_free_again(documents: Path, web: Path):
    port = 0
    for _ in range(2):
        async with (
            running_sandbox(documents=documents, web=web, port=port) as sandbox,
            client_of(sandbox.base_url, sandbox.api_key) as client,
        ):
            port = int(sandbox.base_url.rpartition(":")[2])
            assert (await client.get(MODELS)).status_code == 200


async def test_errors_of_the_block_come_out_as_they_are(documents: Path, web: Path):
    with pytest.raises(KeyError, match="mine"):
        async with running_sandbox(documents=documents, web=web):
            raise KeyError("mine")


@pytest.mark.parametrize("cancels", [True, False])
async def test_it_stops_soon_with_a_stream_open(documents: Path, web: Path, cancels: bool):
    messages = [{"role": "user", "content": "Urlaub"}]
    asked = {"model": "sandbox-brief", "stream": True, "messages": messages}
    with anyio.fail_after(10):
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            with anyio.CancelScope() as scope:
                async with running_sandbox(documents=documents, web=web, pace=60) as sandbox:
                    url = f"{sandbox.base_url}/api/beta/amberai/chat/completions"
                    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
                    request = client.build_request("POST", url, headers=headers, json=asked)
                    lines = (await client.send(request, stream=True)).aiter_lines()
                    assert "assistant" in await anext(lines)
                    if cancels:
                        scope.cancel()
                        await anyio.sleep_forever()
            with pytest.raises(httpx2.TransportError):
                async for line in lines:
                    assert "[DONE]" not in line
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)


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


async def test_names_of_other_machines_are_refused(sandbox: Sandbox):
    port = sandbox.base_url.rpartition(":")[2]
    async with client_of(sandbox.base_url, sandbox.api_key) as http:
        for host, status in (
            ("evil.example", 400),
            ("evil.example:80", 400),
            ("[bad", 400),
            (f"localhost:{port}", 200),
            (f"[::1]:{port}", 200),
        ):
            for url in (MODELS, f"{sandbox.documents_url}/hr/urlaub.md"):
                response = await http.get(url, headers={"Host": host})
                assert response.status_code == status
                assert ("Urlaub" in response.text) is (status == 200 and url != MODELS)
