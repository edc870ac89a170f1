"""Which API a model belongs to: `morpheus:llama-3`, or a bare id that one API alone has."""

from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from .api.adaptive import AdaptiveApi
from .api.amber import AmberApi
from .api.amber_openai import AmberOpenAiApi
from .api.completions import CompletionsApi
from .api.model_cache import list_models
from .api.morpheus import MorpheusApi
from .api.types import Model
from .app import App
from .errors import AmberError, InvalidRequest, NotConfigured, NotFound
from .text.sanitise import quoted, truncate

REQUEST_MODELS = {
    api.name: api.request_model for api in (AmberApi, AmberOpenAiApi, MorpheusApi, AdaptiveApi)
}
"""What each API documents of its requests, whether or not it is configured."""

_UPSTREAMS = {
    "amber": "AMBER",
    "amber-openai": "AMBER",
    "morpheus": "MORPHEUS",
    "adaptive": "ADAPTIVE",
}


class AmbiguousModel(InvalidRequest):
    """A bare id of a model that each of `apis` has."""

    def __init__(self, model: str, apis: tuple[str, ...], silent: str) -> None:
        choices = ", ".join(f"{api}:{truncate(model)}" for api in apis)
        also = f"{silent} and may have" if silent else "several APIs have"
        super().__init__(f"{also} the model {quoted(model)}", advice=f"Say which: {choices}.")
        self.apis = apis


@dataclass(frozen=True, slots=True)
class ModelListing:
    """The models of all configured APIs, and the errors of those that did not answer."""

    models: tuple[Model, ...]
    failures: dict[str, AmberError]


async def list_all_models(apis: Mapping[str, CompletionsApi], *, within: float) -> ModelListing:
    """Ask each of `apis` for its models, all at once, for at most `within` seconds."""
    found: dict[str, tuple[Model, ...]] = {}
    failures: dict[str, AmberError] = {}

    async def ask(name: str, api: CompletionsApi) -> None:
        try:
            found[name] = await list_models(api, within=within)
        except AmberError as error:
            failures[name] = error

    async with anyio.create_task_group() as tasks:
        for name, api in apis.items():
            tasks.start_soon(ask, name, api)
    models = tuple(model for name in apis for model in found.get(name, ()))
    return ModelListing(models, {name: failures[name] for name in apis if name in failures})


def split_model(model: str) -> tuple[str, str]:
    """The API that a model names before a colon, or nothing, and the model's id."""
    name, colon, model_id = (part.strip() for part in model.partition(":"))
    return (name, model_id) if colon and name in _UPSTREAMS else ("", model.strip())


async def route_model(app: App, model: str, *, within: float) -> tuple[CompletionsApi, str]:
    """The API that `model` names or belongs to, and the model's id there.

    Args:
        within: the seconds that looking for a bare id may take.

    Raises:
        NotConfigured: if the named API has no settings.
        AmbiguousModel: if several APIs have a bare id, or may have it; the choices are told.
        NotFound: if none is known to have it.
    """
    name, model = split_model(model)
    if name:
        return _named(app, name, model), model
    listed = await list_all_models(configured_apis(app), within=within)
    having = list(dict.fromkeys(m.api for m in listed.models if m.id == model))
    silent = f"{' and '.join(listed.failures)} did not list models"
    if len(having) == 1 and not listed.failures:
        return app.apis[having[0]], model
    if having:
        raise AmbiguousModel(model, tuple(having), silent if listed.failures else "")
    raise NotFound(
        f"no API is known to have the model {quoted(model)}"
        + (f"; {silent}" if listed.failures else ""),
        advice="Look at `list_models`, or name the API: "
        f"{', '.join(f'{name}:{truncate(model)}' for name in app.apis)}.",
    )


def _named(app: App, name: str, model_id: str) -> CompletionsApi:
    if name not in app.apis:
        app.require(_UPSTREAMS[name])
        raise NotConfigured(f"the API {name} is not configured")
    if not model_id and app.apis[name].needs_model:
        raise InvalidRequest(f"`model` names the API {name} and no model of it")
    return app.apis[name]


def configured_apis(app: App) -> Mapping[str, CompletionsApi]:
    """The APIs that can be asked.

    Raises:
        NotConfigured: if there is none, with what is missing of one half set up, or else of amber.
    """
    settings = app.settings
    if not (app.apis or settings.base_url or settings.api_key):
        if settings.morpheus_base_url or settings.morpheus_api_key:
            app.require("MORPHEUS")
        if settings.adaptive_base_url or settings.adaptive_api_key:
            app.require("ADAPTIVE")
    if not app.apis:
        app.require("AMBER")
    return app.apis
