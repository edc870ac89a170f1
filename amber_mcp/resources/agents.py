"""`amber://agents`: the agents that have names."""

from amber_mcp.app import App

from .resource import as_json, resource


@resource("amber://agents", title="Agents", media_type="application/json")
async def agents(app: App) -> str:
    """The company's amber agents that run_agent knows by name. amber itself lists none."""
    app.require("AMBER")
    named = [{"name": name, "agent_id": id_} for name, id_ in app.settings.agents.items()]
    return as_json({"agents": named})
