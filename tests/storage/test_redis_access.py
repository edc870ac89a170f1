"""Who may use Redis, and over which connection: passwords, rights, TLS."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.abc import SocketAttribute, SocketStream

from amber_mcp.errors import NotConfigured, describe
from amber_mcp.storage.base import StorageUnavailable, Store
from tests.storage.servers import (
    PASSWORD,
    PLACE,
    TTL,
    RedisServer,
    client_of,
    opened,
    running_redis,
)


async def test_no_error_log_or_repr_holds_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.storage.redis_client._PAUSES", (0.01,))
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    with running_redis(tmp_path, "--requirepass", PASSWORD) as server:
        address = f"127.0.0.1:{server.port}"
        async with opened(f"redis://:{PASSWORD}@{address}") as store:
            await store.put(PLACE, "record", ttl=TTL)
            seen += [store, vars(store), store._client, vars(store._client)]
            server.stop()
            with pytest.raises(StorageUnavailable) as gone:
                await store.get(PLACE)
            seen += [gone.value, describe(gone.value), gone.getrepr(chain=True)]
        server.start()
        async with opened(f"redis://:{PASSWORD}-mistyped@{address}") as store:
            seen.append(await refused(store))
        async with opened(f"redis://{address}") as store:
            seen.append(await refused(store))
    assert not [each for each in seen if PASSWORD in str(each) or PASSWORD in repr(each)]
    assert PASSWORD not in caplog.text


async def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    async def serve(client: SocketStream) -> None:
        async with client:
            await client.receive()
            told = f"-ERR unknown command, with args beginning with: `{PASSWORD}`\r\n"
            await client.send(told.encode())

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            async with opened(f"redis://:{PASSWORD}@127.0.0.1:{port}") as store:
                with pytest.raises(StorageUnavailable) as error:
                    await store.get(PLACE)
            tasks.cancel_scope.cancel()
    assert "args beginning with: `{hidden}`" in error.value.message
    assert PASSWORD not in str(error.getrepr(chain=True))


async def refused(store: Store) -> str:
    with pytest.raises(NotConfigured, match="AMBER_STATE") as error:
        await store.get(PLACE)
    assert "refuses this user" in error.value.message
    return describe(error.value)


async def test_a_user_with_a_name_of_its_own_and_few_rights(server: RedisServer) -> None:
    async with client_of(server) as client:
        await client.execute_command(
            "ACL", "SETUSER", "amber", "on", f">{PASSWORD}", "~amber-mcp:*",
            "+@read", "+@write", "+@connection", "+@scripting",
        )  # fmt: skip
        async with opened(f"redis://amber:{PASSWORD}@127.0.0.1:{server.port}/2") as store:
            await store.append(PLACE, 1, ttl=TTL)
            with anyio.fail_after(5):
                await store.wait(PLACE, 0)
        await client.execute_command("ACL", "SETUSER", "amber", "-@read")
        async with opened(f"redis://amber:{PASSWORD}@127.0.0.1:{server.port}/2") as store:
            with pytest.raises(NotConfigured, match="refuses this user"):
                await store.get(PLACE)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(folder / "server.key")
    issued.cert_chain_pems[0].write_to_path(folder / "server.pem")
    mine = authority.issue_cert("amber@company.test")
    mine.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    return folder


@asynccontextmanager
async def tls_server(folder: Path, certificates: Path, clients: str) -> AsyncIterator[RedisServer]:
    options = (
        "--port", "0", "--tls-cert-file", str(certificates / "server.pem"),
        "--tls-key-file", str(certificates / "server.key"),
        "--tls-ca-cert-file", str(certificates / "authority.pem"), "--tls-auth-clients", clients,
    )  # fmt: skip
    with running_redis(folder, *options, port_option="tls-port") as server:
        yield server


async def test_tls_trusts_the_authorities_of_the_settings(
    tmp_path: Path, certificates: Path
) -> None:
    bundle = str(certificates / "authority.pem")
    async with tls_server(tmp_path, certificates, "no") as server:
        async with opened(f"rediss://localhost:{server.port}", AMBER_CA_BUNDLE=bundle) as store:
            with anyio.fail_after(10):
                await store.append(PLACE, "item", ttl=TTL)
                await store.wait(PLACE, 0)
                assert await store.items(PLACE) == ["item"]
        async with opened(f"rediss://localhost:{server.port}") as store:
            with pytest.raises(StorageUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await store.get(PLACE)
        address = f"rediss://127.0.0.1:{server.port}"
        async with opened(address, AMBER_CA_BUNDLE=bundle) as store:
            with pytest.raises(StorageUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await store.get(PLACE)


async def test_tls_presents_the_client_certificate(tmp_path: Path, certificates: Path) -> None:
    trust = {"AMBER_CA_BUNDLE": str(certificates / "authority.pem")}
    async with tls_server(tmp_path, certificates, "yes") as server:
        url = f"rediss://localhost:{server.port}"
        mine = {"AMBER_CLIENT_CERT": str(certificates / "client.pem")}
        async with opened(url, **trust, **mine) as store:
            await store.put(PLACE, "record", ttl=TTL)
        async with opened(url, **trust) as store:
            with pytest.raises(StorageUnavailable):
                await store.get(PLACE)
