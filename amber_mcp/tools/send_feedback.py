"""`send_feedback`: what became of a completion, or which of two was better (Adaptive Engine)."""

from typing import Annotated, Literal

from pydantic import Field

from amber_mcp.errors import InvalidRequest

from .asking import required_text
from .tool import Call, Result, tool


class Feedback(Result):
    """The handle of what was recorded."""

    kind: Literal["outcome", "comparison"]
    id: str

    def as_text(self) -> str:
        """The handle."""
        return f"Recorded the {self.kind} {self.id}."


@tool(title="Send feedback to Adaptive Engine", read_only=False, idempotent=False)
async def send_feedback(
    call: Call,
    project: Annotated[str, Field(description="The project's id or key.")],
    metric: Annotated[str, Field(description="The registered metric's id or key.")],
    session_id: Annotated[
        str, Field(description="The session to rate, from chat_completion. With `value`.")
    ] = "",
    value: Annotated[
        str, Field(description="The rating: a number, true or false. With `session_id`.")
    ] = "",
    completion_id: Annotated[
        str, Field(description="The better completion. With `other_completion_id`.")
    ] = "",
    other_completion_id: Annotated[
        str, Field(description="The completion that it is compared with.")
    ] = "",
    tied: Annotated[
        Literal["", "good", "bad"],
        Field(description="Where neither is better: whether both are good or bad."),
    ] = "",
) -> Feedback:
    """Record feedback on completions of Adaptive Engine: an outcome or a comparison.

    Rate a session with `session_id` and `value`, or compare two completions of one prompt with
    `completion_id` and `other_completion_id`. chat_completion returns these ids.
    """
    adaptive = call.app.adaptive
    subject = {
        "project": required_text("project", project),
        "metric": required_text("metric", metric),
    }
    if bool(session_id) == bool(completion_id):
        raise InvalidRequest("pass either `session_id`, or `completion_id`")
    call.progress.note("Sending feedback")
    if session_id:
        outcome = await adaptive.add_outcome(
            **subject, session_id=session_id, value=_value(required_text("value", value))
        )
        return Feedback(kind="outcome", id=outcome)
    comparison = await adaptive.add_comparison(
        **subject,
        preferred=completion_id,
        other=required_text("other_completion_id", other_completion_id),
        tied=tied,
    )
    return Feedback(kind="comparison", id=comparison)


def _value(value: str) -> float | bool:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return float(value)
    except ValueError:
        raise InvalidRequest(f"`value` must be a number, true or false, not {value!r}") from None
