"""Which API a model belongs to: `morpheus:llama-3`, or a bare id that one API alone has."""

from dataclasses import dataclass

import anyio

from .api.adaptive import AdaptiveApi
from .api.amber import AmberApi
from .api.amber_openai import AmberOpenAiApi
from .api.completions import CompletionsApi
from .api.morpheus import MorpheusApi
from .api.types import Model
from .app import App
from .errors import AmberError, InvalidRequest, NotConfigured, NotFound

DIALECTS = tuple(api.dialect for api in (AmberApi, AmberOpenAiApi, MorpheusApi, AdaptiveApi))
"""What each API documents, whether or not it is configured."""

_UPSTREAMS = {
    "amber": "AMBER",
    "amber-openai": "AMBER",
    "morpheus": "MORPHEUS",
    "adaptive": "ADAPTIVE",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """The models of all configured APIs, and the errors of those that did not answer."""

    models: tuple[Model, ...]
    failures: dict[str, AmberError]


async def list_all(app: App) -> Listed:
    """Ask every configured API for its models, all at once."""
    found: dict[str, tuple[Model, ...]] = {}
    failures: dict[str, AmberError] = {}

    async def ask(name: str, api: CompletionsApi) -> None:
        try:
            found[name] = await app.models_of(api)
        except AmberError as error:
            failures[name] = error

    async with anyio.create_task_group() as tasks:
        for name, api in app.apis.items():
            tasks.start_soon(ask, name, api)
    models = tuple(model for name in app.apis for model in found.get(name, ()))
    return Listed(models, {name: failures[name] for name in app.apis if name in failures})


async def route(app: App, model: str) -> tuple[CompletionsApi, str]:
    """The API that `model` names or belongs to, and the model's id there.

    Raises:
        NotConfigured: if the named API has no settings.
        InvalidRequest: if several APIs have a bare id; the choices are told.
        NotFound: if none is known to have it.
    """
    if not app.apis:
        app.require("AMBER")
        app.require("MORPHEUS")
    name, colon, model_id = model.partition(":")
    if colon and name in _UPSTREAMS:
        if not model_id:
            raise InvalidRequest(f"`model` names an API and no model: {model!r}")
        if name not in app.apis:
            app.require(_UPSTREAMS[name])
            raise NotConfigured(f"the API {name} is not configured")
        return app.apis[name], model_id
    listed = await list_all(app)
    having = [m.api for m in listed.models if m.id == model]
    if len(having) == 1:
        return app.apis[having[0]], model
    if having:
        choices = ", ".join(f"{api}:{model}" for api in having)
        raise InvalidRequest(
            f"several APIs have the model {model!r}", advice=f"Say which: {choices}."
        )
    silent = "".join(f"; {name} did not answer" for name in listed.failures)
    raise NotFound(
        f"no API is known to have the model {model!r}{silent}",
        advice="Look at `list_models`, or name the API: "
        f"{', '.join(f'{name}:{model}' for name in app.apis)}.",
    )
