"""What lives as long as the process: the HTTP client, the API, and the sandbox if it is used."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from pydantic import SecretStr

from .api.amber import AmberApi
from .api.http import HttpClient
from .api.types import Model
from .errors import AmberError, NotConfigured, NotFound, UpstreamTimeout
from .settings import Settings

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


@dataclass
class App:
    """The running application. Built by `open_app`."""

    settings: Settings
    _api: AmberApi | None
    _failure: AmberError | None = None
    _default_model: str = ""
    _lookup: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def amber(self) -> AmberApi:
        """The API.

        Raises:
            NotConfigured: naming each variable that is missing or faulty.
        """
        if self._failure is not None:
            raise self._failure
        self.settings.require()
        assert self._api is not None  # noqa: S101  # what `require` has made sure of
        return self._api

    async def models(self) -> tuple[Model, ...]:
        """The tenant's models as they are now.

        Raises:
            UpstreamTimeout: if the list takes longer than a call may take.
            AmberError: of any other kind that asking leads to.
        """
        limit = self.settings.call_timeout
        try:
            with anyio.fail_after(limit):
                return await self.amber.models()
        except TimeoutError:
            raise UpstreamTimeout(f"amber did not list its models within {limit:g} s") from None

    async def default_model(self) -> str:
        """The configured model, or the first that the tenant lists; looked up once."""
        if self.settings.model:
            return self.settings.model
        async with self._lookup:
            if not self._default_model:
                models = await self.models()
                if not models:
                    raise NotConfigured("the tenant lists no models, and AMBER_MODEL is not set")
                self._default_model = models[0].id
        return self._default_model

    def agent_id(self, agent: str) -> str:
        """The id for a configured name; anything that may be an id is returned as it is.

        Raises:
            NotFound: for a name that is not among the configured ones.
        """
        agents = self.settings.agents
        by_name = {name.casefold(): agent_id for name, agent_id in agents.items()}
        if found := by_name.get(agent.casefold()):
            return found
        if agents and agent not in agents.values() and not _UUID.fullmatch(agent):
            raise NotFound(
                f"no agent is named {agent!r}",
                advice=f"Use one of {', '.join(sorted(agents))}, or an agent's id.",
            )
        return agent


@asynccontextmanager
async def open_app(
    settings: Settings, *, documents: Path | None = None, web: Path | None = None
) -> AsyncIterator[App]:
    """Open what `settings` ask for. Never fails for their sake: calls tell what is wrong.

    Args:
        documents: the folder that the sandbox searches; default: its sample company.
        web: the folder of saved pages that the sandbox's web search reads.
    """
    api: AmberApi | None = None
    failure: AmberError | None = None
    async with AsyncExitStack() as stack:
        try:
            if settings.uses_sandbox:
                settings = await _start_sandbox(settings, stack, documents, web)
            settings.require()
            http = await stack.enter_async_context(HttpClient(settings))
            api = AmberApi(http, stream=settings.stream, upload_field=settings.upload_field)
        except NotConfigured as error:
            failure = error
        yield App(settings, api, failure)


async def _start_sandbox(
    settings: Settings, stack: AsyncExitStack, documents: Path | None, web: Path | None
) -> Settings:
    """The settings that reach a sandbox of this process's own.

    The configured key never goes there: the sandbox gets the one that it made itself.
    """
    from .sandbox import SandboxError, running_sandbox

    try:
        sandbox = await stack.enter_async_context(running_sandbox(documents=documents, web=web))
    except SandboxError as error:
        raise NotConfigured(f"the sandbox does not start: {error}") from error
    return settings.model_copy(
        update={
            "base_url": sandbox.base_url,
            "api_key": SecretStr(sandbox.api_key),
            "agents": settings.agents or sandbox.agents,
        }
    )
