"""`amber://conversations/{id}`: what was asked and answered."""

from amber_mcp.app import App
from amber_mcp.storage.base import storage_deadline

from .resource import Entry, template, titled
from .transcript import transcript


async def described(app: App, caller: str, conversation_id: str) -> Entry:
    """A conversation by its first question."""
    whole = await app.conversations.load(caller, conversation_id)
    turns = len(whole.turns)
    return Entry(
        title=titled(whole.turns[0].question),
        description=f"A conversation with amber: {turns} {'turn' if turns == 1 else 'turns'}.",
        last_modified=whole.turns[-1].answered_at,
    )


@template(
    "amber://conversations/{id}",
    title="Conversation",
    media_type="text/markdown",
    kind="conversation",
    describe=described,
)
async def conversation(app: App, conversation_id: str) -> str:
    """The transcript of a conversation with amber, by its conversation_id."""
    app.require("AMBER")
    with storage_deadline(app.settings.call_timeout):
        whole = await app.conversations.load(await app.caller(), conversation_id)
    return transcript(conversation_id, whole, max_chars=app.settings.max_history_chars)
