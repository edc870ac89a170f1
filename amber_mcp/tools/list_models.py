"""`list_models`: what can be asked."""

from typing import Annotated

from pydantic import BaseModel, Field

from amber_mcp.api.types import Model
from amber_mcp.app import App
from amber_mcp.model_routing import configured_apis, list_all_models
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import Result, tool


class ModelOut(BaseModel):
    """A model, the API that has it, and what that API offers."""

    id: str
    api: str
    offers: list[str]


class SilentApi(BaseModel):
    """An API that did not answer."""

    api: str
    error: str


class Models(Result):
    """The models, the one that is taken where none is named, and the APIs that did not answer."""

    models: list[ModelOut]
    default_model: str
    unavailable: list[SilentApi]
    truncated: bool = False

    def as_text(self) -> str:
        """One model a line."""
        defaults = [m.api == "amber" and m.id == self.default_model for m in self.models]
        lines = [
            f"- {m.id} ({m.api}{', the default' if is_default else ''}: {', '.join(m.offers)})"
            for m, is_default in zip(self.models, defaults, strict=True)
        ] or ["No model fits."]
        if self.truncated:
            lines.append(
                "[Cut: a list may have as many entries as AMBER_MAX_LIST_ENTRIES says. Pass "
                "`contains` for the rest.]"
            )
        lines += [f"- {silent.api} did not answer: {silent.error}" for silent in self.unavailable]
        if self.default_model and not any(defaults):
            lines.append(f"Default: {self.default_model}")
        return "\n".join(lines)


@tool(title="List amber's models", read_only=True, idempotent=True)
async def list_models(
    call: Call,
    contains: Annotated[str, Field(description="Only ids with this text. Empty: all.")] = "",
) -> Models:
    """List the models that the tools can use, with what each can be used for, and the default.

    Use it before passing a `model` to another tool. It is not needed for ordinary questions: an
    empty `model` takes the default.
    """
    return await models_listed(call.app, contains, within=call.seconds_left)


async def models_listed(app: App, contains: str = "", *, within: float) -> Models:
    """The models whose ids hold a text, of the APIs that answer within so many seconds.

    Only `chat_completion` asks others than amber's own: where it is not offered, that one alone.

    Raises:
        NotConfigured: if there is no API.
        AmberError: of the kind that kept the first of them from answering, if none did.
    """
    apis = (
        configured_apis(app)
        if "chat_completion" in app.settings.tools
        else {app.amber.name: app.amber}
    )
    listed = await list_all_models(apis, within=within)
    if listed.failures and not listed.models:
        raise next(iter(listed.failures.values()))
    wanted = contains.strip().casefold()
    found = [model for model in listed.models if wanted in model.id.casefold()]
    most = app.settings.max_list_entries
    return Models(
        models=[
            ModelOut(id=model.id, api=model.api, offers=list(model.offers))
            for model in found[:most]
        ],
        truncated=len(found) > most,
        default_model=_default_model(app, listed.models),
        unavailable=[
            SilentApi(api=api, error=f"{error.kind}: {error.message}")
            for api, error in listed.failures.items()
        ],
    )


def _default_model(app: App, listed: tuple[Model, ...]) -> str:
    """The default of the tools that ask amber; none where amber does not answer."""
    of_amber = (model.id for model in listed if model.api == "amber")
    return app.settings.model or next(of_amber, "")
