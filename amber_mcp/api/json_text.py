"""JSON as it comes: read without surprises, and text that can be written again."""

import json
import math
from collections.abc import Mapping

from amber_mcp.errors import InvalidRequest

from .types import Json

_DEEPEST = 100
_MOST_BITS = 1024


class TooDeepError(ValueError):
    """JSON that is nested too deeply to be read, copied or written."""


def parse_json(text: str | bytes) -> Json:
    """The value that `text` holds.

    Raises:
        ValueError: if it holds none; `TooDeepError` if it is nested too deeply.
    """
    try:
        value: Json = json.loads(text)
    except RecursionError:
        raise TooDeepError from None
    if _is_too_deep(value):
        raise TooDeepError
    return value


def sendable(body: Mapping[str, Json]) -> dict[str, Json]:
    """A body that can be written as JSON: its texts are mended.

    Raises:
        InvalidRequest: if it holds a number that JSON does not have.
    """
    return {mended(key): _checked(mended_json(value), key) for key, value in body.items()}


def _checked(value: Json, place: str) -> Json:
    match value:
        case float() if not math.isfinite(value):
            raise InvalidRequest(f"`{place}` is not a finite number: {value}")
        case int() if value.bit_length() > _MOST_BITS:
            raise InvalidRequest(f"`{place}` is a number too large to be sent")
        case list():
            for number, item in enumerate(value):
                _checked(item, f"{place}.{number}")
        case dict():
            for key, item in value.items():
                _checked(item, f"{place}.{key}")
    return value


def _is_too_deep(value: Json) -> bool:
    """Whether it is nested so deeply that what copies or writes it may run out of stack."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def shown_json(value: object) -> bytes:
    """A value as JSON, to be quoted in an error."""
    return json.dumps(value, default=str).encode()


def mended(text: str) -> str:
    """`text` with the halves of split characters joined; a half that is left alone is replaced.

    A stream may cut a character outside the basic plane in two, and half a character cannot be
    written as UTF-8.
    """
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def mended_json(value: Json) -> Json:
    """A value with all of its texts mended."""
    match value:
        case str():
            return mended(value)
        case list():
            return [mended_json(item) for item in value]
        case dict():
            return {mended(key): mended_json(item) for key, item in value.items()}
        case _:
            return value
