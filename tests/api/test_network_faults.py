"""Whatever a company's network has in the way: named, with what to set; never a password."""

import gc
import socket
import ssl
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteStream

from amber_mcp.errors import AmberError, describe
from amber_mcp.redaction import redacted
from amber_mcp.settings import Settings
from tests.network import (
    HOST,
    Handler,
    RunningProxy,
    http_proxy,
    listening,
    running_server,
    server_context,
    socks_proxy,
)
from tests.planted import KEY, PROXY_PASSWORD
from tests.upstream import client_of

LOGIN = f"anna:{PROXY_PASSWORD}"
PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Company:
    """One company's network, with a fault in it; the settings are those of its user."""

    folder: Path
    setenv: Callable[[str, str], None]
    stack: AsyncExitStack
    ca: trustme.CA = field(default_factory=trustme.CA)
    variables: dict[str, str] = field(default_factory=dict)

    def trusted(self) -> None:
        self.ca.cert_pem.write_to_path(self.folder / "ca.pem")
        self.variables["AMBER_CA_BUNDLE"] = str(self.folder / "ca.pem")

    def client(self, issued_by: trustme.CA, **more: Any) -> None:
        issued_by.issue_cert(
            "anna@company.test", **more
        ).private_key_and_cert_chain_pem.write_to_path(self.folder / "client.pem")
        self.variables["AMBER_CLIENT_CERT"] = str(self.folder / "client.pem")

    def server(self, context: ssl.SSLContext | None = None, *, page: str = "", **cert: Any) -> str:
        """Start a server with a certificate for `localhost`; return its address."""
        context = context or server_context(self.ca.issue_cert("localhost", **cert))
        running = self.stack.enter_context(running_server(context, page=page))
        return f"https://localhost:{running.port}"

    async def proxy(
        self, handler: Handler, scheme: str = "http", *, login: str = "", host: str = "127.0.0.1"
    ) -> str:
        """Start a proxy that the environment names; return an address behind it."""
        running = await self.stack.enter_async_context(listening(handler))
        self.proxy_at(f"{host}:{running.port}", scheme, login=login)
        return f"https://{HOST}"

    def proxy_at(self, address: str, scheme: str = "http", *, login: str = "") -> str:
        self.setenv("HTTPS_PROXY", f"{scheme}://{f'{login}@' if login else ''}{address}")
        return f"https://{HOST}"

    def closed_port(self) -> int:
        """A port that is taken, and at which nobody listens."""
        taken = self.stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


Fault = Callable[[Company], Awaitable[str]]


# Authorities and servers' certificates


async def unknown_authority(company: Company) -> str:
    return company.server()


async def self_signed(company: Company) -> str:
    path = company.folder / "server.pem"
    company.ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    company.ca.cert_pem.write_to_path(path, append=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return company.server(context)


async def only_another_authority(company: Company) -> str:
    trustme.CA().cert_pem.write_to_path(company.folder / "other.pem")
    company.setenv("SSL_CERT_FILE", str(company.folder / "other.pem"))
    return company.server()


async def expired(company: Company) -> str:
    company.trusted()
    return company.server(not_before=PAST, not_after=PAST.replace(month=2))


async def not_yet_valid(company: Company) -> str:
    company.trusted()
    return company.server(not_before=FUTURE.replace(year=2099), not_after=FUTURE)


async def another_name(company: Company) -> str:
    company.trusted()
    return company.server(server_context(company.ca.issue_cert("other.test")))


async def another_address(company: Company) -> str:
    company.trusted()
    return company.server().replace("localhost", "127.0.0.1")


# Client certificates


async def client_certificate_missing(company: Company) -> str:
    company.trusted()
    return company.server(server_context(company.ca.issue_cert("localhost"), clients_of=company.ca))


async def client_certificate_missing_in_tls_1_2(company: Company) -> str:
    company.trusted()
    context = server_context(company.ca.issue_cert("localhost"), clients_of=company.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return company.server(context)


async def client_certificate_of_another_authority(company: Company) -> str:
    company.client(trustme.CA())
    return await client_certificate_missing(company)


async def client_certificate_expired(company: Company) -> str:
    company.client(company.ca, not_before=PAST, not_after=PAST.replace(month=2))
    return await client_certificate_missing(company)


async def client_certificate_missing_before_nginx(company: Company) -> str:
    company.trusted()
    return company.server(page="<html><h1>400 No required SSL certificate was sent</h1></html>")


# TLS


async def plain_http(company: Company) -> str:
    running = company.stack.enter_context(running_server(None))
    return f"https://localhost:{running.port}"


async def outdated_tls(company: Company) -> str:
    company.trusted()
    context = server_context(company.ca.issue_cert("localhost"))
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return company.server(context)


async def no_common_cipher(company: Company) -> str:
    company.trusted()
    context = server_context(company.ca.issue_cert("localhost"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CAMELLIA128-SHA256:@SECLEVEL=0")
    return company.server(context)


async def cut_by_a_firewall(company: Company) -> str:
    async def cut(stream: ByteStream, _: RunningProxy) -> None:
        await stream.receive(1)

    running = await company.stack.enter_async_context(listening(cut))
    return f"https://localhost:{running.port}"


async def nobody_listens(company: Company) -> str:
    return f"https://localhost:{company.closed_port()}"


async def unknown_host(company: Company) -> str:
    return "https://amber.invalid"


async def silent_server(company: Company) -> str:
    async def wait(stream: ByteStream, _: RunningProxy) -> None:
        async for _chunk in stream:
            pass

    company.variables["AMBER_CONNECT_TIMEOUT"] = "0.2"
    running = await company.stack.enter_async_context(listening(wait))
    return f"https://localhost:{running.port}"


# HTTP proxies


async def proxy_is_down(company: Company) -> str:
    return company.proxy_at(f"127.0.0.1:{company.closed_port()}", login=LOGIN)


async def proxy_is_unknown(company: Company) -> str:
    return company.proxy_at("proxy.invalid:3128", login=LOGIN)


async def proxy_wants_a_login(company: Company) -> str:
    return await company.proxy(http_proxy({}, login=LOGIN))


async def proxy_wants_another_login(company: Company) -> str:
    return await company.proxy(http_proxy({}, login="somebody:else"), login=LOGIN)


async def proxy_does_not_allow_it(company: Company) -> str:
    return await company.proxy(http_proxy({}, status="403 Forbidden"), login=LOGIN)


async def proxy_knows_no_such_host(company: Company) -> str:
    return await company.proxy(http_proxy({}), login=LOGIN)


async def proxy_waited_too_long(company: Company) -> str:
    return await company.proxy(http_proxy({}, status="504 Gateway Timeout"), login=LOGIN)


async def proxy_repeats_the_password(company: Company) -> str:
    return await company.proxy(http_proxy({}, status=f"418 Not with {PROXY_PASSWORD}"), login=LOGIN)


async def proxy_breaks_off(company: Company) -> str:
    async def close(stream: ByteStream, _: RunningProxy) -> None:
        await stream.receive(65536)

    return await company.proxy(close, login=LOGIN)


async def proxy_is_silent(company: Company) -> str:
    async def wait(stream: ByteStream, _: RunningProxy) -> None:
        await anyio.sleep_forever()

    company.variables["AMBER_CONNECT_TIMEOUT"] = "0.2"
    await company.proxy(wait, "https", login=LOGIN, host="localhost")
    return f"https://{HOST}"


async def never_answer(stream: ByteStream, _: RunningProxy) -> None:
    await stream.receive(65536)
    await anyio.sleep_forever()


async def proxy_never_answers_connect(company: Company) -> str:
    company.variables["AMBER_RETRIES"] = "0"
    company.variables["AMBER_CONNECT_TIMEOUT"] = "0.2"
    return await company.proxy(never_answer, login=LOGIN)


async def server_behind_a_proxy_is_silent(company: Company) -> str:
    company.trusted()
    company.variables["AMBER_READ_TIMEOUT"] = "0.2"
    context = server_context(company.ca.issue_cert(HOST))
    server = await company.stack.enter_async_context(listening(never_answer, context))
    return await company.proxy(http_proxy({f"{HOST}:443": server.port}), login=LOGIN)


async def proxy_inspects_tls(company: Company) -> str:
    running = company.stack.enter_context(
        running_server(server_context(company.ca.issue_cert(HOST)))
    )
    return await company.proxy(http_proxy({f"{HOST}:443": running.port}), login=LOGIN)


async def refuses_the_request(stream: ByteStream, _: RunningProxy) -> None:
    """As an HTTP proxy does to which TLS or SOCKS is spoken."""
    await stream.receive(65536)
    await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def proxy_is_named_https_and_speaks_http(company: Company) -> str:
    return await company.proxy(refuses_the_request, "https", login=LOGIN, host="localhost")


# SOCKS proxies


async def socks_is_down(company: Company) -> str:
    return company.proxy_at(f"127.0.0.1:{company.closed_port()}", "socks5", login=LOGIN)


async def socks_wants_a_login(company: Company) -> str:
    return await company.proxy(socks_proxy({}, login=LOGIN), "socks5")


async def socks_wants_another_login(company: Company) -> str:
    return await company.proxy(socks_proxy({}, login="some:body"), "socks5", login=LOGIN)


async def socks_does_not_allow_it(company: Company) -> str:
    return await company.proxy(socks_proxy({}, reply=2), "socks5")


async def socks_cannot_connect(company: Company) -> str:
    return await company.proxy(socks_proxy({}, reply=5), "socks5")


async def socks_is_an_http_proxy(company: Company) -> str:
    return await company.proxy(refuses_the_request, "socks5")


async def socks_never_answers(company: Company) -> str:
    company.variables["AMBER_RETRIES"] = "0"
    company.variables["AMBER_CONNECT_TIMEOUT"] = "0.2"
    return await company.proxy(never_answer, "socks5")


async def socks_breaks_off(company: Company) -> str:
    async def close(stream: ByteStream, _: RunningProxy) -> None:
        await stream.receive(65536)

    return await company.proxy(close, "socks5")


@pytest.mark.parametrize(
    ("fault", "happened", "advice"),
    [
        (unknown_authority, "an authority that is not trusted here", "AMBER_CA_BUNDLE"),
        (self_signed, "self-signed certificate in certificate chain", "AMBER_CA_BUNDLE"),
        (only_another_authority, "an authority that is not trusted here", "SSL_CERT_FILE"),
        (expired, "has expired", "clock"),
        (not_yet_valid, "is not valid yet", "clock"),
        (another_name, "is for another name (Hostname mismatch", "base URL"),
        (another_address, "is for another name (IP address mismatch", "base URL"),
        (client_certificate_missing, "requires a client certificate", "AMBER_CLIENT_CERT"),
        (client_certificate_missing_in_tls_1_2, "refused the TLS handshake", "AMBER_CLIENT_CERT"),
        (
            client_certificate_of_another_authority,
            "refused the client certificate",
            "AMBER_CLIENT_CERT",
        ),
        (client_certificate_expired, "refused the client certificate", "expired"),
        (client_certificate_missing_before_nginx, "a client certificate", "AMBER_CLIENT_CERT"),
        (plain_http, "does not speak TLS on that port", "base URL"),
        (outdated_tls, "speaks no version of TLS that is accepted", "TLS 1.2 or 1.3"),
        (no_common_cipher, "refused the TLS handshake", "no TLS that is still safe"),
        (cut_by_a_firewall, "cut the connection during the TLS handshake", "HTTPS_PROXY"),
        (nobody_listens, "no connection to localhost", "base URL"),
        (unknown_host, "the name of amber.invalid is unknown", "HTTPS_PROXY"),
        (silent_server, "in time", "AMBER_CONNECT_TIMEOUT"),
        (proxy_is_down, "cannot be reached (Connection refused)", "HTTPS_PROXY"),
        (
            proxy_is_unknown,
            "the name of the proxy http://proxy.invalid:3128 is unknown",
            "HTTPS_PROXY",
        ),
        (proxy_wants_a_login, "asks for a user name and a password", "user:password@"),
        (proxy_wants_another_login, "does not accept the user name", "HTTPS_PROXY"),
        (proxy_does_not_allow_it, "does not allow the way to amber.company.test (403", "NO_PROXY"),
        (proxy_knows_no_such_host, "could not reach amber.company.test (502", "NO_PROXY"),
        (proxy_waited_too_long, "could not reach amber.company.test (504", "NO_PROXY"),
        (proxy_repeats_the_password, "does not allow the way", "NO_PROXY"),
        (proxy_breaks_off, "through the proxy http://127.0.0.1", "doctor"),
        (proxy_is_silent, "through the proxy https://localhost", "HTTPS_PROXY"),
        (proxy_never_answers_connect, "no connection to amber.company.test", "HTTPS_PROXY"),
        (proxy_inspects_tls, "an authority that is not trusted here", "inspects TLS"),
        (
            proxy_is_named_https_and_speaks_http,
            "(or the proxy https://localhost",
            "Most proxies are http:// in HTTPS_PROXY",
        ),
        (socks_is_down, "the proxy socks5://127.0.0.1", "HTTPS_PROXY"),
        (socks_wants_a_login, "asks for a user name and a password", "user:password@"),
        (socks_wants_another_login, "does not accept the user name", "HTTPS_PROXY"),
        (socks_does_not_allow_it, "does not allow the way to amber.company.test", "NO_PROXY"),
        (socks_cannot_connect, "amber.company.test (Connection refused)", "NO_PROXY"),
        (socks_is_an_http_proxy, "does not accept this program's SOCKS 5", "http://"),
        (socks_never_answers, "through the proxy socks5://127.0.0.1", "the proxy (HTTPS_PROXY)"),
        (socks_breaks_off, "does not accept this program's SOCKS 5", "http://"),
    ],
)
# httpcore2 leaves the socket to a SOCKS proxy that refuses to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_what_is_in_the_way_is_named_with_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, happened: str, advice: str
) -> None:
    with anyio.fail_after(20):
        async with AsyncExitStack() as stack:
            company = Company(tmp_path, monkeypatch.setenv, stack)
            told = await failure(await fault(company), company.variables)
    assert told.startswith("upstream_unreachable: ")
    words, _, next_step = told.partition(" What to do: ")
    assert happened in words
    assert advice in next_step
    assert PROXY_PASSWORD not in told
    assert KEY not in told
    assert redacted(told) == told
    gc.collect()


async def test_behind_a_proxy_either_may_be_the_silent_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with anyio.fail_after(20):
        async with AsyncExitStack() as stack:
            company = Company(tmp_path, monkeypatch.setenv, stack)
            base_url = await server_behind_a_proxy_is_silent(company)
            told = await failure(base_url, company.variables)
    assert told.startswith("upstream_timeout: amber.company.test (or the proxy http://127.0.0.1:")
    assert "AMBER_READ_TIMEOUT" in told


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_proxy_is_asked_again_and_an_answer_through_it_takes_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    asked: list[ByteStream] = []

    async def proxy(stream: ByteStream, running: RunningProxy) -> None:
        asked.append(stream)
        if len(asked) == 1:
            await never_answer(stream, running)
        consenting = http_proxy if scheme == "http" else socks_proxy
        await consenting({f"{HOST}:443": server.port})(stream, running)

    async def slow(stream: ByteStream, _: RunningProxy) -> None:
        async for _request in stream:
            await anyio.sleep(1.5)
            await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    with anyio.fail_after(30):
        async with AsyncExitStack() as stack:
            company = Company(tmp_path, monkeypatch.setenv, stack)
            company.trusted()
            company.variables["AMBER_CONNECT_TIMEOUT"] = "1"
            context = server_context(company.ca.issue_cert(HOST))
            server = await stack.enter_async_context(listening(slow, context))
            base_url = await company.proxy(proxy, scheme)
            async with client_of(settings_of(base_url, company.variables)) as http:
                assert [await http.get("/models"), await http.get("/models")] == [{}, {}]
    assert len(asked) > 1
    gc.collect()


async def failure(base_url: str, variables: dict[str, str]) -> str:
    """What a client with these settings is told."""
    async with client_of(settings_of(base_url, variables)) as http:
        with pytest.raises(AmberError) as raised:
            await http.get("/models")
    return describe(raised.value)


def settings_of(base_url: str, variables: dict[str, str]) -> Settings:
    settings = Settings.from_environment(
        {"AMBER_BASE_URL": base_url, "AMBER_API_KEY": KEY, **variables}
    )
    assert settings.problems == ()
    return settings
