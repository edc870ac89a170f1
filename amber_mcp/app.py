"""What lives as long as the process: the APIs, and the sandbox if it is used."""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from pydantic import SecretStr

from .api.adaptive import AdaptiveApi
from .api.amber import AmberApi
from .api.amber_openai import AmberOpenAiApi
from .api.completions import CompletionsApi
from .api.http import HttpClient
from .api.morpheus import MorpheusApi
from .api.types import Model
from .carrying import Carrier, open_carrier
from .errors import AmberError, NotConfigured, NotFound, UpstreamTimeout
from .settings import Settings
from .state.callers import caller_of
from .state.conversations import Conversations
from .state.homes import open_store
from .state.memory import MemoryStore
from .state.runs import Run, Runs
from .state.store import StateUnavailable, Store
from .state.uploads import Uploads
from .values import SANDBOX

_SECONDS_LISTED = 30.0


@dataclass
class App:
    """The running application. Built by `open_app`.

    `apis` holds those that are configured; `left_out` names the files that the sandbox, where it
    runs in this process, could not read.
    """

    settings: Settings
    apis: Mapping[str, CompletionsApi]
    store: Store
    carrier: Carrier
    is_sandbox: bool = False
    left_out: tuple[str, ...] = ()
    _failure: NotConfigured | None = None
    _spare: MemoryStore = field(default_factory=MemoryStore)
    _default_model: str = ""
    _failed_lookups: int = 0
    _lookup_error: AmberError | None = None
    _lookup: anyio.Lock = field(default_factory=anyio.Lock)
    _listed: tuple[Model, ...] = ()
    _listed_until: float = -math.inf
    _listing: anyio.Lock = field(default_factory=anyio.Lock)

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

    async def runs(self) -> Runs:
        """The caller's runs of agents."""
        return self.runs_of(await self.caller())

    def runs_of(self, caller: str) -> Runs:
        """The runs of a caller, whom the state knows."""
        return self._runs_in(self.store, caller)

    async def spare_runs(self) -> Runs:
        """Those that this process alone knows, begun while the state was out of order."""
        return self._runs_in(self._spare, await self.owner())

    async def run(self, run_id: str) -> tuple[Runs, Run]:
        """A run of the caller's, and where it is.

        Raises:
            NotFound: if there is none, or none any more.
            StateUnavailable: if nobody can tell.
        """
        if found := await self.carrier.find(await self.owner(), run_id):
            return found
        try:
            runs = await self.runs()
            return runs, await runs.open(run_id)
        except (NotFound, StateUnavailable):
            spare = await self.spare_runs()
            with suppress(NotFound):
                return spare, await spare.open(run_id)
            raise

    async def owner(self) -> str:
        """Who calls, as this process alone knows it, whatever becomes of the state."""
        return await self._caller_in(self._spare)

    def _runs_in(self, store: Store, caller: str) -> Runs:
        settings = self.settings
        ttl, longest = settings.state_ttl.run, settings.run_timeout
        return Runs(
            store,
            caller,
            ttl=ttl,
            longest=longest,
            is_carried=self.carrier.carries,
        )

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
        return await self._caller_in(self.store)

    async def _caller_in(self, store: Store) -> str:
        tenant, identity = self.settings.base_url, self.settings.api_key.get_secret_value()
        if self.is_sandbox:  # Its address and its key are others each time.
            tenant = identity = SANDBOX
        return caller_of(tenant, identity, await store.secret())

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
                f"{api.dialect.name} did not list its models within {limit:g} s",
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
        left_out: tuple[str, ...] = ()
        failure: NotConfigured | None = None
        store: Store = MemoryStore()
        is_sandbox = settings.uses_sandbox
        try:
            store = await stack.enter_async_context(open_store(settings))
            if settings.uses_sandbox:
                settings, left_out = await _start_sandbox(settings, stack, documents, web)
            if not settings.problems:
                apis = await _open_apis(settings, stack)
        except NotConfigured as error:
            failure = error
        carrier = await stack.enter_async_context(open_carrier(settings))
        yield App(settings, apis, store, carrier, is_sandbox, left_out, failure)


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
    return {api.dialect.name: api for api in apis}


async def _start_sandbox(
    settings: Settings, stack: AsyncExitStack, documents: Path | None, web: Path | None
) -> tuple[Settings, tuple[str, ...]]:
    """The settings that reach a sandbox of this process's own, and the files that it left out.

    The configured key never goes there: the sandbox gets the one that it made itself.
    """
    from .sandbox import SandboxError, running_sandbox

    try:
        sandbox = await stack.enter_async_context(running_sandbox(documents=documents, web=web))
    except SandboxError as error:
        raise NotConfigured(f"the sandbox does not start: {error}") from error
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
    left_out = tuple(f"{each.path}: {each.reason}" for each in sandbox.left_out)
    return settings.model_copy(update=update), left_out
