"""Serving: a sandbox that runs for as long as a block of code does."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio
import uvicorn
from anyio import to_thread

from .company import SandboxError, read_company
from .connections import LOOPBACK, Connections
from .documents import LeftOut

if TYPE_CHECKING:
    from .state import State

_GRACE_SECONDS = 1
_LAST_PORT = 65535


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where it listens, its keys, and what it knows.

    The OpenAI format is served with amber, at the same address and with the same key.
    """

    base_url: str
    api_key: str = field(repr=False)
    morpheus_key: str = field(repr=False)
    adaptive_key: str = field(repr=False)
    agents: dict[str, str]
    document_count: int
    left_out: tuple[LeftOut, ...] = field(repr=False)
    documents_url: str = field(repr=False)
    web_url: str = field(repr=False)
    openai_models: tuple[str, ...]
    morpheus_models: tuple[str, ...]
    adaptive_models: tuple[str, ...]
    documents_folder: Path | None = field(repr=False)
    """The folder that was given; `None` for the sample company."""

    @property
    def morpheus_url(self) -> str:
        """The address of Morpheus, to which `/api/v1` is added."""
        return f"{self.base_url}/morpheus"

    @property
    def adaptive_url(self) -> str:
        """The address of Adaptive, to which `/api/v1` is added."""
        return f"{self.base_url}/adaptive"

    def file_of(self, url: str) -> Path | None:
        """The file behind the address of a document, where a folder was given."""
        path = unquote(url.removeprefix(f"{self.documents_url}/"))
        if self.documents_folder is None or path == unquote(url):
            return None
        return self.documents_folder.resolve() / path


class _Server(uvicorn.Server):
    """Uvicorn as a guest: it leaves signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def serve_until_stopped(self, listener: socket.socket) -> None:
        # Stopping is `should_exit`'s business, so that open streams and sockets are closed.
        with anyio.CancelScope(shield=True):
            await self.serve(sockets=[listener])


@asynccontextmanager
async def running_sandbox(
    *,
    documents: Path | None = None,
    web: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str = "",
    pace: float = 0.005,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox on a loopback address until the block ends.

    Args:
        documents: The folder that `amberSearch` reads; the sample company's by default.
        web: The folder of saved pages that `webSearch` reads.
        host: `127.0.0.1`, `::1` or `localhost`.
        port: The port, or 0 for any that is free.
        api_key: The key that amber's callers must send; made up by default, as the others are.
        pace: The seconds between two pieces of a streamed answer.

    Raises:
        ValueError: the host is not a loopback one.
        SandboxError: a folder is missing or unusable, or the port is taken.
    """
    if host not in LOOPBACK:
        raise ValueError(f"the sandbox serves loopback addresses only, not {host!r}")
    with _listen(host, port) as listener:
        state = await to_thread.run_sync(_prepare, documents, web, api_key, pace)
        connections = Connections(state.faults.delay_of_next_connection)
        try:
            from .app import create_app

            async with _serving(create_app(state, connections), connections, listener):
                yield _describe(state, listener, documents)
        finally:
            state.company.close()


def _prepare(documents: Path | None, web: Path | None, api_key: str, pace: float) -> "State":
    """Read the folders and import FastAPI, which both take a while."""
    from . import app  # noqa: F401
    from .state import State

    return State(
        company=read_company(documents, web),
        amber_key=api_key or f"ambrs-sandbox-{token_urlsafe(24)}",
        morpheus_key=f"sk-sandbox-{token_urlsafe(24)}",
        adaptive_key=f"adaptive-sandbox-{token_urlsafe(24)}",
        pace=pace,
    )


@asynccontextmanager
async def _serving(
    app: object, connections: Connections, listener: socket.socket
) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=connections.protocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    failed: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve_until_stopped, listener)
        try:
            await server.listening.wait()
            yield
        except Exception as error:  # noqa: BLE001 - raised again, outside the group
            failed = error
        finally:
            server.should_exit = True
    # Inside the task group it would have become an exception group.
    if failed is not None:
        raise failed


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    if not 0 <= port <= _LAST_PORT:
        raise SandboxError(f"cannot listen on {host} port {port}: there is no such port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise SandboxError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    with listener:
        # Connections inherit it. Without it, each answer to a kept connection waits 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def _describe(state: "State", listener: socket.socket, documents: Path | None) -> Sandbox:
    from . import adaptive, morpheus, openai_format

    company = state.company
    host, port = listener.getsockname()[:2]
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return Sandbox(
        base_url=base_url,
        api_key=state.amber_key,
        morpheus_key=state.morpheus_key,
        adaptive_key=state.adaptive_key,
        agents={agent.name: str(agent.id) for agent in company.agents},
        document_count=len(company.documents.by_path),
        left_out=company.documents.left_out,
        documents_url=f"{base_url}/documents/{company.documents.token}",
        web_url=f"{base_url}/web/{company.web.token}",
        openai_models=tuple(openai_format.MODELS),
        morpheus_models=morpheus.MODELS,
        adaptive_models=adaptive.MODELS,
        documents_folder=documents,
    )
