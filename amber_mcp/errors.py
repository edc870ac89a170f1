"""The error tree: one class a kind, and one place that words an error for whoever reads it.

Every message says what happened, the HTTP status, amber's own words, the request id, and what to
do next. The kinds are a closed set, so that an agent can act on them.
"""

from typing import ClassVar

from .text.redaction import TRUNCATED
from .text.sanitise import in_quotes

MAY_BE_TAKEN = (
    "It may have been taken all the same: look whether it was before you send it again. "
    "AMBER_CALL_TIMEOUT and AMBER_READ_TIMEOUT say how long is waited."
)
"""What to do about a failure after which nobody knows whether the request took effect."""


ADMINISTRATOR = "your amber administrator"
"""Whom to ask about amber. Errors of other services name somebody else in their place."""


class AmberError(Exception):
    """Something that kept a question from being answered.

    `upstream` holds amber's own words (bounded by whoever raises), `retry_after` the seconds that
    it asks to wait, `partial` the text of an answer that had already arrived.
    """

    kind: ClassVar[str] = "internal_error"
    advice: ClassVar[str] = "Report this with the steps that led to it."

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        upstream: str = "",
        request_id: str = "",
        advice: str = "",
        partial: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.upstream = upstream
        self.request_id = request_id
        self.next_step = advice or type(self).advice
        self.partial = partial
        self.retry_after = retry_after


class InternalError(AmberError):
    """A fault of this server."""


class NotConfigured(AmberError):
    """A variable is missing or faulty."""

    kind = "not_configured"
    advice = (
        "Set the variables where this server is configured (the `env` of its entry in your "
        "assistant, or the shell), restart it, and check with `amber-mcp doctor`. "
        "To try it without a tenant: AMBER_BASE_URL=sandbox."
    )


class InvalidRequest(AmberError):
    """An argument that cannot be used, found here or by amber."""

    kind = "invalid_request"
    advice = "Correct the arguments and call again."


class Unauthorized(AmberError):
    """amber does not accept the key."""

    kind = "unauthorized"
    advice = "Check the API key: it may be mistyped, revoked, or of another tenant."


class PaymentRequired(AmberError):
    """The account has no balance or licence left."""

    kind = "payment_required"
    advice = f"Ask {ADMINISTRATOR} about the account's balance and licences."


class Forbidden(AmberError):
    """The key is valid and lacks the permission."""

    kind = "forbidden"
    advice = f"Ask {ADMINISTRATOR} for access with this key."


class NotFound(AmberError):
    """A model, an agent, a file or a route that amber does not know."""

    kind = "not_found"
    advice = (
        "Check the id, and that the key belongs to the organisation that has it; "
        "`list_models` shows the models."
    )


class RateLimited(AmberError):
    """Too many requests, or tokens, in a time."""

    kind = "rate_limited"
    advice = "Wait, then call again."


class TooLarge(AmberError):
    """A file or a question over a limit."""

    kind = "too_large"
    advice = "Send less."


class Unsupported(AmberError):
    """Something that this server or amber does not offer."""

    kind = "unsupported"
    advice = "Leave it out, or use another tool."


class UpstreamError(AmberError):
    """amber failed, or answered with something that cannot be read."""

    kind = "upstream_error"
    advice = f"Try again later; if it stays, tell {ADMINISTRATOR} the request id."


class UpstreamUnreachable(AmberError):
    """No connection to amber."""

    kind = "upstream_unreachable"
    advice = "Check the base URL, the network and the proxy; `amber-mcp doctor` tries each step."


class UpstreamTimeout(AmberError):
    """amber took longer than a limit allows."""

    kind = "upstream_timeout"
    advice = "Ask something narrower, or raise the limit."


class StreamBroken(AmberError):
    """An answer that stopped before its end."""

    kind = "stream_broken"
    advice = "Ask again."


class Overloaded(AmberError):
    """More calls at once than this server takes."""

    kind = "overloaded"
    advice = "Call again when other calls have ended."


def describe(error: AmberError, *, max_upstream_chars: int = 600) -> str:
    """The error as a person, or a model, is to read it.

    Args:
        max_upstream_chars: where amber's own words are cut.
    """
    status = f" (HTTP {error.status})" if error.status else ""
    parts = [f"{error.kind}: {error.message.rstrip('.')}{status}."]
    if upstream := error.upstream:
        if len(upstream) > max_upstream_chars:
            upstream = upstream[:max_upstream_chars] + TRUNCATED
        parts.append(f"It said: {in_quotes(upstream)}.")
    if error.request_id:
        parts.append(f"Request id: {error.request_id}.")
    if error.partial:
        parts.append(f"The answer so far, which may be incomplete:\n\n{error.partial}\n\n")
    parts.append(f"What to do: {error.next_step}")
    return " ".join(parts)
