"""`amber://conversations/{id}`: what was asked and answered, as Markdown."""

import re

from amber_mcp.app import App
from amber_mcp.conversations.records import Conversation, Turn
from amber_mcp.storage.base import storage_deadline
from amber_mcp.text.redaction import TRUNCATED
from amber_mcp.text.sanitise import one_line

from .resource import Entry, template, titled

_LIMIT = "AMBER_MAX_HISTORY_CHARS says how many characters a transcript may have."


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


def transcript(conversation_id: str, conversation: Conversation, *, max_chars: int) -> str:
    """Each turn: what was asked, of whom, and what the answer was.

    Args:
        max_chars: of questions and answers. The oldest turns are left out; the last one, if it is
            too long alone, is cut. The text tells.
    """
    shown = conversation.within(max_chars)
    turns = shown.turns or [_cut(conversation.turns[-1], max_chars)]
    left_out = len(conversation.turns) - len(turns)
    parts = [f"# {titled(conversation.turns[0].question)}", f"conversation_id: {conversation_id}"]
    if left_out:
        without = "the oldest turn" if left_out == 1 else f"the {left_out} oldest turns"
        parts.append(f"[Cut: without {without}. {_LIMIT}]")
    if not shown.turns:
        parts.append(f"[The last turn is cut. {_LIMIT}]")
    for number, turn in enumerate(turns, left_out + 1):
        answer = with_lower_headings(turn.answer.strip())
        parts += [f"## {number}. {_asked(turn)}", blockquote(turn.question), answer]
    return "\n\n".join(parts) + "\n"


def _asked(turn: Turn) -> str:
    """Of whom it was asked, with what, and when."""
    words = [f"agent {turn.agent}" if turn.agent else turn.origin]
    words += [f"file {file_id}" for file_id in turn.file_ids]
    if turn.answered_at:
        words.append(f"{turn.answered_at:%Y-%m-%d %H:%M} UTC")
    return f"Question ({one_line(', '.join(words), max_chars=400)})"


def blockquote(text: str) -> str:
    """Text as Markdown shows what somebody said."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def with_lower_headings(text: str) -> str:
    """Text whose headings are below those of the first two levels, which are the page's own.

    What an answer quotes, from the web for one, is not to pass for a turn.
    """
    text = re.sub(r"(?m)^([ \t]*)(#{1,4})(?=[ \t])", r"\1##\2", text)
    text = re.sub(r"(?m)^(?=[ \t]*(?:=+|-+)[ \t]*$)", r"\\", text)
    return re.sub(r"(?i)<(?=/?h[12]\b)", "< ", text)


def _cut(turn: Turn, max_chars: int) -> Turn:
    """The turn with at most so many characters: up to half of them are the question's."""
    question = _shortened(turn.question, max_chars // 2)
    answer = _shortened(turn.answer, max_chars - min(len(turn.question), max_chars // 2))
    return turn.model_copy(update={"question": question, "answer": answer})


def _shortened(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else text[:max_chars] + TRUNCATED
