"""Redis servers that the tests start: Debian's own program, on a loopback port, keeping nothing."""

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from amber_mcp.config.settings import Settings
from amber_mcp.storage.backends import open_store
from amber_mcp.storage.base import Key

KEY = "bULJP13dcNgf5iqEJAE4cNW9EshjSRb0IBG+Gzci4iM="
OTHER_KEY = "acf79e2879ce18be72610ac238ec048dc8c86c3a41dfdade50e6bcede87f8aa5"
PASSWORD = "planted0redis.Wn6-pl3_7742"
TTL = 60
CALLER = "the caller's name"
PLACE = Key("conversation", CALLER, "the id")


class RedisServer:
    """One server, which can be stopped and started again on the same port, empty."""

    def __init__(
        self, folder: Path, options: Sequence[str] = (), port_option: str = "port"
    ) -> None:
        self._folder = folder
        self._options = options
        self._port_option = port_option
        self.process: subprocess.Popen[str] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [
            "redis-server", "--bind", "127.0.0.1", f"--{self._port_option}", str(self.port),
            "--save", "", "--appendonly", "no", "--dir", str(self._folder), *self._options,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        output = []
        for line in self.process.stdout:
            output.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError(f"redis-server did not start: {''.join(output)}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@contextmanager
def running_redis(folder: Path, *options: str, port_option: str = "port") -> Iterator[RedisServer]:
    """A server that is there in the block; the test is skipped where Redis is not installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = RedisServer(folder, options, port_option)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def opened(url: str, key: str = KEY, **more: str) -> Any:
    """The store in a server."""
    settings = Settings.from_environment({"AMBER_STATE": url, "AMBER_STATE_KEY": key, **more})
    assert settings.problems == ()
    return open_store(settings)


@asynccontextmanager
async def client_of(server: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    """A client that goes past the store."""
    async with redis.asyncio.Redis(port=server.port) as client:
        yield client
