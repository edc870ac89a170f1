"""`amber://models`: what can be asked."""

from amber_mcp.app import App
from amber_mcp.tools.list_models import models_listed

from .resource import as_json, resource


@resource("amber://models", title="Models", media_type="application/json")
async def models(app: App) -> str:
    """The language models that amber offers, with the API of each, and the default."""
    listed = await models_listed(app, within=app.settings.call_timeout)
    return as_json(listed.model_dump(mode="json"))
