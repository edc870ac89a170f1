"""From a line to the JSON-RPC message in it."""

import re

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError
from pydantic_core import from_json

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class NotJsonError(ValueError):
    """A line that is not JSON."""

    code = PARSE_ERROR


class NotAMessageError(ValueError):
    """A line whose JSON, `value`, is not a message."""

    code = INVALID_REQUEST

    def __init__(self, fault: str, value: object) -> None:
        super().__init__(f"The line is not a JSON-RPC 2.0 message: {fault}.")
        self.value = value


def message_of(line: bytes | bytearray) -> JSONRPCMessage:
    """The message that stands in a line.

    Raises:
        NotJsonError: if the line cannot be read.
        NotAMessageError: if it holds something else.
    """
    value = _json_of(line)
    if isinstance(value, list):
        raise NotAMessageError("it is a batch, and each message needs a line of its own", value)
    if not isinstance(value, dict):
        raise NotAMessageError("it is not an object", value)
    try:
        if "method" in value:
            # The union of all kinds would take a request with a faulty id for a notification.
            request = "id" in value
            return (JSONRPCRequest if request else JSONRPCNotification).model_validate(value)
        if "result" in value:
            return JSONRPCResponse.model_validate(value)
        if "error" in value:
            return JSONRPCError.model_validate(value)
    except ValidationError as error:
        name = error.errors(include_url=False, include_input=False)[0]["loc"][0]
        raise NotAMessageError(f"its `{name}` is missing or is not as it must be", value) from None
    raise NotAMessageError("it has no `method`", value)


def _json_of(line: bytes | bytearray) -> object:
    if line.startswith(_BYTE_ORDER_MARK):  # noqa: FURB188  # which copies all lines, however long
        line = line[len(_BYTE_ORDER_MARK) :]
    try:
        return _parsed(line)
    except NotJsonError:
        if not _HALF.search(line):
            raise
    return _parsed(_ESCAPE.sub(_replacement, line))


def _parsed(line: bytes | bytearray) -> object:
    try:
        return from_json(line, allow_inf_nan=False)
    except ValueError as error:
        raise NotJsonError(f"The line is not JSON: {error}.") from None


def _replacement(escape: re.Match[bytes]) -> bytes:
    """JavaScript cuts characters in two, and writes a half as an escape that has no meaning."""
    return rb"\ufffd" if escape["half"] else escape[0]
