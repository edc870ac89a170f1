"""Serving: a sandbox that runs for as long as a block of code does."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio
import uvicorn
from anyio import to_thread

from .company import SandboxError, read_company
from .documents import LeftOut

if TYPE_CHECKING:
    from .state import State

_GRACE_SECONDS = 1


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where it listens, its keys, and what it knows.

    The OpenAI format is served with amber, at the same address and with the same key. `/api/v1` is
    added to the addresses of Morpheus and Adaptive.
    """

    base_url: str
    morpheus_url: str
    adaptive_url: str
    documents_url: str = field(repr=False)
    web_url: str = field(repr=False)
    api_key: str = field(repr=False)
    morpheus_key: str = field(repr=False)
    adaptive_key: str = field(repr=False)
    openai_models: tuple[str, ...]
    morpheus_models: tuple[str, ...]
    adaptive_models: tuple[str, ...]
    agents: dict[str, str]
    document_count: int
    left_out: tuple[LeftOut, ...] = field(repr=False)
    documents_folder: Path | None = field(repr=False)
    """The folder that was given; `None` for the sample company."""

    def file_of(self, url: str) -> Path | None:
        """The file behind the address of a document, where a folder was given."""
        path = unquote(url.removeprefix(f"{self.documents_url}/"))
        if self.documents_folder is None or path == unquote(url):
            return None
        return self.documents_folder.resolve() / path


@asynccontextmanager
async def running_sandbox(
    *,
    documents: Path | None = None,
    web: Path | None = None,
    port: int = 0,
    api_key: str = "",
    pace: float = 0.005,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox on 127.0.0.1 until the block ends.

    Args:
        documents: The folder that `amberSearch` reads; the sample company's by default.
        web: The folder of saved pages that `webSearch` reads.
        port: The port, or 0 for any that is free.
        api_key: The key that amber's callers must send; made up by default, as the others are.
        pace: The seconds between two pieces of a streamed answer.

    Raises:
        SandboxError: a folder is missing or unusable, or the port is taken.
    """
    with _listen(port) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Reading the folders and importing FastAPI take a while.
        state = await to_thread.run_sync(_prepare, base_url, documents, web, api_key, pace)
        try:
            async with _serving(state, listener):
                yield state.sandbox
        finally:
            state.company.close()


def _prepare(
    base_url: str, documents: Path | None, web: Path | None, api_key: str, pace: float
) -> "State":
    from . import adaptive, morpheus, openai_format
    from .state import State

    company = read_company(documents, web)
    sandbox = Sandbox(
        base_url=base_url,
        morpheus_url=f"{base_url}/morpheus",
        adaptive_url=f"{base_url}/adaptive",
        documents_url=f"{base_url}/documents/{company.documents.token}",
        web_url=f"{base_url}/web/{company.web.token}",
        api_key=api_key or f"ambrs-sandbox-{token_urlsafe(24)}",
        morpheus_key=f"sk-sandbox-{token_urlsafe(24)}",
        adaptive_key=f"adaptive-sandbox-{token_urlsafe(24)}",
        openai_models=tuple(openai_format.MODELS),
        morpheus_models=morpheus.MODELS,
        adaptive_models=adaptive.MODELS,
        agents={agent.name: str(agent.id) for agent in company.agents},
        document_count=len(company.documents.by_path),
        left_out=company.documents.left_out,
        documents_folder=documents,
    )
    return State(sandbox, company, pace)


@asynccontextmanager
async def _serving(state: "State", listener: socket.socket) -> AsyncIterator[None]:
    from .app import create_app
    from .fault_injection import Connection

    config = uvicorn.Config(
        create_app(state),
        http=partial(Connection, state.faults),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # `serve` would do the same, and take the signals.
    await server.startup([listener])
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await server.shutdown([listener])


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SandboxError(f"cannot listen on 127.0.0.1 port {port}: {error.strerror}") from error
    with listener:
        # Connections inherit it. Without it, each answer to a kept connection waits 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener
