"""From HTTP responses to errors: statuses, headers, and every shape of an error body.

The shapes are those that amber-api.md lists: FastAPI's `{"detail": "…"}` and `{"detail": [{loc,
msg, type}]}`, OpenAI's `{"error": {…}}`, `{"error": "…"}`, `{"error", "message"}`, plain text
and HTML.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape

import httpx2

from amber_mcp.errors import (
    AmberError,
    Forbidden,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    RateLimited,
    TooLarge,
    Unauthorized,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from amber_mcp.text.json_values import parse_json
from amber_mcp.text.redaction import TRUNCATED
from amber_mcp.text.sanitise import single_line

_OUTCOMES = ("success", "ok", "status", "state", "code")
_FAILED = r"error|fail(ed|ure)?|rejected|[45]\d\d"
MAX_ERROR_BYTES = 64 * 1024
CLIENT_CERTIFICATE = (
    "Set AMBER_CLIENT_CERT and AMBER_CLIENT_KEY to a certificate that your IT department issued "
    "for this purpose and that has not expired."
)
_MAX_CHARS = 8000
_MODEL_ID = r"(?a)[\w.:/@+-]{1,80}"
_GAVE_UP = "the API, or a gateway before it, gave up waiting"
_STATUSES: Mapping[int, tuple[type[AmberError], str]] = {
    401: (Unauthorized, "the API refused the key"),
    402: (PaymentRequired, "the API asks for payment"),
    403: (Forbidden, "the API does not allow this with the key"),
    404: (NotFound, "the API does not know what was asked for"),
    408: (UpstreamTimeout, _GAVE_UP),
    413: (TooLarge, "the API finds it too large"),
    429: (RateLimited, "the API takes no more requests for now"),
    504: (UpstreamTimeout, _GAVE_UP),
}
_TYPES: Mapping[str, type[AmberError]] = {
    "client_error": InvalidRequest,
    "insufficient_balance": PaymentRequired,
    "model_not_found": NotFound,
    "model_not_found_near_miss": NotFound,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "requests": RateLimited,
    "session_expired": NotFound,
    "session_not_found": NotFound,
    "tokens": RateLimited,
}
"""The types and codes of errors that OpenAI and Morpheus document."""
# As nginx words it. Whole phrases: a body may repeat a question about certificates.
_NO_CLIENT_CERTIFICATE = (b"No required SSL certificate was sent", b"The SSL certificate error")


def error_for_response(response: httpx2.Response, body: bytes) -> AmberError:
    """The error that a response with a status other than 2xx stands for.

    Args:
        body: the beginning of its body, at most `MAX_ERROR_BYTES`.
    """
    status = response.status_code
    if 300 <= status < 400:
        return UpstreamError(
            "the API answered with a redirect, which is not followed: the key would go along",
            status=status,
            advice="Check the base URL: it should be the address that the redirect leads to.",
        )
    if status == 400 and any(words in body for words in _NO_CLIENT_CERTIFICATE):
        return UpstreamUnreachable(
            "a client certificate is required, or the one that was presented is refused",
            status=status,
            upstream=error_text(body),
            advice=CLIENT_CERTIFICATE,
        )
    kind, message = _by_status(status)
    wait = _retry_after(response)
    advice = _rate_limit_advice(response, wait)
    if status in (400, 404, 422) and (suggested := _suggested_models(body)):
        kind, advice = NotFound, f"Perhaps you mean {suggested}."
    if status in (400, 404, 500) and b"EntityNotFound" in body:  # in Adaptive's errors
        kind = NotFound
    return kind(
        message,
        status=status,
        upstream=error_text(body),
        request_id=request_id_of(response),
        advice=advice,
        retry_after=wait,
    )


def error_in_body(error: object, response: httpx2.Response) -> AmberError:
    """The error that an `error` object inside a 200 answer stands for."""
    kind: type[AmberError] = UpstreamError
    for name in ("type", "code", "status"):  # The later ones count for more.
        code = str(error.get(name)) if isinstance(error, Mapping) else ""
        if re.fullmatch(r"4\d\d|504", code):
            kind, _ = _by_status(int(code))
        elif code in _TYPES:
            kind = _TYPES[code]
    return kind(
        "the API reported a failure instead of an answer",
        upstream=bound_text(_words({"error": error})),
        request_id=request_id_of(response),
    )


def error_text(body: bytes) -> str:
    """What an error body says, on one line of bounded length: its message, or its beginning."""
    text = body[:MAX_ERROR_BYTES].decode("utf-8", "replace")
    try:
        return bound_text(_words(parse_json(text)))
    except ValueError:
        pass
    if "<html" in text.lower() or "<!doctype" in text.lower():
        beginning = text[: 2 * _MAX_CHARS]
        tags = r"(?s)<(script|style|head)\b.*?(?:</\1>|$)|<[^<>]+>"
        # Of a number with too many digits, `unescape` makes a ValueError.
        text = unescape(re.sub(r"&#\w{8,};?", " ", re.sub(tags, " ", beginning)))
    return bound_text(text)


def reports_failure(body: object) -> bool:
    """Whether a body that came with status 200 says that nothing was done."""
    if not isinstance(body, Mapping):
        return False
    if body.get("error") or body.get("errors"):
        return True
    told = {name: str(body.get(name, "")).strip().casefold() for name in _OUTCOMES}
    if {told["success"], told["ok"]} & {"false", "0"}:
        return True
    return any(re.fullmatch(_FAILED, told[name]) for name in ("status", "state", "code"))


def bound_text(text: str) -> str:
    """`text` on one line, printable, and cut where it is too long."""
    line = single_line(text[: 8 * _MAX_CHARS])
    return line if len(line) <= _MAX_CHARS else line[:_MAX_CHARS] + TRUNCATED


def request_id_of(response: httpx2.Response) -> str:
    """The response's `X-Request-Id`, or "" where there is none of a sane form."""
    request_id = response.headers.get("x-request-id", "")
    return request_id if re.fullmatch(r"(?a)[\w.:/+=-]{1,128}", request_id) else ""


def _by_status(status: int) -> tuple[type[AmberError], str]:
    if 400 <= status < 500:
        return _STATUSES.get(status, (InvalidRequest, "the API refused the request"))
    return _STATUSES.get(status, (UpstreamError, "the API failed"))


def _retry_after(response: httpx2.Response) -> float | None:
    """The seconds to wait, from either form of `Retry-After` (RFC 9110, section 10.2.3)."""
    header = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", header):
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _rate_limit_advice(response: httpx2.Response, wait: float | None) -> str:
    """Which of the limits in the `X-RateLimit-…` headers is used up, and how long to wait."""
    used_up = []
    for unit in ("requests", "tokens"):
        if response.headers.get(f"x-ratelimit-remaining-{unit}") == "0":
            limit = response.headers.get(f"x-ratelimit-limit-{unit}", "")
            number = limit if re.fullmatch(r"[0-9]{1,12}", limit) else "?"
            used_up.append(f"the limit of {number} {unit}")
    advice = [f"{' and '.join(used_up)} is used up."] if used_up else []
    advice += [f"Wait {_duration(wait)} before the next call."] if wait is not None else []
    return " ".join(advice)


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds > 3 * unit:
            return f"{math.ceil(seconds / unit)} {name}"
    return f"{math.ceil(seconds)} s"


def _suggested_models(body: bytes) -> str:
    """The models that Morpheus suggests for a name that is nearly one (amber-api.md section 9)."""
    try:
        match parse_json(body):
            case {"error": {"suggestions": [*names]}}:
                likely = [name for name in names[:5] if isinstance(name, str)]
                ids = [name for name in likely if re.fullmatch(_MODEL_ID, name)]
                return ", ".join(f'"{name}"' for name in ids if "://" not in name)
    except ValueError:
        pass
    return ""


def _words(value: object) -> str:
    """The message in a decoded error body of any of the shapes."""
    match value:
        case str():
            return value
        case {"detail": [*details]}:
            return "; ".join(map(_words, details))
        case {"detail": inner}:
            return _words(inner)
        case {"error": str() as error, "message": str() as message}:
            return f"{error}: {message}"
        case {"error": inner}:
            return _words(inner)
        case {"loc": [*place], "msg": str() as message}:
            return f"{'.'.join(map(str, place))}: {message}"
        case {"message": str() as message} | {"msg": str() as message}:
            return message
        case None:
            return ""
        case _:
            return json.dumps(value, ensure_ascii=False)
