"""What lives as long as the process: the APIs, and the sandbox if it is used."""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from pydantic import SecretStr

from .api.adaptive import AdaptiveApi
from .api.amber import AmberApi
from .api.amber_openai import AmberOpenAiApi
from .api.completions import CompletionsApi
from .api.morpheus import MorpheusApi
from .api.types import Model
from .config.parsers import SANDBOX
from .config.settings import Settings
from .conversations.records import Conversations
from .errors import AmberError, NotConfigured, UpstreamTimeout
from .files.uploads import Uploads
from .http.client import HttpClient
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

_SECONDS_LISTED = 30.0


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
    _default_model: str = ""
    _failed_lookups: int = 0
    _lookup_error: AmberError | None = None
    _lookup: anyio.Lock = field(default_factory=anyio.Lock)
    _listed: tuple[Model, ...] = ()
    _listed_until: float = -math.inf
    _listing: anyio.Lock = field(default_factory=anyio.Lock)

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
        self.require("AMBER")
        amber = self.apis["amber"]
        assert isinstance(amber, AmberApi)  # noqa: S101  # as `open_app` has put it there
        return amber

    @property
    def adaptive(self) -> AdaptiveApi:
        """Adaptive Engine.

        Raises:
            NotConfigured: naming each variable that is missing or faulty.
        """
        self.require("ADAPTIVE")
        adaptive = self.apis["adaptive"]
        assert isinstance(adaptive, AdaptiveApi)  # noqa: S101  # as `open_app` has put it there
        return adaptive

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
                self.settings = _reaching(self.settings, sandbox)
                self.apis = await _open_apis(self.settings, stack)
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

    async def models_of(self, api: CompletionsApi) -> tuple[Model, ...]:
        """The models of one API as they are now.

        Raises:
            UpstreamTimeout: if the list takes longer than a call may take.
            AmberError: of any other kind that asking leads to.
        """
        limit = self.settings.call_timeout
        try:
            with anyio.fail_after(limit):
                return await api.models()
        except TimeoutError:
            raise UpstreamTimeout(
                f"{api.name} did not list its models within {limit:g} s",
                advice="Try again later, or raise AMBER_CALL_TIMEOUT.",
            ) from None

    async def recent_models(self) -> tuple[Model, ...]:
        """amber's own models, as they were at most half a minute ago.

        Raises:
            AmberError: of the kind that asking leads to.
        """
        async with self._listing:
            if anyio.current_time() >= self._listed_until:
                self._listed = await self.models_of(self.amber)
                self._listed_until = anyio.current_time() + _SECONDS_LISTED
        return self._listed

    async def default_model(self) -> str:
        """The configured model, or the first that the tenant lists; looked up once."""
        if self.settings.model:
            return self.settings.model
        before = self._failed_lookups
        async with self._lookup:
            if self._lookup_error and self._failed_lookups != before:
                raise self._lookup_error  # of the lookup that was waited for
            if not self._default_model:
                try:
                    self._default_model = await self._first_model()
                except AmberError as error:
                    self._failed_lookups += 1
                    self._lookup_error = error
                    raise
        return self._default_model

    async def _first_model(self) -> str:
        models = await self.models_of(self.amber)
        if not models:
            raise NotConfigured("the tenant lists no models, and AMBER_MODEL is not set")
        return models[0].id


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
                apis = await _open_apis(settings, stack)
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


async def _open_apis(settings: Settings, stack: AsyncExitStack) -> dict[str, CompletionsApi]:
    """The APIs that are configured, by their names; the two of amber share one client."""

    async def client(base_url: str, api_key: SecretStr) -> HttpClient:
        return await stack.enter_async_context(HttpClient(base_url, api_key, settings))

    apis: list[CompletionsApi] = []
    if settings.base_url and settings.api_key:
        http = await client(settings.base_url, settings.api_key)
        apis.append(
            AmberApi(
                http,
                stream=settings.stream,
                language=settings.language,
                upload_field=settings.upload_field,
            )
        )
        apis.append(AmberOpenAiApi(http, stream=settings.stream, models=settings.openai_models))
    if settings.morpheus_base_url and settings.morpheus_api_key:
        http = await client(settings.morpheus_base_url, settings.morpheus_api_key)
        apis.append(MorpheusApi(http, stream=settings.stream))
    if settings.adaptive_base_url and settings.adaptive_api_key:
        http = await client(settings.adaptive_base_url, settings.adaptive_api_key)
        apis.append(AdaptiveApi(http, stream=settings.stream, models=settings.adaptive_models))
    return {api.name: api for api in apis}


def _reaching(settings: Settings, sandbox: "Sandbox") -> Settings:
    """The settings that reach a sandbox. The configured key never goes there."""
    update: dict[str, object] = {
        "base_url": sandbox.base_url,
        "api_key": SecretStr(sandbox.api_key),
        "agents": settings.agents or sandbox.agents,
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
