"""From what HTTP answers to errors: every shape of an error body.

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
from amber_mcp.redaction import CUT

from .json_text import mended, parse_json

MAX_ERROR_BYTES = 64 * 1024
_MAX_WORDS = 8000
_KINDS: Mapping[int, type[AmberError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    408: UpstreamTimeout,
    409: InvalidRequest,
    413: TooLarge,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    504: UpstreamTimeout,
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
_ENTITY_NOT_FOUND = b"EntityNotFound"
# As nginx words it: that a body speaks of certificates may be a question that it repeats.
_NO_CLIENT_CERTIFICATE = (b"No required SSL certificate was sent", b"The SSL certificate error")
CLIENT_CERTIFICATE = (
    "Set AMBER_CLIENT_CERT and AMBER_CLIENT_KEY to a certificate that your IT department issued "
    "for this purpose and that has not expired."
)


def failure_of(response: httpx2.Response, body: bytes) -> AmberError:
    """The error that a response with a status other than 2xx stands for."""
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
            upstream=words_of(body),
            advice=CLIENT_CERTIFICATE,
        )
    kind = _KINDS.get(status, InvalidRequest if 400 <= status < 500 else UpstreamError)
    if status in (400, 404, 500) and _ENTITY_NOT_FOUND in body:
        kind = NotFound
    suggested = _suggested_in(body)
    wait = _retry_after(response)
    return (NotFound if suggested else kind)(
        _what_happened(status),
        status=status,
        upstream=words_of(body),
        request_id=request_id_of(response),
        advice=f"Perhaps you mean {suggested}." if suggested else _limits_told(response, wait),
        retry_after=wait,
    )


def _retry_after(response: httpx2.Response) -> float | None:
    """The seconds to wait, from either form of `Retry-After` (RFC 9110, section 10.2.3)."""
    told = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", told):
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds > 3 * unit:
            return f"{math.ceil(seconds / unit)} {name}"
    return f"{math.ceil(seconds)} s"


def _limits_told(response: httpx2.Response, wait: float | None) -> str:
    """What the headers say: which limit is used up, and how long to wait."""
    headers = response.headers
    used_up = [
        f"the limit of {_count(headers.get(f'x-ratelimit-limit-{what}', ''))} {what}"
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    parts = [f"{' and '.join(used_up)} is used up."] if used_up else []
    parts += [f"Wait {_duration(wait)} before the next call."] if wait is not None else []
    return " ".join(parts)


def _count(told: str) -> str:
    return told if re.fullmatch(r"[0-9]{1,12}", told) else "?"


def _suggested_in(body: bytes) -> str:
    """The models that Morpheus suggests for a name that is nearly one (section 9)."""
    try:
        match parse_json(body):
            case {"error": {"suggestions": [*names]}}:
                return ", ".join(bounded(str(name))[:80] for name in names[:5])
    except ValueError:
        pass
    return ""


def failure_in(error: object, response: httpx2.Response) -> AmberError:
    """The error that an `error` object inside a 200 answer stands for."""
    kinds: list[type[AmberError]] = []
    if isinstance(error, Mapping):
        for name in ("status", "code", "type"):
            told = str(error.get(name))
            named = _KINDS.get(int(told)) if re.fullmatch(r"\d{3}", told) else _TYPES.get(told)
            kinds += [named] if named else []
    return next(iter(kinds), UpstreamError)(
        "the API reported a failure instead of an answer",
        upstream=bounded(_words_in({"error": error})),
        request_id=request_id_of(response),
    )


def words_of(body: bytes) -> str:
    """The upstream's own words in an error body, on one line, bounded."""
    text = body.decode("utf-8", "replace")
    try:
        return bounded(_words_in(parse_json(text)))
    except ValueError:
        pass
    if "<html" in text.lower() or "<!doctype" in text.lower():
        shown = text[: 2 * _MAX_WORDS]
        text = unescape(re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<[^<>]+>", " ", shown))
    return bounded(text)


def request_id_of(response: httpx2.Response) -> str:
    """The id under which the upstream knows the request, where it tells."""
    request_id = response.headers.get("x-request-id", "")
    return request_id if re.fullmatch(r"[\w.:/+=-]{1,128}", request_id) else ""


def _what_happened(status: int) -> str:
    match status:
        case 401:
            return "the API refused the key"
        case 402:
            return "the API asks for payment"
        case 403:
            return "the API does not allow this with the key"
        case 404:
            return "the API does not know what was asked for"
        case 413:
            return "the API finds it too large"
        case 429:
            return "the API takes no more requests for now"
        case 408 | 504:
            return "the API, or a gateway before it, gave up waiting"
        case _ if status < 500:
            return "the API refused the request"
        case _:
            return "the API failed"


def _words_in(value: object) -> str:
    match value:
        case str():
            return value
        case {"detail": list() as details}:
            return "; ".join(_validation_words(detail) for detail in details)
        case {"detail": detail}:
            return _words_in(detail)
        case {"error": str() as error, "message": str() as message}:
            return f"{error}: {message}"
        case {"error": error}:
            return _words_in(error)
        case {"message": str() as message}:
            return message
        case {"msg": str() as message}:
            return message
        case None:
            return ""
        case _:
            return json.dumps(value, ensure_ascii=False)


def _validation_words(detail: object) -> str:
    match detail:
        case {"loc": list() as place, "msg": str() as message}:
            return f"{'.'.join(str(part) for part in place)}: {message}"
        case _:
            return _words_in(detail)


def bounded(text: str) -> str:
    """`text` on one line, printable, and not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in mended(text)).split())
    return line if len(line) <= _MAX_WORDS else line[:_MAX_WORDS] + CUT
