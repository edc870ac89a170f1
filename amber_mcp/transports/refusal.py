"""The answer to a message that cannot be read, where it still tells which request it is."""

import json
import re

from mcp.types import ErrorData, JSONRPCError

_ID = rb'"id"\s*:\s*(-?\d{1,18}|"(?:[^"\\]|\\.){0,200}")'
_ID_FIRST = re.compile(rb"\s*\{[^{}\[\]]*?" + _ID)
_ID_LAST = re.compile(_ID + rb"\s*\}\s*$")


def refusal_of(head: bytes, tail: bytes, *, code: int, message: str) -> JSONRPCError | None:
    """An error response for a request whose line begins with `head` and ends with `tail`.

    The id is looked for before anything nested, or as the last member: clients write it at one of
    the two. Without one there is nobody to tell.
    """
    found = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    if found is None:
        return None
    try:
        request_id = json.loads(found[1])
    except ValueError:
        return None
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))
