"""A company's network with something in the way of a client in it."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import anyio
import pytest
import trustme

from amber_mcp.config.settings import Settings
from tests.http.network import HOST, Handler, listening, running_server, server_context
from tests.planted import KEY


@dataclass
class Company:
    """One company's network; `variables` are the settings of the user in it.

    Servers are at `localhost`; proxies are named by HTTPS_PROXY, and lead to `HOST`.
    """

    folder: Path
    setenv: Callable[[str, str], None]
    stack: AsyncExitStack
    ca: trustme.CA = field(default_factory=trustme.CA)
    variables: dict[str, str] = field(default_factory=lambda: {"AMBER_RETRIES": "0"})

    @property
    def settings(self) -> Settings:
        settings = Settings.from_environment({"AMBER_API_KEY": KEY, **self.variables})
        assert settings.problems == ()
        return settings

    def trust_authority(self) -> None:
        self.ca.cert_pem.write_to_path(self.folder / "ca.pem")
        self.variables["AMBER_CA_BUNDLE"] = str(self.folder / "ca.pem")

    def present_certificate(self, issued_by: trustme.CA, **dates: datetime) -> None:
        certificate = issued_by.issue_cert("anna@company.test", **dates)
        certificate.private_key_and_cert_chain_pem.write_to_path(self.folder / "client.pem")
        self.variables["AMBER_CLIENT_CERT"] = str(self.folder / "client.pem")

    def context(self, name: str = "localhost", **dates: datetime) -> ssl.SSLContext:
        """The TLS of a server whose certificate the company issued."""
        return server_context(self.ca.issue_cert(name, **dates))

    def server(
        self, context: ssl.SSLContext | None, *, page: str = "", trusted: bool = False
    ) -> None:
        """Start a server that amber is reached at; plain HTTP without `context`."""
        if trusted:
            self.trust_authority()
        running = self.stack.enter_context(running_server(context, page=page))
        self.server_at(running.port)

    def server_at(self, port: int, host: str = "localhost") -> None:
        self.variables["AMBER_BASE_URL"] = f"https://{host}:{port}"

    async def peer(self, handler: Handler, context: ssl.SSLContext | None = None) -> int:
        """The port at which `handler` gets each connection."""
        return (await self.stack.enter_async_context(listening(handler, context))).port

    async def proxy(self, handler: Handler, scheme: str = "http", **more: str) -> None:
        """Start a proxy behind which amber is."""
        self.proxy_at(await self.peer(handler), scheme, **more)

    async def slow_to_connect(self, handler: Handler, scheme: str, **more: str) -> None:
        """The same with little time for it to connect."""
        self.variables["AMBER_CONNECT_TIMEOUT"] = "0.2"
        await self.proxy(handler, scheme, **more)

    def proxy_at(
        self, port: int, scheme: str = "http", *, login: str = "", host: str = "127.0.0.1"
    ) -> None:
        user = f"{login}@" if login else ""
        self.setenv("HTTPS_PROXY", f"{scheme}://{user}{host}:{port}")
        self.variables["AMBER_BASE_URL"] = f"https://{HOST}"

    def closed_port(self) -> int:
        """A port that is taken, and at which nobody listens."""
        taken = self.stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def company_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    """A company's network, for at most 20 seconds."""
    with anyio.fail_after(20):
        async with AsyncExitStack() as stack:
            yield Company(folder, monkeypatch.setenv, stack)
