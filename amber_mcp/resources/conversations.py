"""`amber://conversations/{id}`: what was asked and answered."""

from amber_mcp.app import App
from amber_mcp.harmless import one_line

from .resource import Document, template
from .transcript import transcript

_MAX_TITLE_CHARS = 80


@template(
    "amber://conversations/{id}",
    title="Conversation",
    media_type="text/markdown",
    kind="conversation",
)
async def conversation(app: App, conversation_id: str) -> Document:
    """The transcript of a conversation with amber, by its conversation_id."""
    app.require("AMBER")
    whole = await app.conversations.load(await app.caller(), conversation_id)
    turns = len(whole.turns)
    return Document(
        text=transcript(conversation_id, whole, max_chars=app.settings.max_history_chars),
        title=one_line(whole.turns[0].question, max_chars=_MAX_TITLE_CHARS),
        description=f"A conversation with amber: {turns} {'turn' if turns == 1 else 'turns'}.",
        last_modified=whole.turns[-1].answered_at,
    )
