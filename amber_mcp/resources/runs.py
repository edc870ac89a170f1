"""`amber://runs/{id}`: what an agent was asked to do, and how far it is."""

from datetime import UTC, datetime

from amber_mcp.app import App
from amber_mcp.storage.base import storage_deadline
from amber_mcp.text.redaction import TRUNCATED
from amber_mcp.tools.run_result import run_result

from .conversations import blockquote, with_lower_headings
from .resource import Entry, template, titled


async def described(app: App, caller: str, run_id: str) -> Entry:
    """A run by its task."""
    found = await app.runs_of(caller).open(run_id)
    ended = found.spec.started + found.elapsed_seconds
    return Entry(
        title=titled(found.spec.task),
        description=f"A run of the agent {titled(found.spec.agent)}: {found.status}.",
        last_modified=datetime.fromtimestamp(ended, UTC),
    )


@template(
    "amber://runs/{id}",
    title="Agent run",
    media_type="text/markdown",
    kind="run",
    describe=described,
)
async def run(app: App, run_id: str) -> str:
    """A run of an agent, by its run_id: its task, its status and its answer so far."""
    app.require("AMBER")
    with storage_deadline(app.settings.call_timeout):
        _, found = await app.find_run(run_id)
    answer = with_lower_headings(run_result(found, app.settings).as_text())
    began = datetime.fromtimestamp(found.spec.started, UTC)
    task, most = found.spec.task, app.settings.max_history_chars
    parts = (
        f"# {titled(task)}",
        f"run_id: {run_id}",
        f"## Task (agent {titled(found.spec.agent)}, {began:%Y-%m-%d %H:%M} UTC)",
        blockquote(task if len(task) <= most else task[:most] + TRUNCATED),
        f"## {found.status.capitalize()}",
        answer,
    )
    return "\n\n".join(parts) + "\n"
