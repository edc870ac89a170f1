"""What goes wrong with a proxy: named, with what to set; never a password."""

import gc
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream

from tests.api.company import (
    LOGIN,
    Company,
    Fault,
    check_what_is_told,
    failure,
    settings_of,
)
from tests.network import (
    HOST,
    RunningProxy,
    http_proxy,
    listening,
    running_server,
    server_context,
    socks_proxy,
)
from tests.planted import PROXY_PASSWORD
from tests.upstream import client_of

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
    await check_what_is_told(fault, tmp_path, monkeypatch, happened, advice)


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
