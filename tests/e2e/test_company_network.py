"""The real program in a company's network: environment variables in, answers or advice out."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.programs import environment, run_program, stdio_program
from tests.e2e.talking import call
from tests.http.network import (
    HOST,
    http_proxy,
    listening,
    running_server,
    server_context,
    socks_proxy,
)
from tests.planted import KEY, PROXY_PASSWORD

LOGIN = f"anna:{PROXY_PASSWORD}"


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def given(ca: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """The settings of a user whose company has an authority and wants client certificates."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = ca.issue_cert("anna@company.test").private_key_and_cert_chain_pem
    client.write_to_path(tmp_path / "client.pem")
    return {
        "AMBER_BASE_URL": f"https://{HOST}",
        "AMBER_API_KEY": KEY,
        "AMBER_STREAM": "off",
        "AMBER_UPLOAD_ROOTS": str(tmp_path),
        "AMBER_CA_BUNDLE": str(tmp_path / "ca.pem"),
        "AMBER_CLIENT_CERT": str(tmp_path / "client.pem"),
    }


@asynccontextmanager
async def proxied(
    ca: trustme.CA, proxy: Callable[..., Any], clients_of: trustme.CA | None = None
) -> AsyncIterator[Any]:
    """The proxy before a server of the company."""
    with running_server(server_context(ca.issue_cert(HOST), clients_of=clients_of)) as server:
        async with listening(proxy({f"{HOST}:443": server.port}, login=LOGIN)) as listener:
            yield listener


async def run(*arguments: str, **variables: str) -> tuple[int, str]:
    """How a command ended, and all that it printed."""
    done = await run_program(*arguments, env=environment(**variables))
    printed = (done.stdout + done.stderr).decode()
    assert PROXY_PASSWORD not in printed
    assert KEY not in printed
    assert "Traceback" not in printed
    return done.returncode, printed


async def test_ask_and_doctor_work_behind_a_proxy_that_wants_everything(
    ca: trustme.CA, given: dict[str, str]
) -> None:
    async with proxied(ca, http_proxy, clients_of=ca) as proxy:
        given["https_proxy"] = f"http://{LOGIN}@127.0.0.1:{proxy.port}"
        status, asked = await run("ask", "How many vacation days do I get?", **given)
        assert status == 0
        assert asked.startswith("Thirty days.\n")
        status, told = await run("doctor", **given)
    assert status == 0
    assert f"{HOST} through the proxy http://127.0.0.1:{proxy.port} (HTTPS_PROXY, as anna" in told
    assert f"the operating system's, and those in {given['AMBER_CA_BUNDLE']}" in told
    assert f"client certificate: {given['AMBER_CLIENT_CERT']}" in told
    assert all(KEY.encode() not in head for head in proxy.seen)


async def test_a_tool_is_called_through_a_socks_proxy(
    ca: trustme.CA, given: dict[str, str]
) -> None:
    async with proxied(ca, socks_proxy, clients_of=ca) as proxy:
        given["ALL_PROXY"] = f"socks5h://{LOGIN}@127.0.0.1:{proxy.port}"
        async with stdio_program(**given) as program:
            await program.handshake()
            result = await call(program, "ask_amber", question="How many?")
    assert result["structuredContent"]["answer"] == "Thirty days."


async def test_a_tool_tells_what_to_set_where_the_authority_is_unknown(
    ca: trustme.CA, given: dict[str, str]
) -> None:
    del given["AMBER_CA_BUNDLE"]
    async with proxied(ca, http_proxy) as proxy:
        given["HTTPS_PROXY"] = f"http://{LOGIN}@127.0.0.1:{proxy.port}"
        async with stdio_program(**given) as program:
            await program.handshake()
            result = await call(program, "list_models")
    assert result["isError"]
    told = json.dumps(result)
    assert "an authority that is not trusted here" in told
    assert "AMBER_CA_BUNDLE" in told
    assert PROXY_PASSWORD not in told


async def test_doctor_names_what_is_in_the_way_and_the_next_step(given: dict[str, str]) -> None:
    async with listening(http_proxy({}, status="403 Forbidden")) as proxy:
        given["HTTPS_PROXY"] = f"http://{LOGIN}@127.0.0.1:{proxy.port}"
        status, told = await run("doctor", **given)
        assert status == 1
        assert f"does not allow the way to {HOST} (403 Forbidden)" in told
        assert f"Ask your IT department to allow {HOST}" in told
        status, told = await run("doctor", **given, NO_PROXY=".company.test")
    assert status == 1
    assert f"Network: {HOST} directly" in told
    assert f"the name of {HOST} is unknown here" in told
    assert len(proxy.seen) == 1


async def test_doctor_notes_a_variable_that_does_nothing(given: dict[str, str]) -> None:
    status, told = await run("doctor", **given, HTTP_PROXY="http://127.0.0.1:9")
    assert status == 1
    assert "note  HTTP_PROXY is for plain http, so it is not used" in told


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("AMBER_CLIENT_KEY", "/no/such/file", "AMBER_CLIENT_KEY names no file that can be read"),
        ("SSL_CERT_FILE", "/no/such/file", "SSL_CERT_FILE names no file that can be read"),
        ("HTTPS_PROXY", f"http://{LOGIN}#1@proxy.test", "HTTPS_PROXY is not the address"),
    ],
)
async def test_what_cannot_be_used_is_named_before_anything_is_sent(
    given: dict[str, str], name: str, value: str, fault: str
) -> None:
    status, told = await run("ask", "How many?", **{**given, name: value})
    assert status == 2
    assert told.startswith(f"not_configured: {fault}")
