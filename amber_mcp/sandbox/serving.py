"""Serving: a sandbox that runs for as long as a block of code does."""

import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

import anyio
import uvicorn
from anyio import to_thread

from . import adaptive, morpheus, openai_format
from .app import Keys, create_app, is_loopback
from .company import Company, read_company
from .connections import Connections
from .documents import LeftOut
from .errors import SandboxError
from .uploads import Uploads

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
    openai_models: tuple[str, ...] = tuple(openai_format.MODELS)
    morpheus_models: tuple[str, ...] = tuple(model.id for model in morpheus.MODELS)
    adaptive_models: tuple[str, ...] = adaptive.MODELS

    @property
    def morpheus_url(self) -> str:
        """The address of Morpheus, to which `/api/v1` is added."""
        return f"{self.base_url}/morpheus"

    @property
    def adaptive_url(self) -> str:
        """The address of Adaptive, to which `/api/v1` is added."""
        return f"{self.base_url}/adaptive"


class _Server(uvicorn.Server):
    """Uvicorn as a guest: it leaves signals alone and says when it listens."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()
        self._stopping = anyio.Event()

    async def serve_until_stopped(self, listener: socket.socket) -> None:
        # Stopping is `should_exit`'s business, so that open streams and sockets are closed.
        with anyio.CancelScope(shield=True):
            await self.serve(sockets=[listener])

    def stop(self) -> None:
        """End at once, but for what is in flight."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """As uvicorn's, which sleeps between looks at `should_exit`; this one is woken up."""
        while not await self.on_tick(0):
            with anyio.move_on_after(1):
                await self._stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def running_sandbox(
    *,
    documents: Path | None = None,
    web: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str = "",
    pace: float = 0.005,
    session_seconds: float = 600,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox on a loopback address until the block ends.

    Args:
        documents: The folder that `amberSearch` reads; the sample company's by default.
        web: The folder of saved pages that `webSearch` reads.
        host: A loopback address or `localhost`.
        port: The port, or 0 for any that is free.
        api_key: The key that amber's callers must send; made up by default, as the others are.
        pace: The seconds between two pieces of a streamed answer.
        session_seconds: How long a session of Morpheus lasts.

    Raises:
        ValueError: the host is not a loopback one.
        SandboxError: a folder is missing or unusable, or the port is taken.
    """
    if not is_loopback(host):
        raise ValueError(f"the sandbox serves loopback addresses only, not {host!r}")
    company = await to_thread.run_sync(read_company, documents, web)
    keys = Keys(
        amber=api_key or f"ambrs-sandbox-{token_urlsafe(24)}",
        morpheus=f"sk-sandbox-{token_urlsafe(24)}",
        adaptive=f"adaptive-sandbox-{token_urlsafe(24)}",
    )
    try:
        with (
            tempfile.TemporaryDirectory(prefix="amber-sandbox-") as folder,
            _listen(host, port) as listener,
        ):
            connections = Connections()
            app = create_app(
                company,
                Uploads(Path(folder)),
                keys=keys,
                connections=connections,
                pace=pace,
                session_seconds=session_seconds,
            )
            async with _serving(app, connections, listener):
                yield _describe(company, listener, keys)
    finally:
        company.close()


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
            server.stop()
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
        yield listener


def _describe(company: Company, listener: socket.socket, keys: Keys) -> Sandbox:
    host, port = listener.getsockname()[:2]
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return Sandbox(
        base_url=base_url,
        documents_url=f"{base_url}/documents/{company.documents.token}",
        web_url=f"{base_url}/web/{company.web.token}",
        api_key=keys.amber,
        morpheus_key=keys.morpheus,
        adaptive_key=keys.adaptive,
        agents={agent.name: str(agent.id) for agent in company.agents},
        document_count=len(company.documents.index),
        left_out=company.documents.left_out,
    )
