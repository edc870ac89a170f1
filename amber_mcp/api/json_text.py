"""JSON as it comes: read without surprises, and text that can be written again."""

import json

from .types import Json


def parse_json(text: str | bytes) -> Json:
    """The value that `text` holds.

    Raises:
        ValueError: if it holds none, or one that is nested too deeply to be read.
    """
    try:
        value: Json = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


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
