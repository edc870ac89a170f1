"""What a network has in the way is named, with what to set; and never a password."""

import gc
import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx2
import pytest
import trustme
from anyio.abc import ByteStream

from amber_mcp.errors import AmberError, describe
from amber_mcp.http.connection_errors import connection_error
from amber_mcp.http.proxies import ProxyRoute
from amber_mcp.text.redaction import redact
from tests.http.company import Company, company_network
from tests.http.network import (
    HOST,
    RunningProxy,
    http_proxy,
    running_server,
    server_context,
    socks_proxy,
)
from tests.planted import KEY, PROXY_PASSWORD
from tests.upstream import client_of

LOGIN = f"anna:{PROXY_PASSWORD}"
DATES = [datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021, 2099, 2100)]
PAST = {"not_before": DATES[0], "not_after": DATES[1]}
FUTURE = {"not_before": DATES[2], "not_after": DATES[3]}
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NGINX_PAGE = "<html><h1>400 No required SSL certificate was sent</h1></html>"


async def close(stream: ByteStream, _: RunningProxy) -> None:
    await stream.receive(65536)


async def cut_handshake(stream: ByteStream, _: RunningProxy) -> None:
    await stream.receive(1)


async def stay_silent(stream: ByteStream, _: RunningProxy) -> None:
    await stream.receive(65536)
    await anyio.sleep_forever()


async def refuse_as_http(stream: ByteStream, _: RunningProxy) -> None:
    """As an HTTP proxy does to which TLS or SOCKS is spoken."""
    await stream.receive(65536)
    await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def self_signed(company: Company) -> None:
    path = company.folder / "server.pem"
    company.ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    company.ca.cert_pem.write_to_path(path, append=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    company.server(context)


def only_another_authority(company: Company) -> None:
    trustme.CA().cert_pem.write_to_path(company.folder / "other.pem")
    company.setenv("SSL_CERT_FILE", str(company.folder / "other.pem"))
    company.server(company.context())


def another_address(company: Company) -> None:
    company.server(company.context(), trusted=True)
    company.server_at(int(company.variables["AMBER_BASE_URL"].rpartition(":")[2]), "127.0.0.1")


def wants_client_certificate(
    company: Company, maximum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> None:
    context = server_context(company.ca.issue_cert("localhost"), clients_of=company.ca)
    context.maximum_version = maximum_version
    company.server(context, trusted=True)


def client_of_another_authority(company: Company) -> None:
    company.present_certificate(trustme.CA())
    wants_client_certificate(company)


def expired_client(company: Company) -> None:
    company.present_certificate(company.ca, **PAST)
    wants_client_certificate(company)


def outdated_tls(company: Company) -> None:
    context = company.context()
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    company.server(context, trusted=True)


def no_common_cipher(company: Company) -> None:
    context = company.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CAMELLIA128-SHA256:@SECLEVEL=0")
    company.server(context, trusted=True)


async def firewall(company: Company) -> None:
    company.server_at(await company.peer(cut_handshake))


async def silent_server(company: Company) -> None:
    company.variables["AMBER_CONNECT_TIMEOUT"] = "0.2"
    company.server_at(await company.peer(stay_silent))


async def proxy_inspects_tls(company: Company) -> None:
    running = company.stack.enter_context(running_server(company.context(HOST)))
    await company.proxy(http_proxy({f"{HOST}:443": running.port}), login=LOGIN)


FAULTS: list[tuple[Callable[[Company], Awaitable[None] | None], str, str]] = [
    # Authorities and servers' certificates
    (lambda c: c.server(c.context()), "an authority that is not trusted here", "AMBER_CA_BUNDLE"),
    (self_signed, "self-signed certificate in certificate chain", "AMBER_CA_BUNDLE"),
    (only_another_authority, "an authority that is not trusted here", "SSL_CERT_FILE"),
    (lambda c: c.server(c.context(**PAST), trusted=True), "has expired", "clock"),
    (lambda c: c.server(c.context(**FUTURE), trusted=True), "is not valid yet", "clock"),
    (
        lambda c: c.server(c.context("other.test"), trusted=True),
        "is for another name (Hostname mismatch",
        "base URL",
    ),
    (another_address, "is for another name (IP address mismatch", "base URL"),
    # Client certificates
    (wants_client_certificate, "requires a client certificate", "AMBER_CLIENT_CERT"),
    (
        lambda c: wants_client_certificate(c, ssl.TLSVersion.TLSv1_2),
        "refused the TLS handshake",
        "AMBER_CLIENT_CERT",
    ),
    (client_of_another_authority, "refused the client certificate", "AMBER_CLIENT_CERT"),
    (expired_client, "refused the client certificate", "expired"),
    (
        lambda c: c.server(c.context(), trusted=True, page=NGINX_PAGE),
        "a client certificate",
        "AMBER_CLIENT_CERT",
    ),
    # TLS and connections
    (lambda c: c.server(None), "does not speak TLS on that port", "base URL"),
    (outdated_tls, "speaks no version of TLS that is accepted", "TLS 1.2 or 1.3"),
    (no_common_cipher, "refused the TLS handshake", "no safe TLS"),
    (firewall, "cut the connection during the TLS handshake", "HTTPS_PROXY"),
    (lambda c: c.server_at(c.closed_port()), "no connection to localhost", "base URL"),
    (
        lambda c: c.server_at(443, "amber.invalid"),
        "the name of amber.invalid:443 is unknown",
        "HTTPS_PROXY",
    ),
    (silent_server, "in time", "AMBER_CONNECT_TIMEOUT"),
    # Proxies
    (
        lambda c: c.proxy_at(c.closed_port(), login=LOGIN),
        "cannot be reached (Connection refused)",
        "HTTPS_PROXY",
    ),
    (
        lambda c: c.proxy_at(3128, login=LOGIN, host="proxy.invalid"),
        "the name of the proxy http://proxy.invalid:3128 is unknown",
        "HTTPS_PROXY",
    ),
    (lambda c: c.proxy(close, login=LOGIN), "through the proxy http://127.0.0.1", "doctor"),
    (
        lambda c: c.slow_to_connect(stay_silent, "https", login=LOGIN, host="localhost"),
        "through the proxy https://localhost",
        "HTTPS_PROXY",
    ),
    (
        lambda c: c.slow_to_connect(stay_silent, "http", login=LOGIN),
        "no connection to amber.company.test",
        "HTTPS_PROXY",
    ),
    (
        lambda c: c.slow_to_connect(stay_silent, "socks5"),
        "through the proxy socks5://127.0.0.1",
        "the proxy (HTTPS_PROXY)",
    ),
    (proxy_inspects_tls, "an authority that is not trusted here", "inspects TLS"),
    (
        lambda c: c.proxy(refuse_as_http, "https", login=LOGIN, host="localhost"),
        "(or the proxy https://localhost",
        "Most proxies are http:// in HTTPS_PROXY",
    ),
    (
        lambda c: c.proxy_at(c.closed_port(), "socks5", login=LOGIN),
        "the proxy socks5://127.0.0.1",
        "HTTPS_PROXY",
    ),
    # What an HTTP proxy answers
    (
        lambda c: c.proxy(http_proxy({}, login=LOGIN)),
        "asks for a user name and a password",
        "user:password@",
    ),
    (
        lambda c: c.proxy(http_proxy({}, login="somebody:else"), login=LOGIN),
        "does not accept the user name",
        "HTTPS_PROXY",
    ),
    (
        lambda c: c.proxy(http_proxy({}, status="403 Forbidden"), login=LOGIN),
        f"does not allow the way to {HOST} (403",
        "NO_PROXY",
    ),
    (
        lambda c: c.proxy(http_proxy({}), login=LOGIN),
        f"could not reach {HOST} (502",
        "NO_PROXY",
    ),
    (
        lambda c: c.proxy(http_proxy({}, status="504 Gateway Timeout"), login=LOGIN),
        f"could not reach {HOST} (504",
        "NO_PROXY",
    ),
    (
        lambda c: c.proxy(http_proxy({}, status=f"418 Not with {PROXY_PASSWORD}"), login=LOGIN),
        "does not allow the way",
        "NO_PROXY",
    ),
    # What a SOCKS proxy answers
    (
        lambda c: c.proxy(socks_proxy({}, login=LOGIN), "socks5"),
        "asks for a user name and a password",
        "user:password@",
    ),
    (
        lambda c: c.proxy(socks_proxy({}, login="some:body"), "socks5", login=LOGIN),
        "does not accept the user name",
        "HTTPS_PROXY",
    ),
    (
        lambda c: c.proxy(socks_proxy({}, reply=2), "socks5"),
        f"does not allow the way to {HOST}",
        "NO_PROXY",
    ),
    (
        lambda c: c.proxy(socks_proxy({}, reply=5), "socks5"),
        f"{HOST} (Connection refused)",
        "NO_PROXY",
    ),
    (
        lambda c: c.proxy(refuse_as_http, "socks5"),
        "does not accept this program's SOCKS 5",
        "http://",
    ),
    (lambda c: c.proxy(close, "socks5"), "does not accept this program's SOCKS 5", "http://"),
]


async def told(company: Company) -> str:
    """What a client in `company` is told."""
    async with client_of(company.settings) as http:
        with pytest.raises(AmberError) as raised:
            await http.get("/models")
    return describe(raised.value)


@pytest.fixture(autouse=True)
def _collect_sockets() -> Iterator[None]:
    """httpcore2 leaves the socket to a SOCKS proxy that refuses to the garbage collector."""
    yield
    gc.collect()


@pytest.mark.parametrize(("set_up", "happened", "advice"), FAULTS)
async def test_what_is_in_the_way_is_named_with_what_to_set(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    set_up: Callable[[Company], Awaitable[None] | None],
    happened: str,
    advice: str,
) -> None:
    async with company_network(tmp_path, monkeypatch) as company:
        if (started := set_up(company)) is not None:
            await started
        error = await told(company)
    assert error.startswith("upstream_unreachable: ")
    words, _, next_step = error.partition(" What to do: ")
    assert happened in words
    assert advice in next_step
    assert PROXY_PASSWORD not in error
    assert KEY not in error
    assert redact(error) == error


async def test_behind_a_proxy_either_may_be_the_silent_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with company_network(tmp_path, monkeypatch) as company:
        company.trust_authority()
        company.variables["AMBER_READ_TIMEOUT"] = "0.2"
        server = await company.peer(stay_silent, server_context(company.ca.issue_cert(HOST)))
        await company.proxy(http_proxy({f"{HOST}:443": server}), login=LOGIN)
        words = await told(company)
    assert words.startswith("upstream_timeout: amber.company.test (or the proxy http://127.0.0.1:")
    assert "AMBER_READ_TIMEOUT" in words


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_is_asked_again_and_an_answer_through_it_takes_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """The first connection stays silent; on the second, the first answer outlasts connecting."""
    connections: list[ByteStream] = []
    requests: list[bytes] = []

    async def proxy(stream: ByteStream, running: RunningProxy) -> None:
        connections.append(stream)
        if len(connections) == 1:
            await stay_silent(stream, running)
        connecting = http_proxy if scheme == "http" else socks_proxy
        await connecting({f"{HOST}:443": server})(stream, running)

    async def slow(stream: ByteStream, _: RunningProxy) -> None:
        async for request in stream:
            requests.append(request)
            await anyio.sleep(1.2 if len(requests) == 1 else 0)
            await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    monkeypatch.setattr("amber_mcp.http.retry._FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr("amber_mcp.http.retry._JITTER_SECONDS", 0.0)
    async with company_network(tmp_path, monkeypatch) as company:
        company.trust_authority()
        company.variables |= {"AMBER_CONNECT_TIMEOUT": "1", "AMBER_RETRIES": "3"}
        server = await company.peer(slow, server_context(company.ca.issue_cert(HOST)))
        await company.proxy(proxy, scheme)
        async with client_of(company.settings) as http:
            assert [await http.get("/models"), await http.get("/models")] == [{}, {}]
    assert len(connections) > 1


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (httpx2.ConnectTimeout(""), "upstream_unreachable", "AMBER_CONNECT_TIMEOUT"),
        (httpx2.ReadTimeout(""), "upstream_timeout", "AMBER_READ_TIMEOUT"),
        (httpx2.ConnectError("refused"), "upstream_unreachable", "amber-mcp doctor"),
        (httpx2.RemoteProtocolError("cut."), "upstream_unreachable", "broke (cut)."),
        (httpx2.ReadError(""), "upstream_unreachable", "broke."),
        (httpx2.SSEError("event too large"), "upstream_error", "cannot be read (event too large)"),
        (httpx2.DecodingError("bad gzip"), "upstream_error", "cannot be read (bad gzip)"),
    ],
)
def test_a_failed_exchange_tells_what_to_set(error: httpx2.HTTPError, kind: str, told: str) -> None:
    failure = connection_error(error, ProxyRoute("acme.example"))
    assert failure.kind == kind
    assert "acme.example" in failure.message
    assert told in describe(failure)
