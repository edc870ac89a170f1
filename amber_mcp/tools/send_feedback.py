"""`send_feedback`: what became of a completion, or which of two was better (Adaptive Engine)."""

import math
from typing import Annotated, Literal

from pydantic import Field

from amber_mcp.errors import InvalidRequest
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import Result, tool
from amber_mcp.text.sanitise import quoted


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
        str,
        Field(description="The rating: a number, true or false. With `session_id`."),
    ] = "",
    completion_id: Annotated[
        str, Field(description="The better completion. With `other_completion_id`.")
    ] = "",
    other_completion_id: Annotated[
        str, Field(description="The completion that it is compared with.")
    ] = "",
    tied: Annotated[
        Literal["good", "bad"] | None,
        Field(description="Where neither is better: whether both are good or bad."),
    ] = None,
) -> Feedback:
    """Record feedback on completions of Adaptive Engine: an outcome or a comparison.

    Rate a session with `session_id` and `value`, or compare two completions of one prompt with
    `completion_id` and `other_completion_id`. chat_completion returns these ids.
    """
    adaptive = call.app.adaptive
    subject = {"project": _id("project", project), "metric": _id("metric", metric)}
    rating = {"session_id": session_id, "value": value}
    comparing = {
        "completion_id": completion_id,
        "other_completion_id": other_completion_id,
        "tied": tied or "",
    }
    given = [name for name, text in {**rating, **comparing}.items() if text.strip()]
    if not (set(given) <= set(rating) or set(given) <= set(comparing)) or not given:
        raise InvalidRequest(
            "pass either `session_id` and `value`, or `completion_id` and `other_completion_id`"
            + (f", not {', '.join(f'`{name}`' for name in given)} together" if given else "")
        )
    if given[0] in rating:
        session = _id("session_id", session_id)
        rated = _value(_id("value", value))
        call.progress.note("Sending feedback")
        outcome = await adaptive.add_outcome(**subject, session_id=session, value=rated)
        return Feedback(kind="outcome", id=outcome)
    preferred = _id("completion_id", completion_id)
    other = _id("other_completion_id", other_completion_id)
    call.progress.note("Sending feedback")
    comparison = await adaptive.add_comparison(
        **subject, preferred=preferred, other=other, tied=tied or ""
    )
    return Feedback(kind="comparison", id=comparison)


def _id(name: str, value: str) -> str:
    """`value` without surrounding blanks.

    Raises:
        InvalidRequest: if nothing is left.
    """
    if text := value.strip():
        return text
    raise InvalidRequest(f"`{name}` is empty")


def _value(value: str) -> float | bool:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        number = float(value.replace("_", "?"))  # Python alone writes 1_000.
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    raise InvalidRequest(f"`value` must be a finite number, true or false, not {quoted(value)}")
