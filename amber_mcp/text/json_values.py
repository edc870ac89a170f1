"""JSON from outside: read within limits, and made fit to be written again."""

import json
import math
import re

from pydantic import JsonValue

MAX_VALUES = 50_000
_MAX_DEPTH = 100
_MAX_BITS = 1024
_PIECE_BYTES = 65_536
_LONGEST_SCALAR = 40
_SCALAR = re.compile(r"true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-]?[0-9]+)?")


class UnreadableJsonError(ValueError):
    """JSON that would take too long to read or to write; the message ends a sentence on it."""


def parse_json(text: str | bytes | bytearray) -> JsonValue:
    """The value that `text` holds, which is UTF-8 where it is bytes.

    Reading takes at most some 50 ms for 50,000 values, during which nothing else runs.

    Raises:
        ValueError: if it holds none; `UnreadableJsonError` if it is nested too deeply, or has
            more than 50,000 values.
    """
    if len(text) > MAX_VALUES:
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        if holds_more_values(raw, MAX_VALUES):
            raise UnreadableJsonError(f"holds more than {MAX_VALUES:,} values")
    if not isinstance(text, str):
        text = text.decode("utf-8-sig", "surrogatepass")
    try:
        value: JsonValue = json.loads(text)
    except RecursionError:
        raise UnreadableJsonError("is nested too deeply") from None
    if _is_too_deep(value):
        raise UnreadableJsonError("is nested too deeply")
    return value


def holds_more_values(text: bytes | bytearray, most: int) -> bool:
    """Whether JSON text holds more values than `most`, before anything is made of it.

    What only looks like it, in texts, does not count. Long text is taken in pieces, so that other
    threads get their turns: some ms a megabyte.
    """
    if _separators(text) < most:
        return False
    found, quoted, rest = 0, False, b""
    for start in range(0, len(text), _PIECE_BYTES):
        piece = rest + text[start : start + _PIECE_BYTES]
        is_cut = (len(piece) - len(piece.rstrip(b"\\"))) % 2  # In the middle of an escape.
        piece, rest = piece[: len(piece) - is_cut], piece[len(piece) - is_cut :]
        parts = piece.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        found += _separators(b"".join(parts[quoted::2]))
        quoted ^= len(parts) % 2 == 0
        if found >= most:
            return True
    return False


def _separators(text: bytes | bytearray) -> int:
    """How many values JSON text begins at the most: as many as it would without texts in it."""
    return sum(map(text.count, (b",", b"[", b"{")))


def scalar_in(text: str) -> str | float | bool:
    """The number or the truth value that a short text stands for exactly; else the text."""
    word = text[:_LONGEST_SCALAR].strip().lower()
    if len(text) < _LONGEST_SCALAR and _SCALAR.fullmatch(word):
        value: float | bool = json.loads(word)
        return value if math.isfinite(value) else text
    return text


def encodable(value: JsonValue, place: str = "") -> JsonValue:
    """A value that can be written as JSON in UTF-8: its texts are made well-formed.

    Raises:
        ValueError: naming the place of a number that JSON does not have, or that is too large.
    """
    match value:
        case str():
            return well_formed(value)
        case list():
            return [encodable(item, f"{place}.{number}") for number, item in enumerate(value)]
        case dict():
            prefix = f"{place}." if place else ""
            return {well_formed(key): encodable(it, prefix + key) for key, it in value.items()}
        case float() if not math.isfinite(value):
            raise ValueError(f"`{place}` is not a finite number: {value}")
        case int() if value.bit_length() > _MAX_BITS:
            raise ValueError(f"`{place}` is a number too large to be sent")
    return value


def _is_too_deep(value: JsonValue) -> bool:
    """Whether copying or writing it recursively may exhaust the stack."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def dump_json(value: object) -> bytes:
    """A value as JSON, to be quoted in an error; what JSON does not have is written as text."""
    return json.dumps(value, default=str).encode()


def well_formed(text: str) -> str:
    """`text` with surrogate pairs joined, and lone surrogates replaced by U+FFFD.

    A stream may cut a character outside the basic plane in two, and a lone surrogate cannot be
    written as UTF-8.
    """
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def well_formed_json(value: JsonValue) -> JsonValue:
    """A value with all of its texts well-formed."""
    match value:
        case str():
            return well_formed(value)
        case list():
            return [well_formed_json(item) for item in value]
        case dict():
            return {well_formed(key): well_formed_json(item) for key, item in value.items()}
        case _:
            return value
