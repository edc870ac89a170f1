"""Redis: sealed, with keys that can be changed; there again when the server is."""

import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
import redis.asyncio
import trustme
from anyio.abc import SocketAttribute, SocketStream

from amber_mcp.errors import AmberError, NotConfigured, describe
from amber_mcp.settings import Settings
from amber_mcp.state.homes import open_store
from amber_mcp.state.sealing import Seals
from amber_mcp.state.store import Key, StateUnavailable, Store
from tests.state.servers import KEY, OTHER_KEY, PASSWORD, RedisServer, running_redis
from tests.state.test_store import until, waiting

TTL = 60
CALLER = "the caller's name"
PLACE = Key("conversation", CALLER, "the id")


def opened(url: str, key: str = KEY, **more: str) -> Any:
    settings = Settings.from_environment({"AMBER_STATE": url, "AMBER_STATE_KEY": key, **more})
    assert settings.problems == ()
    return open_store(settings)


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with running_redis(tmp_path) as server:
        yield server


@asynccontextmanager
async def client_of(server: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis(port=server.port) as client:
        yield client


async def dump(server: RedisServer) -> bytes:
    """All that stands in the server: names and values."""
    content = []
    async with client_of(server) as client:
        for name in await client.keys():
            content.append(name)
            match await client.type(name):
                case b"string":
                    content.append(await client.get(name))
                case b"list":
                    content += await client.lrange(name, 0, -1)
                case b"hash":
                    content += [
                        part for pair in (await client.hgetall(name)).items() for part in pair
                    ]
                case b"zset":
                    content += await client.zrange(name, 0, -1)
    return b"\n".join(content)


async def test_nothing_stands_there_in_plain_and_all_of_it_ends(server: RedisServer) -> None:
    async with opened(server.url) as store:
        secret = await store.secret()
        for key in (PLACE, Key("upload", CALLER, "the id")):
            await store.put(key, {"question": "the text"}, ttl=TTL)
            await store.append(key, "the text", {"answer": "the text"}, ttl=TTL)
    content = await dump(server)
    for plain in (b"the text", b"question", b"the caller", b"the id", secret):
        assert plain not in content
    async with client_of(server) as client:
        names = await client.keys()
        assert len(names) == 9 + 2  # two tokens, of what was appended
        for name in names:
            assert name.startswith(b"amber-mcp:")
            assert (0 < await client.ttl(name) <= TTL) is (name != b"amber-mcp:secret")


async def test_another_key_is_told_and_opens_nothing(server: RedisServer) -> None:
    async with opened(server.url) as store:
        await store.secret()
        await store.put(PLACE, "record", ttl=TTL)
        await store.append(PLACE, "item", ttl=TTL)
    async with opened(server.url, OTHER_KEY) as store:
        for work in (store.get(PLACE), store.items(PLACE), store.secret(),
                     store.ids("conversation", CALLER)):  # fmt: skip
            with pytest.raises(NotConfigured, match="AMBER_STATE_KEY does not open"):
                await work


async def test_keys_are_changed_without_losing_anything(server: RedisServer) -> None:
    async with opened(server.url, KEY) as store:
        secret = await store.secret()
        await store.append(PLACE, "old", ttl=TTL)
    async with opened(server.url, f"{OTHER_KEY},{KEY}") as store:
        assert await store.secret() == secret
        await store.append(PLACE, "new", ttl=TTL)
        assert await store.items(PLACE) == ["old", "new"]
    async with opened(server.url, OTHER_KEY) as store:
        assert await store.secret() == secret
        assert await store.items(PLACE, 1) == ["new"]
        assert await store.ids("conversation", CALLER) == ["the id"]
        with pytest.raises(NotConfigured, match="AMBER_STATE_KEY"):
            await store.items(PLACE)


async def test_a_value_that_was_changed_or_moved_is_told(server: RedisServer) -> None:
    other = Key("conversation", CALLER, "other")
    async with opened(server.url) as store, client_of(server) as client:
        await store.put(PLACE, "mine", ttl=TTL)
        (name,) = await client.keys("*:record")
        sealed = await client.get(name)
        await store.put(other, "other", ttl=TTL)
        (other_name,) = set(await client.keys("*:record")) - {name}
        for damaged in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:12], b"", b"x"):
            await client.set(name, damaged)
            with pytest.raises(NotConfigured, match="AMBER_STATE_KEY does not open"):
                await store.get(PLACE)
        await client.set(other_name, sealed)
        with pytest.raises(NotConfigured, match="it was changed there"):
            await store.get(other)


def test_the_same_value_never_looks_the_same() -> None:
    seals = Seals([b"k" * 32])
    sealed = {seals.seal(b"value", b"place") for _ in range(100)}
    assert len(sealed) == 100
    assert {seals.open(each, b"place") for each in sealed} == {b"value"}


async def test_the_index_of_ids_does_not_grow_with_what_has_expired(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        await store.put(PLACE, "lives", ttl=TTL)
        for number in range(50):
            await store.put(Key("conversation", CALLER, str(number)), "record", ttl=0.001)
        await anyio.sleep(0.01)
        await store.put(PLACE, "lives", ttl=TTL)
        for number in range(25):
            await store.put(Key("conversation", CALLER, f"new {number}"), "record", ttl=TTL)
        (order,) = await client.keys("*:order")
        (ids,) = await client.keys("*:ids")
        assert await client.zcard(order) == await client.hlen(ids) == 26


async def test_it_works_again_when_the_server_is_back(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store:
            await store.append(PLACE, "before", ttl=TTL)
            server.stop()
            begun = anyio.current_time()
            with pytest.raises(StateUnavailable) as error:
                await store.append(PLACE, "nobody is there", ttl=TTL)
            assert anyio.current_time() - begun < 5
            told = describe(error.value)
            assert told.startswith("internal_error: Redis at redis://127.0.0.1:")
            assert "AMBER_STATE" in told
            assert "connecting to 127.0.0.1" in told
            server.start()
            await store.append(PLACE, "after", ttl=TTL)
            assert await store.items(PLACE) == ["after"]


async def test_a_restart_of_a_moment_is_waited_for(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store:
            await store.append(PLACE, "before", ttl=TTL)
            server.stop()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.to_thread.run_sync, server.start)
                await store.append(PLACE, "after", ttl=TTL)
            assert await store.items(PLACE) == ["after"]


async def test_what_was_done_before_its_answer_was_lost_is_not_done_again(
    server: RedisServer,
) -> None:
    async with losing_answers(server) as port, opened(f"redis://127.0.0.1:{port}") as store:
        with anyio.fail_after(20):
            for number in range(3):
                key = Key("run", CALLER, str(number))
                await store.append(key, 1, 2, ttl=TTL)
                assert await store.append(key, 3, ttl=TTL, create=False)
                assert await store.items(key) == [1, 2, 3]
                assert await store.add(key, "mine", ttl=TTL)
                assert not await store.add(key, "another's", ttl=TTL)
                assert await store.get(key) == "mine"
                await store.delete(key)
                assert await store.ids("run", CALLER) == []


@asynccontextmanager
async def losing_answers(server: RedisServer) -> AsyncIterator[int]:
    """A way to the server that closes, every second time, when a script has been done."""
    scripts = 0

    async def forward(source: SocketStream, target: SocketStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                await target.send(await source.receive())

    async def serve(client: SocketStream) -> None:
        nonlocal scripts
        async with client, await anyio.connect_tcp("127.0.0.1", server.port) as behind:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(forward, behind, client)
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    while True:
                        request = await client.receive()
                        scripts += b"EVALSHA" in request
                        if b"EVALSHA" in request and scripts % 2:
                            tasks.cancel_scope.cancel()
                        with anyio.CancelScope(shield=True):
                            await behind.send(request)
                            if tasks.cancel_scope.cancel_called:
                                await behind.receive()
                tasks.cancel_scope.cancel()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            yield listener.extra(SocketAttribute.local_port)  # noqa: S610
            tasks.cancel_scope.cancel()


async def test_those_who_wait_go_on_waiting_through_a_restart(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store, opened(server.url) as other:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(store.wait, PLACE, 0)
                await until(lambda: waiting(store) == 3)
                await anyio.sleep(0.2)
                server.stop()
                await anyio.to_thread.run_sync(server.start)
                await other.append(PLACE, 1, ttl=TTL)


async def test_those_who_wait_are_told_that_the_server_is_gone(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store:

            async def told() -> None:
                with pytest.raises(StateUnavailable), anyio.fail_after(4):
                    await store.wait(PLACE, 0)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(told)
                await anyio.sleep(0.3)
                server.stop()
            await told()
            server.start()
            await store.append(PLACE, 1, ttl=TTL)
            await store.wait(PLACE, 0)


async def test_the_server_may_come_later(server: RedisServer) -> None:
    server.stop()
    async with opened(server.url) as store:
        with pytest.raises(StateUnavailable):
            await store.get(PLACE)
        server.start()
        assert await store.get(PLACE) is None


async def test_a_server_that_says_nothing_is_not_waited_for_long(server: RedisServer) -> None:
    assert server.process is not None
    async with opened(server.url) as store:
        await store.put(PLACE, "record", ttl=TTL)

        async def told() -> None:
            with pytest.raises(StateUnavailable):
                await store.get(PLACE)

        server.process.send_signal(signal.SIGSTOP)
        try:
            with anyio.fail_after(5.8):
                async with anyio.create_task_group() as tasks:
                    # More than are let through at a time.
                    for _ in range(70):
                        tasks.start_soon(told)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert await store.get(PLACE) == "record"


async def test_all_who_wait_share_one_connection(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for number in range(200):
                    tasks.start_soon(store.wait, Key("run", CALLER, str(number)), 0)
                await until(lambda: waiting(store) == 200)
                await anyio.sleep(0.3)
                kinds = [each["flags"] for each in await client.client_list()]
                tasks.cancel_scope.cancel()
    assert kinds.count("P") == 1
    assert len(kinds) <= 34


async def test_a_silent_connection_is_asked_whether_it_still_stands(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.state.redis._SECONDS_OF_SILENCE", 0.1)
    assert server.process is not None
    async with opened(server.url) as store, client_of(server) as client:

        async def listeners() -> list[str]:
            return [each["id"] for each in await client.client_list() if "P" in each["flags"]]

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.wait, PLACE, 0)
                await until(store._listening.is_set)
                before = await listeners()
                await anyio.sleep(0.5)
                assert await listeners() == before
                server.process.send_signal(signal.SIGSTOP)
                await until(lambda: not store._listening.is_set())
                server.process.send_signal(signal.SIGCONT)
                await until(lambda: store._listening.is_set())  # noqa: PLW0108  # another event by then
                assert await listeners() != before
                await store.append(PLACE, 1, ttl=TTL)


async def test_no_error_log_or_repr_holds_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    with running_redis(tmp_path, "--requirepass", PASSWORD) as server:
        address = f"127.0.0.1:{server.port}"
        async with opened(f"redis://:{PASSWORD}@{address}") as store:
            await store.put(PLACE, "record", ttl=TTL)
            seen += [store, vars(store), store._client, vars(store._client)]
            server.stop()
            with pytest.raises(StateUnavailable) as gone:
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
                with pytest.raises(StateUnavailable) as error:
                    await store.get(PLACE)
            tasks.cancel_scope.cancel()
    assert "args beginning with: `[hidden]`" in error.value.message
    assert PASSWORD not in str(error.getrepr(chain=True))


async def refused(store: Store) -> str:
    with pytest.raises(NotConfigured, match="AMBER_STATE") as error:
        await store.get(PLACE)
    assert "refuses this user" in error.value.message
    return describe(error.value)


async def test_a_user_with_a_name_of_its_own_and_few_rights(server: RedisServer) -> None:
    async with client_of(server) as client:
        await client.execute_command(
            "ACL", "SETUSER", "amber", "on", f">{PASSWORD}", "~amber-mcp:*", "&amber-mcp:*",
            "+@read", "+@write", "+@connection", "+@scripting", "+@pubsub",
        )  # fmt: skip
        async with opened(f"redis://amber:{PASSWORD}@127.0.0.1:{server.port}/2") as store:
            await store.append(PLACE, 1, ttl=TTL)
            with anyio.fail_after(5):
                await store.wait(PLACE, 0)
        await client.execute_command("ACL", "SETUSER", "amber", "-@read")
        async with opened(f"redis://amber:{PASSWORD}@127.0.0.1:{server.port}/2") as store:
            with pytest.raises(NotConfigured, match="refuses this user"):
                await store.get(PLACE)


async def test_a_full_server_is_told(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        await client.config_set("maxmemory", "1")
        with pytest.raises(StateUnavailable, match="maxmemory"):
            await store.put(PLACE, "record", ttl=TTL)


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
            with pytest.raises(StateUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await store.get(PLACE)
        address = f"rediss://127.0.0.1:{server.port}"
        async with opened(address, AMBER_CA_BUNDLE=bundle) as store:
            with pytest.raises(StateUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await store.get(PLACE)


async def test_tls_presents_the_client_certificate(tmp_path: Path, certificates: Path) -> None:
    trust = {"AMBER_CA_BUNDLE": str(certificates / "authority.pem")}
    async with tls_server(tmp_path, certificates, "yes") as server:
        url = f"rediss://localhost:{server.port}"
        mine = {"AMBER_CLIENT_CERT": str(certificates / "client.pem")}
        async with opened(url, **trust, **mine) as store:
            await store.put(PLACE, "record", ttl=TTL)
        async with opened(url, **trust) as store:
            with pytest.raises(StateUnavailable):
                await store.get(PLACE)


@pytest.mark.parametrize("package", ["redis", "cryptography"])
async def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in list(sys.modules):
        is_ours = name.startswith(("amber_mcp.state.redis", "amber_mcp.state.sealing"))
        if is_ours or name.split(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotConfigured) as error:
        async with opened("redis://127.0.0.1:1"):
            pass
    assert 'pip install "amber-mcp[redis]"' in error.value.message
    assert package in error.value.message


async def test_the_other_homes_import_nothing_of_redis(tmp_path: Path) -> None:
    script = (
        "import anyio, json, sys\n"
        "from amber_mcp.settings import Settings\n"
        "from amber_mcp.state.homes import open_store\n"
        "async def main():\n"
        "    async with open_store(Settings.from_environment()): pass\n"
        "anyio.run(main)\n"
        "print(json.dumps([n for n in ('redis', 'cryptography', 'sqlite3') if n in sys.modules]))"
    )
    # Coverage keeps its data with sqlite3.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = await anyio.run_process([sys.executable, "-c", script], env=env)
    assert json.loads(done.stdout) == []


def test_its_errors_are_of_a_known_kind() -> None:
    assert issubclass(StateUnavailable, AmberError)
    assert StateUnavailable.kind == "internal_error"
