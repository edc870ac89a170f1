"""From what HTTP answers to errors: every shape of an error body, and every way to have none.

The shapes are those that amber-api.md lists: FastAPI's `{"detail": "…"}` and `{"detail": [{loc,
msg, type}]}`, OpenAI's `{"error": {…}}`, `{"error": "…"}`, `{"error", "message"}`, plain text
and HTML.
"""

import json
import re
from collections.abc import Mapping
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

MAX_ERROR_BYTES = 64 * 1024
_MAX_WORDS = 600
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


def failure_of(response: httpx2.Response, body: bytes) -> AmberError:
    """The error that a response with a status other than 2xx stands for."""
    status = response.status_code
    if 300 <= status < 400:
        return UpstreamError(
            "amber answered with a redirect, which is not followed because the key would go along",
            status=status,
            advice="Check AMBER_BASE_URL: it should be the address that the redirect leads to.",
        )
    kind = _KINDS.get(status, InvalidRequest if 400 <= status < 500 else UpstreamError)
    retry_after = response.headers.get("retry-after", "")
    return kind(
        _what_happened(status),
        status=status,
        upstream=words_of(body),
        request_id=request_id_of(response),
        advice=f"amber asks to wait {retry_after} s before the next call."
        if kind is RateLimited and retry_after.isdecimal()
        else "",
    )


def failure_in(error: object, response: httpx2.Response) -> AmberError:
    """The error that an `error` object inside a 200 answer stands for."""
    status = error.get("status", error.get("code")) if isinstance(error, Mapping) else None
    kind = _KINDS.get(status, UpstreamError) if isinstance(status, int) else UpstreamError
    return kind(
        "amber reported a failure instead of an answer",
        upstream=_bounded(_words_in({"error": error})),
        request_id=request_id_of(response),
    )


def failure_to_reach(error: httpx2.HTTPError, host: str) -> AmberError:
    """The error that a failed exchange stands for. The request's address never goes in whole."""
    match error:
        case httpx2.ConnectTimeout():
            return UpstreamUnreachable(
                f"no connection to {host} in time",
                advice="Check the network and the proxy, or raise AMBER_CONNECT_TIMEOUT.",
            )
        case httpx2.TimeoutException():
            return UpstreamTimeout(
                f"{host} was silent for too long", advice="Ask again, or raise AMBER_READ_TIMEOUT."
            )
        case httpx2.ProxyError():
            return UpstreamUnreachable(
                f"the proxy on the way to {host} refused",
                advice="Check HTTPS_PROXY and NO_PROXY.",
            )
        case httpx2.ConnectError() if "CERTIFICATE" in str(error).upper():
            return UpstreamUnreachable(
                f"the certificate of {host} could not be verified",
                upstream=_bounded(str(error)),
                advice="Install your company's authority in the system's trust store, "
                "or point SSL_CERT_FILE at it.",
            )
        case httpx2.ConnectError():
            return UpstreamUnreachable(f"no connection to {host}", upstream=_bounded(str(error)))
        case _:
            return UpstreamUnreachable(
                f"the connection to {host} broke", upstream=_bounded(str(error))
            )


def words_of(body: bytes) -> str:
    """The upstream's own words in an error body, on one line, bounded."""
    text = body.decode("utf-8", "replace")
    try:
        return _bounded(_words_in(json.loads(text)))
    except ValueError:
        pass
    if "<html" in text.lower() or "<!doctype" in text.lower():
        text = unescape(re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<[^>]+>", " ", text))
    return _bounded(text)


def request_id_of(response: httpx2.Response) -> str:
    """The id under which the upstream knows the request, where it tells."""
    request_id = response.headers.get("x-request-id", "")
    return request_id if re.fullmatch(r"[\w.:/+=-]{1,128}", request_id) else ""


def _what_happened(status: int) -> str:
    match status:
        case 401:
            return "amber refused the key"
        case 402:
            return "amber asks for payment"
        case 403:
            return "amber does not allow this with the key"
        case 404:
            return "amber does not know what was asked for"
        case 413:
            return "amber finds it too large"
        case 429:
            return "amber takes no more requests for now"
        case 408 | 504:
            return "amber, or a gateway before it, gave up waiting"
        case _ if status < 500:
            return "amber refused the request"
        case _:
            return "amber failed"


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


def _bounded(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MAX_WORDS else f"{line[:_MAX_WORDS]}… (cut)"
