"""A question within a conversation: what goes to amber with it, and what is saved of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.app import App
from amber_mcp.conversations.records import Conversation, Origin, Turn
from amber_mcp.protocol.call import Call
from amber_mcp.storage.base import new_id
from amber_mcp.storage.saving import save_record
from amber_mcp.text.redaction import distinct_secrets

from .answer_result import AnswerResult, answer_fields
from .model_choice import answer_with_model_choice

ConversationId = Annotated[
    str,
    Field(description="Goes on with a conversation: an id of an earlier result. Empty: a new one."),
]


@dataclass(frozen=True)
class ConversationContext:
    """One question's place in a conversation: the turns before it, as far as they may be sent.

    A new conversation has none, and so has one whose turns may not be sent.
    """

    id: str
    before: Conversation
    sent: Conversation
    is_new: bool = False
    language: str = ""

    def messages(self, question: str, instructions: str) -> tuple[Message, ...]:
        """The instructions, the turns that are sent, and the question."""
        system = (Message("system", instructions),) if instructions.strip() else ()
        turns = tuple(
            message
            for turn in self.sent.turns
            for message in (Message("user", turn.question), Message("assistant", turn.answer))
        )
        return (*system, *turns, Message("user", question))

    def files(self, file_ids: Sequence[str]) -> tuple[str, ...]:
        """The conversation's files and the question's own: amber takes them with each request."""
        return tuple(dict.fromkeys((*self.before.file_ids, *file_ids)))


async def open_conversation(
    call: Call, conversation_id: str, *, origin: Origin = "company"
) -> ConversationContext:
    """The conversation that a question belongs to; a new one where no id is given.

    A question to the web gets what came from the web alone, unless the operator lets company text
    go there.

    Raises:
        NotFound: if the caller has no such conversation (any more).
    """
    app = call.app
    given = conversation_id.strip()
    if not given:
        return ConversationContext(new_id("conv"), Conversation(), Conversation(), is_new=True)
    whole = await app.conversations.load(await app.caller(), given)
    leave_out = origin == "web" and not app.settings.web_with_company
    before = whole.from_the_web() if leave_out else whole
    sent = before.within(app.settings.max_history_chars)
    return ConversationContext(given, before, sent, language=whole.language)


async def answer_turn(
    call: Call, context: ConversationContext, request: ChatRequest, turn: Turn
) -> AnswerResult:
    """Answer a request, and save `turn` with the answer.

    Raises:
        AmberError: as `answer_with_model_choice` does.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    app = call.app
    answered = await answer_with_model_choice(call, request)
    finished = turn.model_copy(update={"answer": answered.text})
    fields = {
        **answer_fields(app.settings, answered),
        **await save_turn(app, context, finished, within=call.seconds_to_save),
    }
    return AnswerResult.model_validate(fields)


async def save_turn(
    app: App, context: ConversationContext, turn: Turn, *, within: float
) -> dict[str, object]:
    """Save a finished turn, and return the fields of the result that are about the conversation.

    An answer that cannot be saved is an answer all the same.

    Args:
        within: the seconds that it may take.
    """

    async def save(turn: Turn) -> None:
        caller = await app.caller()
        await app.conversations.add(caller, context.id, turn, is_new=context.is_new)

    # An API may refuse a turn without an answer, and with it all after it.
    is_saved = bool(turn.answer.strip()) and await save_record(
        turn.model_copy(update={"answered_at": datetime.now(UTC)}),
        save,
        secrets=distinct_secrets(app.settings.keys),
        within=within,
    )
    return {
        "conversation_id": context.id if is_saved else "",
        "dropped_turns": context.sent.dropped,
    }
