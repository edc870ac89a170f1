"""From a text to the JSON-RPC message in it, or to the answer that a text which is none may get."""

import json
import re
from contextlib import suppress

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from pydantic import ValidationError
from pydantic_core import from_json

from amber_mcp.protocol.bounds import MOST_CHARS, TooMuchError, check_message, check_text
from amber_mcp.text.json_values import well_formed_json
from amber_mcp.text.sanitise import quoted

END_BYTES = 4096
"""So much of the beginning and of the end of a text that is too large is looked at."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ID_LAST = re.compile(rb'"id"\s*:\s*(-?\d{1,18}|"[ !#-\[\]-~]{0,200}")\s*\}\s*$')


class UnreadableLineError(ValueError):
    """A line that holds no message.

    Args:
        code: of JSON-RPC.
        fault: what is wrong with the line.
        value: the JSON in it, or as much of it as can be told.
    """

    def __init__(self, code: int, fault: str, value: object) -> None:
        super().__init__(fault)
        self.error = ErrorData(code=code, message=fault)
        self.value = value

    @property
    def refusal(self) -> JSONRPCError | None:
        """The answer to whoever wrote the line; `None` where JSON-RPC forbids one.

        A notification is not answered. Nor is a response: two programs that do not understand each
        other would send each other errors for ever. Anything else may have been meant as a request.

        Where its id is not known, the refusal has none. JSON-RPC has `null` there, which MCP does
        not know, and which its clients refuse to read.
        """
        if not _may_be_answered(self.value):
            return None
        request_id = _id_in(self.value)
        if request_id is not None:
            return JSONRPCError(jsonrpc="2.0", id=request_id, error=self.error)
        fields = {"jsonrpc", "error"}
        return JSONRPCError.model_construct(fields, jsonrpc="2.0", id=None, error=self.error)

    @property
    def failure(self) -> JSONRPCError | None:
        """What to take a response for that cannot be read: whoever waits for it learns of that."""
        request_id = _id_in(self.value)
        if request_id is None or _may_be_answered(self.value):
            return None
        return JSONRPCError(jsonrpc="2.0", id=request_id, error=self.error)


async def read_message(line: bytes | bytearray) -> JSONRPCMessage:
    """The message that stands in a line.

    Raises:
        UnreadableLineError: if there is none, or it holds too much.
    """
    try:
        await check_text(line)
    except TooMuchError as error:
        value = beginning_of(line[:END_BYTES], line[-END_BYTES:])
        raise _too_much(error, value) from None
    return message_of(line)


def message_of(line: bytes | bytearray) -> JSONRPCMessage:
    """The same, for a line that passes `check_text`."""
    value = _json_of(line)
    try:
        check_message(value)
    except TooMuchError as error:
        raise _too_much(error, value) from None
    if isinstance(value, list):
        raise _not_a_message("it is a batch, and each message has to be sent by itself", value)
    if not isinstance(value, dict):
        raise _not_a_message("it is not an object", value)
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
        raise _not_a_message(f"its `{name}` is missing or is not as it must be", value) from None
    raise _not_a_message("it has no `method`", value)


def repeated_id(request_id: RequestId) -> UnreadableLineError:
    """What is wrong with a request whose id one has that is not answered yet.

    No client could tell their answers apart.
    """
    shown = quoted(request_id)
    fault = f"The id {shown} is that of a request which is not answered yet: give each its own."
    return UnreadableLineError(INVALID_REQUEST, fault, {"method": "", "id": request_id})


def encoded(message: JSONRPCMessage) -> bytes:
    """A message as it is sent."""
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


def beginning_of(head: bytes | bytearray, tail: bytes | bytearray = b"") -> dict[str, object]:
    """The members of an object that cannot be read as a whole, as far as they can be told.

    Args:
        head: what the line begins with, or all of it.
        tail: what the line ends with, if that is not all. Many clients write the id last.
    """
    try:
        value = from_json(head, allow_partial=True)
    except ValueError as error:
        tail = tail or head
        value = _before(error, head)
    members: dict[str, object] = value if isinstance(value, dict) else {}
    if found := _ID_LAST.search(tail):
        members.setdefault("id", from_json(found[1]))
    if not str(members.get("method", "notifications/")).startswith("notifications/"):
        members.setdefault("id", None)  # A request by its name: the id is in what is not read.
    return members


def _too_much(error: TooMuchError, value: object) -> UnreadableLineError:
    return UnreadableLineError(INVALID_REQUEST, f"The message has {error}.", value)


def _not_a_message(fault: str, value: object) -> UnreadableLineError:
    text = f"The message is not one of JSON-RPC 2.0: {fault}."
    return UnreadableLineError(INVALID_REQUEST, text, value)


def _json_of(line: bytes | bytearray) -> object:
    if line.startswith(_BYTE_ORDER_MARK):  # noqa: FURB188  # which copies all lines, however long
        line = line[len(_BYTE_ORDER_MARK) :]
    try:
        return from_json(line, allow_inf_nan=False)
    except ValueError as error:
        fault = error
    if _HALF.search(line):  # JavaScript cuts characters in two, and writes a half as an escape.
        with suppress(ValueError, RecursionError):
            return well_formed_json(json.loads(line, parse_constant=_refuse))
    ends = (line,) if len(line) <= 2 * END_BYTES else (line[:END_BYTES], line[-END_BYTES:])
    raise UnreadableLineError(
        PARSE_ERROR, f"The message is not JSON: {fault}.", beginning_of(*ends)
    )


def _refuse(constant: str) -> object:
    raise ValueError(f"JSON has no {constant}")


def _before(error: ValueError, text: bytes | bytearray) -> object:
    """What of a text can be read before the error in it."""
    column = int(str(error).rpartition(" ")[2])
    try:
        value: object = from_json(text[: column - 1], allow_partial=True)
    except ValueError:
        return None
    return value


def _id_in(value: object) -> RequestId | None:
    request_id = value.get("id") if isinstance(value, dict) else None
    if isinstance(request_id, str):
        return request_id if len(request_id) <= MOST_CHARS else None
    return request_id if type(request_id) is int else None


def _may_be_answered(value: object) -> bool:
    if isinstance(value, list):
        return not value or any(_may_be_answered(member) for member in value)
    if not isinstance(value, dict):
        return True
    if "method" in value:
        return "id" in value
    return not ("result" in value or "error" in value)
