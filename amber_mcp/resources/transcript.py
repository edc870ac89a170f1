"""A conversation as Markdown, for a person to read or to keep."""

from amber_mcp.harmless import one_line
from amber_mcp.redaction import CUT
from amber_mcp.state.conversations import Conversation, Turn

_MAX_TITLE_CHARS = 80


def transcript(conversation_id: str, conversation: Conversation, *, max_chars: int) -> str:
    """Each turn: what was asked, of whom, and what the answer was.

    Args:
        max_chars: of questions and answers. The oldest turns are left out; of the last one, if it
            is too long alone, both are cut. The text tells.
    """
    shown = conversation.within(max_chars)
    turns = shown.turns or [_cut(conversation.turns[-1], max_chars // 2)]
    left_out = len(conversation.turns) - len(turns)
    parts = [
        f"# {one_line(conversation.turns[0].question, max_chars=_MAX_TITLE_CHARS)}",
        f"conversation_id: {conversation_id}",
    ]
    if left_out or not shown.turns:
        parts.append(
            f"[Cut: without the {left_out} oldest turns. AMBER_MAX_HISTORY_CHARS says how many "
            "characters a transcript may have.]"
        )
    for number, turn in enumerate(turns, left_out + 1):
        parts += [f"## {number}. {_asked(turn)}", blockquote(turn.question), turn.answer.strip()]
    return "\n\n".join(parts) + "\n"


def _asked(turn: Turn) -> str:
    """Of whom it was asked, with what, and when."""
    told = [f"agent {turn.agent}" if turn.agent else turn.origin]
    told += [f"file {file_id}" for file_id in turn.file_ids]
    if turn.answered_at:
        told.append(f"{turn.answered_at:%Y-%m-%d %H:%M} UTC")
    return f"Question ({one_line(', '.join(told), max_chars=400)})"


def blockquote(text: str) -> str:
    """Text as Markdown shows what somebody said."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _cut(turn: Turn, max_chars: int) -> Turn:
    """The turn with at most so many characters of its question, and of its answer."""

    def shortened(text: str) -> str:
        return text if len(text) <= max_chars else text[:max_chars] + CUT

    return turn.model_copy(
        update={"question": shortened(turn.question), "answer": shortened(turn.answer)}
    )
