"""What a company's network has in the way of TLS and connections: named, with what to set."""

import ssl
import warnings
from pathlib import Path

import pytest
import trustme
from anyio.abc import ByteStream

from tests.api.company import FUTURE, PAST, Company, Fault, check_what_is_told
from tests.network import (
    RunningProxy,
    listening,
    running_server,
    server_context,
)

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
    ],
)
async def test_what_is_in_the_way_is_named_with_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, happened: str, advice: str
) -> None:
    await check_what_is_told(fault, tmp_path, monkeypatch, happened, advice)
