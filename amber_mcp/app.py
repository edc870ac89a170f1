"""What lives as long as the process: the APIs, and the sandbox if it is used."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread
from pydantic import SecretStr

from .api.adaptive import AdaptiveApi
from .api.amber import AmberApi
from .api.completions import CompletionsApi
from .api.configured import open_apis
from .api.model_cache import ModelCache, list_models
from .api.types import Model
from .config.agents import Agent
from .config.parsers import SANDBOX
from .config.settings import Settings
from .conversations.records import Conversations
from .errors import NotConfigured
from .files.uploads import Uploads
from .process import background_tasks
from .runs.manager import RunManager, open_run_manager
from .runs.records import Runs
from .runs.run import Run, RunSpec
from .runs.task import Work
from .storage.backends import open_store
from .storage.base import Store, hash_of
from .storage.memory import MemoryStore

if TYPE_CHECKING:
    from .sandbox import Sandbox

_Api = TypeVar("_Api", bound=CompletionsApi)


def _import_sandbox() -> ModuleType:
    from . import sandbox

    return sandbox


@dataclass
class App:
    """The running application. Built by `open_app`.

    `apis` holds those that are configured. Where the sandbox is used, it starts when `ready` is
    first called: until then, `settings` do not know its address, and there are no `apis`.
    """

    settings: Settings
    apis: Mapping[str, CompletionsApi]
    store: Store
    run_manager: RunManager
    is_sandbox: bool = False
    sandbox: "Sandbox | None" = None
    _failure: NotConfigured | None = None
    _needed: anyio.Event = field(default_factory=anyio.Event)
    _started: anyio.Event = field(default_factory=anyio.Event)

    async def ready(self) -> None:
        """Wait until the APIs can be called: the sandbox is started, where it is used.

        It takes a moment, and must not hold up the protocol: so it starts on first need.
        """
        self._needed.set()
        await self._started.wait()

    @property
    def amber(self) -> AmberApi:
        """amber's own API.

        Raises:
            NotConfigured: naming each variable that is missing or faulty.
        """
        return self._configured("AMBER", AmberApi)

    @property
    def adaptive(self) -> AdaptiveApi:
        """Adaptive Engine.

        Raises:
            NotConfigured: naming each variable that is missing or faulty.
        """
        return self._configured("ADAPTIVE", AdaptiveApi)

    def _configured(self, upstream: str, kind: type[_Api]) -> _Api:
        self.require(upstream)
        return next(api for api in self.apis.values() if isinstance(api, kind))

    def require(self, upstream: str) -> None:
        """Raise what keeps an upstream (`AMBER`, `MORPHEUS`, `ADAPTIVE`) from being called."""
        if self._failure is not None:
            raise self._failure
        self.settings.require(upstream)

    def set_started(self) -> None:
        """Let everybody go on who waits for the APIs."""
        self._started.set()

    async def run_sandbox(self, documents: Path | None, web: Path | None) -> None:
        """Run the sandbox from when it is first needed until this is cancelled."""
        await self._needed.wait()
        try:
            # Its libraries take longer to import than a host should wait for an answer.
            module = await to_thread.run_sync(_import_sandbox, abandon_on_cancel=True)
            async with AsyncExitStack() as stack:
                running = module.running_sandbox(documents=documents, web=web)
                try:
                    sandbox: Sandbox = await stack.enter_async_context(running)
                except module.SandboxError as error:
                    raise NotConfigured(f"the sandbox does not start: {error}") from error
                self.sandbox = sandbox
                self.settings = _settings_for(self.settings, sandbox)
                self.apis = await open_apis(self.settings, stack)
                self.set_started()
                await anyio.sleep_forever()
        except NotConfigured as error:
            self._failure = error
        finally:
            self.set_started()

    async def runs(self) -> Runs:
        """The caller's runs of agents."""
        return self.runs_of(await self.caller())

    def runs_of(self, caller: str) -> Runs:
        """The runs of a caller, whom the state knows."""
        return self.run_manager.runs_in(self.store, caller)

    async def start_run(self, spec: RunSpec, work: Work) -> tuple[Runs, Run]:
        """Start a run, as `RunManager.start` does."""
        return await self.run_manager.start(self._local_caller(), self.runs, spec, work)

    async def find_run(self, run_id: str) -> tuple[Runs, Run]:
        """A run of the caller's, as `RunManager.find` finds it."""
        return await self.run_manager.find(self._local_caller(), self.runs, run_id)

    @property
    def conversations(self) -> Conversations:
        """The conversations of all callers."""
        return Conversations(self.store, ttl=self.settings.state_ttl.conversation)

    @property
    def uploads(self) -> Uploads:
        """The files that all callers have uploaded."""
        return Uploads(self.store, ttl=self.settings.state_ttl.upload)

    async def caller(self) -> str:
        """Who calls, as the state knows it: whoever has the configured key for the tenant."""
        return self._caller_hash(await self.store.secret())

    def _local_caller(self) -> str:
        """Who calls, as this process alone knows it, whatever becomes of the store."""
        return self._caller_hash(b"")

    def _caller_hash(self, secret: bytes) -> str:
        tenant, identity = self.settings.base_url, self.settings.api_key.get_secret_value()
        if self.is_sandbox:  # Its address and its key are others each time.
            tenant = identity = SANDBOX
        return hash_of(tenant, identity, key=secret)

    @cached_property
    def models(self) -> ModelCache:
        """The models that amber's own API lists."""

        async def fetch() -> tuple[Model, ...]:
            return await list_models(self.amber, within=self.settings.call_timeout)

        return ModelCache(fetch)

    async def default_model(self) -> str:
        """The configured model, or the first that the tenant lists; looked up once.

        Raises:
            NotConfigured: if the tenant lists none.
            AmberError: of any other kind that asking leads to.
        """
        return self.settings.model or await self.models.first()


@asynccontextmanager
async def open_app(
    settings: Settings, *, documents: Path | None = None, web: Path | None = None
) -> AsyncIterator[App]:
    """Open what `settings` ask for. Never fails for their sake: calls tell what is wrong.

    Args:
        documents: the folder that the sandbox searches; default: its sample company.
        web: the folder of saved pages that the sandbox's web search reads.
    """
    async with AsyncExitStack() as stack:
        apis: dict[str, CompletionsApi] = {}
        failure: NotConfigured | None = None
        store: Store = MemoryStore()
        starts_sandbox = settings.uses_sandbox and not settings.problems
        try:
            store = await stack.enter_async_context(open_store(settings))
            if not settings.uses_sandbox and not settings.problems:
                apis = await open_apis(settings, stack)
        except NotConfigured as error:
            failure = error
        run_manager = await stack.enter_async_context(open_run_manager(settings))
        app = App(settings, apis, store, run_manager, settings.uses_sandbox, _failure=failure)
        if starts_sandbox and failure is None:
            tasks = await stack.enter_async_context(background_tasks())
            tasks.start_soon(app.run_sandbox, documents, web)
        else:
            app.set_started()
        yield app


def _settings_for(settings: Settings, sandbox: "Sandbox") -> Settings:
    """The settings that reach a sandbox. The configured key never goes there."""
    update: dict[str, object] = {
        "base_url": sandbox.base_url,
        "api_key": SecretStr(sandbox.api_key),
        "agents": settings.agents
        or {name: Agent(agent_id) for name, agent_id in sandbox.agents.items()},
        "openai_models": settings.openai_models or sandbox.openai_models,
    }
    if not settings.morpheus_base_url:
        update["morpheus_base_url"] = sandbox.morpheus_url
        update["morpheus_api_key"] = SecretStr(sandbox.morpheus_key)
    if not settings.adaptive_base_url:
        update["adaptive_base_url"] = sandbox.adaptive_url
        update["adaptive_api_key"] = SecretStr(sandbox.adaptive_key)
        update["adaptive_models"] = sandbox.adaptive_models
    return settings.model_copy(update=update)
