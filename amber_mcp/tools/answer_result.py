"""The result that `ask_amber`, `web_search` and `run_agent` share, and the way to it."""

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from amber_mcp.answering import Answer, answer
from amber_mcp.api.types import ChatRequest
from amber_mcp.config.settings import Settings
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import Result
from amber_mcp.text.redaction import distinct_secrets


class SourceOut(BaseModel):
    """What the answer rests on: `number` is what [n] in the answer means, `origin` where it was
    found, a field of the answer or a link in its text.
    """

    number: int
    title: str
    url: Annotated[str, Field(description="Empty: it has a place")]
    place: str
    origin: Literal["annotation", "citation", "link"]

    def as_line(self) -> str:
        """Number, title, and the address or the place.

        The number is not in brackets: `[1]` could lead where the answer's text says.
        """
        where = f" <{self.url}>" if self.url else f" ({self.place})" if self.place else ""
        return f"{self.number}. {self.title}{where}"


class UsageOut(BaseModel):
    """Tokens; a count that amber did not tell is left out."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class AnswerResult(Result):
    """An answer with its sources."""

    answer: str
    sources: list[SourceOut]
    model: str
    finish_reason: str = ""
    usage: UsageOut | None = None
    truncated: Annotated[
        bool, Field(description="Whether the answer or its sources were cut at a limit")
    ] = False
    conversation_id: Annotated[
        str, Field(description="Pass it to go on with this conversation. Empty: it was not kept.")
    ] = ""
    dropped_turns: Annotated[
        int, Field(description="The oldest turns, which were not sent: there were too many")
    ] = 0

    completion_id: SkipJsonSchema[str] = ""
    """What the API's people can look it up by; no model needs to know of it beforehand."""

    def as_text(self) -> str:
        """The answer, and below it the sources and what a reader should know of it."""
        parts = [self.answer or "(amber gave an empty answer)"]
        if self.truncated:
            parts.append(
                "[Cut: an answer may have as many characters as AMBER_MAX_ANSWER_CHARS says, and "
                "as many sources as AMBER_MAX_LIST_ENTRIES. Ask a narrower question for the rest.]"
            )
        if self.finish_reason not in ("", "stop"):
            parts.append(f"[amber ended this answer early: {self.finish_reason}]")
        if self.sources:
            parts.append("\n".join(["Sources:", *(source.as_line() for source in self.sources)]))
        if self.dropped_turns:
            parts.append(
                f"[Without the {self.dropped_turns} oldest turns of this conversation, which is "
                "longer than AMBER_MAX_HISTORY_CHARS. Repeat what matters of them.]"
            )
        looked_up = f" (completion {self.completion_id})" if self.completion_id else ""
        last = f"Model: {self.model}{looked_up}"
        if self.conversation_id:
            last += f"\nconversation_id: {self.conversation_id}"
        else:
            last += "\n[This turn was not kept: a follow-up has to repeat what it needs of it.]"
        parts.append(last)
        return "\n\n".join(parts)


async def answer_call(call: Call, request: ChatRequest) -> Answer:
    """Run `request` within the limits of a tool call, with progress as the text arrives."""
    settings = call.app.settings
    return await answer(
        call.app.amber,
        request,
        on_text=call.progress.counting("amber"),
        max_chars=settings.max_answer_chars,
        timeout=call.seconds_left,
        secrets=distinct_secrets(settings.keys),
    )


def answer_fields(settings: Settings, answered: Answer) -> dict[str, object]:
    """The fields of `AnswerResult` for an answer."""
    usage = answered.usage
    most = settings.max_list_entries
    return {
        "answer": answered.text,
        "sources": [SourceOut(**asdict(source)) for source in answered.sources[:most]],
        "model": answered.model,
        "finish_reason": answered.finish_reason,
        "completion_id": answered.completion_id,
        "usage": usage
        and UsageOut(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.total_tokens,
        ),
        "truncated": answered.truncated or len(answered.sources) > most,
    }
