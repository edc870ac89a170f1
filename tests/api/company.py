"""A company's network with something in the way, and what a client in it is told."""

import gc
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from amber_mcp.errors import AmberError, describe
from amber_mcp.redaction import redacted
from amber_mcp.settings import Settings
from tests.network import (
    HOST,
    Handler,
    listening,
    running_server,
    server_context,
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


async def check_what_is_told(
    fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch, happened: str, advice: str
) -> None:
    """The error names what is in the way and what to set, and holds no secret."""
    with anyio.fail_after(20):
        async with AsyncExitStack() as stack:
            company = Company(folder, monkeypatch.setenv, stack)
            told = await failure(await fault(company), company.variables)
    assert told.startswith("upstream_unreachable: ")
    words, _, next_step = told.partition(" What to do: ")
    assert happened in words
    assert advice in next_step
    assert PROXY_PASSWORD not in told
    assert KEY not in told
    assert redacted(told) == told
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
