"""The answer to a line that is not a message, if there may be one.

JSON-RPC forbids to answer a notification. Nor may a response be answered: two programs that do not
understand each other would then send each other errors for ever; whoever waits for the response is
told that it failed. Whatever else stands in a line may have been meant as a request, and whoever
wrote it is told.
"""

import re
from collections.abc import Iterator

from mcp.types import ErrorData, JSONRPCError, RequestId
from pydantic_core import from_json

_NAMES = {f'"{name}"'.encode(): name for name in ("id", "method", "result", "error")}
_TOKEN = re.compile(rb'(?P<text>"(?:[^"\\]|\\.)*")(?P<colon>\s*:\s*)?|[\[\]{}"]')
_SCALAR = re.compile(rb'-?\d{1,18}(?=[\s,}])|"(?:[^"\\]|\\.)*"')
_ID_LAST = re.compile(rb'"id"\s*:\s*(-?\d{1,18}|"(?:[^"\\]|\\.){0,200}")\s*\}\s*$')


def refusal_of(value: object, *, code: int, message: str) -> JSONRPCError | None:
    """An error response to `value`, which is JSON but not a message; `None` where none may be.

    Without an id that can be told, the response has none. JSON-RPC has `null` there, which MCP
    does not know, and which its clients refuse to read.
    """
    if not _may_be_answered(value):
        return None
    error = ErrorData(code=code, message=message)
    request_id = _id_in(value)
    if request_id is not None:
        return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)
    told = {"jsonrpc", "error"}
    return JSONRPCError.model_construct(told, jsonrpc="2.0", id=None, error=error)


def failure_of(value: object, *, code: int, message: str) -> JSONRPCError | None:
    """An error in place of `value`, if that is a response, though not one that can be read."""
    request_id = _id_in(value)
    if request_id is None or _may_be_answered(value):
        return None
    error = ErrorData(code=code, message=message)
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)


def _id_in(value: object) -> RequestId | None:
    request_id = value.get("id") if isinstance(value, dict) else None
    is_id = isinstance(request_id, str) or type(request_id) is int
    return request_id if is_id else None


def _may_be_answered(value: object) -> bool:
    if isinstance(value, list):
        return not value or any(_may_be_answered(member) for member in value)
    if not isinstance(value, dict):
        return True
    if "method" in value:
        return "id" in value
    return not ("result" in value or "error" in value)


def seen_in(head: bytes | bytearray, tail: bytes | bytearray) -> dict[str, object]:
    """The members `id`, `method`, `result` and `error` of an object that cannot be read as a whole.

    Its line begins with `head`, and ends with `tail` if that is not all. No member is guessed: it
    counts where nothing else is open in `head`, and an id also as the end of `tail`.
    """
    seen = dict(_members(head))
    if found := _ID_LAST.search(tail):
        seen.setdefault("id", _scalar(found[1]))
    if "method" in seen and not str(seen["method"]).startswith("notifications/"):
        # A request by its name: the id is in what cannot be read.
        seen.setdefault("id", None)
    return seen


def _members(head: bytes | bytearray) -> Iterator[tuple[str, object]]:
    depth = 0
    for token in _TOKEN.finditer(head):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"':
                return  # A text without an end.
            case _ if depth == 1 and token["colon"] and token["text"] in _NAMES:
                value = _SCALAR.match(head, token.end())
                yield _NAMES[token["text"]], _scalar(value[0]) if value else None


def _scalar(text: bytes | bytearray) -> object:
    try:
        value: object = from_json(text)
    except ValueError:
        return None
    return value
