"""`amber://runs/{id}`: what an agent was asked to do, and how far it is."""

from datetime import UTC, datetime

from amber_mcp.app import App
from amber_mcp.harmless import one_line
from amber_mcp.state.unreadable import readable
from amber_mcp.tools.following import told

from .resource import Document, template
from .transcript import blockquote

_MAX_TITLE_CHARS = 80


@template("amber://runs/{id}", title="Agent run", media_type="text/markdown", kind="run")
async def run(app: App, run_id: str) -> Document:
    """A run of an agent, by its run_id: its task, its status and its answer so far."""
    app.require("AMBER")
    _, found = await app.run(run_id)
    with readable(f"the run {run_id[:80]!r}"):
        answer = told(found, app.settings).as_text()
    agent = one_line(found.about.agent, max_chars=_MAX_TITLE_CHARS)
    title = one_line(found.about.task, max_chars=_MAX_TITLE_CHARS)
    began = datetime.fromtimestamp(found.about.started, UTC)
    parts = (
        f"# {title}",
        f"run_id: {run_id}",
        f"## Task (agent {agent}, {began:%Y-%m-%d %H:%M} UTC)",
        blockquote(found.about.task),
        f"## {found.status.capitalize()}",
        answer,
    )
    return Document(
        text="\n\n".join(parts) + "\n",
        title=title,
        description=f"A run of the agent {agent}: {found.status}.",
        last_modified=datetime.fromtimestamp(found.about.started + found.elapsed_seconds, UTC),
    )
