"""The APIs that settings reach."""

from contextlib import AsyncExitStack

from pydantic import SecretStr

from amber_mcp.config.settings import Settings
from amber_mcp.http.client import ADAPTIVE, AMBER, MORPHEUS, HttpClient, Service

from .adaptive import AdaptiveApi
from .amber import AmberApi
from .amber_openai import AmberOpenAiApi
from .completions import CompletionsApi
from .morpheus import MorpheusApi


async def open_apis(settings: Settings, stack: AsyncExitStack) -> dict[str, CompletionsApi]:
    """Open the APIs that are configured, by their names; `stack` closes their clients.

    The two of amber share one client.

    Raises:
        NotConfigured: if the network cannot be set up as the environment says.
    """

    async def client(base_url: str, api_key: SecretStr, service: Service) -> HttpClient:
        http = HttpClient(base_url, api_key, settings, service)
        return await stack.enter_async_context(http)

    stream = settings.stream
    apis: list[CompletionsApi] = []
    if settings.base_url and settings.api_key:
        http = await client(settings.base_url, settings.api_key, AMBER)
        language, upload_field = settings.language, settings.upload_field
        apis.append(AmberApi(http, stream=stream, language=language, upload_field=upload_field))
        apis.append(AmberOpenAiApi(http, stream=stream, models=settings.openai_models))
    if settings.morpheus_base_url and settings.morpheus_api_key:
        http = await client(settings.morpheus_base_url, settings.morpheus_api_key, MORPHEUS)
        apis.append(MorpheusApi(http, stream=stream))
    if settings.adaptive_base_url and settings.adaptive_api_key:
        http = await client(settings.adaptive_base_url, settings.adaptive_api_key, ADAPTIVE)
        apis.append(AdaptiveApi(http, stream=stream, models=settings.adaptive_models))
    return {api.name: api for api in apis}
