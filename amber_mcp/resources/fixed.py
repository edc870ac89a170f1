"""The resources with one address: models, agents and uploaded files."""

from amber_mcp.app import App
from amber_mcp.storage.base import storage_deadline
from amber_mcp.tools.list_models import models_listed

from .resource import as_json, resource


@resource("amber://models", title="Models", media_type="application/json")
async def models(app: App) -> str:
    """The language models that amber offers, with the API of each, and the default."""
    listed = await models_listed(app, within=app.settings.call_timeout)
    return as_json(listed.model_dump(mode="json"))


@resource("amber://agents", title="Agents", media_type="application/json")
async def agents(app: App) -> str:
    """The company's amber agents that run_agent knows by name. amber itself lists none."""
    app.require("AMBER")
    named = [
        {"name": name, "agent_id": agent.id, "description": agent.description}
        for name, agent in app.settings.agents.items()
    ]
    return as_json({"agents": named})


@resource("amber://files", title="Uploaded files", media_type="application/json")
async def files(app: App) -> str:
    """The files that upload_file has uploaded, the latest first, with their ids."""
    app.require("AMBER")
    most = app.settings.max_list_entries
    with storage_deadline(app.settings.call_timeout):
        uploads = await app.uploads.all(await app.caller(), most=most + 1)
    listed = [upload.model_dump(mode="json") for upload in uploads[:most]]
    return as_json({"files": listed, "truncated": len(uploads) > most})
