"""Ways to a host that work: proxies, authorities and client certificates, on real sockets."""

import logging
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import trustme

from amber_mcp.config.settings import Settings
from amber_mcp.config.tls import tls_context
from amber_mcp.errors import NotConfigured
from tests.http.network import (
    HOST,
    RunningProxy,
    TlsServer,
    http_proxy,
    listening,
    running_server,
    server_context,
    socks_proxy,
)
from tests.upstream import KEY, client_of

CA = trustme.CA()
OTHER_CA = trustme.CA()


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    path = tmp_path / "company-ca.pem"
    CA.cert_pem.write_to_path(path)
    return str(path)


async def models(base_url: str, **variables: str) -> object:
    """What the server answers to a client with these settings."""
    settings = Settings.from_environment(
        {"AMBER_BASE_URL": base_url, "AMBER_API_KEY": KEY, **variables}
    )
    assert settings.problems == ()
    with anyio.fail_after(20):
        async with client_of(settings) as http:
            return await http.get("/models")


@asynccontextmanager
async def company(login: str = "") -> AsyncIterator[tuple[TlsServer, RunningProxy]]:
    """A server that can be reached through a forward proxy alone."""
    with running_server(server_context(CA.issue_cert(HOST))) as server:
        async with listening(http_proxy({f"{HOST}:443": server.port}, login=login)) as proxy:
            yield server, proxy


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
async def test_requests_go_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, bundle: str, variable: str
) -> None:
    async with company() as (server, proxy):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        assert await models(f"https://{HOST}", AMBER_CA_BUNDLE=bundle)
    (head,) = proxy.seen
    assert head.startswith(f"CONNECT {HOST}:443 ".encode())
    assert server.seen[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY.encode() not in head
    assert b"authorization" not in head.lower()


async def test_a_proxy_gets_the_password_and_the_server_does_not(
    monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    async with company("anna:s/cr@t") as (server, proxy):
        monkeypatch.setenv("HTTPS_PROXY", f"http://anna:s%2Fcr%40t@127.0.0.1:{proxy.port}")
        assert await models(f"https://{HOST}", AMBER_CA_BUNDLE=bundle)
    assert b"Proxy-Authorization: Basic " in proxy.seen[0]
    assert "proxy-authorization" not in {name.lower() for name in server.seen[0]}


async def test_a_proxy_may_be_spoken_to_in_tls_and_get_the_client_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: str
) -> None:
    client = tmp_path / "client.pem"
    CA.issue_cert("anna@company.test").private_key_and_cert_chain_pem.write_to_path(client)
    context = server_context(CA.issue_cert("localhost"), clients_of=CA)
    with running_server(server_context(CA.issue_cert(HOST))) as server:
        async with listening(http_proxy({f"{HOST}:443": server.port}), context) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{proxy.port}")
            given = {"AMBER_CA_BUNDLE": bundle, "AMBER_CLIENT_CERT": str(client)}
            assert await models(f"https://{HOST}", **given)
    assert proxy.seen


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("login", ["", "anna:geheim-geheim"])
async def test_a_socks_proxy_resolves_the_name(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    bundle: str,
    scheme: str,
    login: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    with running_server(server_context(CA.issue_cert(HOST))) as server:
        handler = socks_proxy({f"{HOST}:443": server.port}, login=login)
        async with listening(handler) as proxy:
            address = f"{login}@127.0.0.1" if login else "127.0.0.1"
            monkeypatch.setenv("ALL_PROXY", f"{scheme}://{address}:{proxy.port}")
            assert await models(f"https://{HOST}", AMBER_CA_BUNDLE=bundle)
    assert proxy.seen == [HOST.encode()]
    assert "setup_socks5_connection" in caplog.text
    assert "geheim" not in caplog.text


async def test_this_machine_is_reached_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    with running_server(server_context(CA.issue_cert("localhost"))) as server:
        async with listening(http_proxy({})) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            assert await models(f"https://localhost:{server.port}", AMBER_CA_BUNDLE=bundle)
    assert proxy.seen == []


def authorities_of(tmp_path: Path) -> Mapping[str, str]:
    both = tmp_path / "both.pem"
    comment = "# Müllers Authority\n".encode()
    both.write_bytes(OTHER_CA.cert_pem.bytes() + comment + CA.cert_pem.bytes())
    folder = tmp_path / "folder"
    folder.mkdir()
    CA.cert_pem.write_to_path(folder / "company.crt")
    OTHER_CA.cert_pem.write_to_path(folder / "other.pem")
    (folder / "README").write_text("No certificate.")
    return {"file": str(both), "folder": str(folder)}


@pytest.mark.parametrize("kind", ["file", "folder"])
async def test_a_bundle_may_hold_several_authorities(tmp_path: Path, kind: str) -> None:
    given = authorities_of(tmp_path)[kind]
    for authority in (CA, OTHER_CA):
        with running_server(server_context(authority.issue_cert("localhost"))) as server:
            assert await models(f"https://localhost:{server.port}", AMBER_CA_BUNDLE=given)


async def test_an_authority_below_the_root_is_enough(tmp_path: Path) -> None:
    below = CA.create_child_ca()
    below.cert_pem.write_to_path(tmp_path / "below.pem")
    with running_server(server_context(below.issue_cert("localhost"))) as server:
        given = str(tmp_path / "below.pem")
        assert await models(f"https://localhost:{server.port}", AMBER_CA_BUNDLE=given)


async def test_ssl_cert_file_names_authorities_too(
    monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    monkeypatch.setenv("SSL_CERT_DIR", "/no/such/folder")  # does not count beside the file
    with running_server(server_context(CA.issue_cert("localhost"))) as server:
        assert await models(f"https://localhost:{server.port}")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
async def test_ssl_cert_dir_names_a_folder_as_openssl_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    CA.cert_pem.write_to_path(tmp_path / "company.pem")
    await anyio.run_process(["openssl", "rehash", str(tmp_path)])
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with running_server(server_context(CA.issue_cert("localhost"))) as server:
        assert await models(f"https://localhost:{server.port}")


async def test_a_bundle_adds_to_what_ssl_cert_file_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: str
) -> None:
    OTHER_CA.cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    for authority in (CA, OTHER_CA):
        with running_server(server_context(authority.issue_cert("localhost"))) as server:
            assert await models(f"https://localhost:{server.port}", AMBER_CA_BUNDLE=bundle)


def test_the_system_s_authorities_stay_trusted_beside_a_bundle(bundle: str) -> None:
    alone = tls_context(Settings()).cert_store_stats()["x509_ca"]
    both = tls_context(Settings.from_environment({"AMBER_CA_BUNDLE": bundle}))
    assert both.cert_store_stats()["x509_ca"] == alone + 1


@pytest.mark.parametrize("variable", ["", "AMBER_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_and_names_are_always_checked(
    monkeypatch: pytest.MonkeyPatch, bundle: str, variable: str
) -> None:
    monkeypatch.setenv(variable or "X", bundle)
    context = tls_context(Settings.from_environment())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize("form", ["two files", "one file"])
async def test_a_client_certificate_is_presented(tmp_path: Path, bundle: str, form: str) -> None:
    certificate = CA.issue_cert("anna@company.test")
    pem, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate.cert_chain_pems[0].write_to_path(pem)
    given = {"AMBER_CA_BUNDLE": bundle, "AMBER_CLIENT_CERT": str(pem)}
    if form == "one file":
        certificate.private_key_pem.write_to_path(pem, append=True)
    else:
        certificate.private_key_pem.write_to_path(key)
        given["AMBER_CLIENT_KEY"] = str(key)
    context = server_context(CA.issue_cert("localhost"), clients_of=CA)
    with running_server(context) as server:
        assert await models(f"https://localhost:{server.port}", **given)


@pytest.mark.parametrize(
    ("variable", "content", "fault"),
    [
        ("SSL_CERT_FILE", None, "No such file"),
        ("SSL_CERT_FILE", "text", "no certificate in PEM form"),
        ("SSL_CERT_DIR", None, "names no folder"),
    ],
)
def test_a_faulty_store_in_place_of_the_system_s_is_named(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str,
    content: str | None,
    fault: str,
) -> None:
    path = tmp_path / "store"
    if content:
        path.write_text(content)
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(NotConfigured) as raised:
        tls_context(Settings())
    assert raised.value.message.startswith(f"{variable} ")
    assert fault in raised.value.message
    assert str(path) in raised.value.message


def test_a_bundle_that_vanishes_is_named(bundle: str) -> None:
    settings = Settings.from_environment({"AMBER_CA_BUNDLE": bundle})
    Path(bundle).unlink()
    with pytest.raises(NotConfigured, match="AMBER_CA_BUNDLE names no file that can be read"):
        tls_context(settings)
