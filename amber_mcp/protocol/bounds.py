"""How much a message may hold. What holds more is refused before it is copied, walked or checked.

A value costs the checks behind this some 25 µs and 1 KB, most of it where it is wrong, so that
their number is what keeps a message from holding up all others. The length of texts costs little.
"""

import math
from functools import partial
from typing import Any

import anyio

MOST_ARGUMENT_VALUES = 10_000
"""Values in the arguments of a tool's call, those in lists and objects included."""
MOST_VALUES = 1_000
"""Values in a message besides these."""
MOST_CHARS = 100_000
"""Characters in a message besides these."""
MOST_HANDSHAKE_CHARS = 20_000
"""Characters in an `initialize`, which is kept as long as its session."""
MOST_DEPTH = 100
"""Lists and objects within each other."""

_PIECE = 65_536
_LONG = 262_144


class TooMuchError(ValueError):
    """Something holds more than it may; the text says of what, and the limit."""


async def check_text(text: bytes | bytearray) -> None:
    """Check JSON before it is parsed: values take up to a hundred times the memory of their text.

    Raises:
        TooMuchError: if more values stand in it than any message may hold.
    """
    most = MOST_ARGUMENT_VALUES + MOST_VALUES
    if _separators(text) >= most:
        count = partial(_separators_outside_texts, text, most)
        if (count() if len(text) < _LONG else await anyio.to_thread.run_sync(count)) >= most:
            raise TooMuchError(f"more than {most} values, which are the most")


def check_message(message: object) -> None:
    """Check a JSON-RPC message as it was parsed.

    Raises:
        TooMuchError: if it is more than a message may hold.
    """
    match message:
        case {"method": "tools/call", "params": {"arguments": arguments, **others}, **more}:
            check_value(arguments, MOST_ARGUMENT_VALUES)
            check_value([more, others], MOST_VALUES, MOST_CHARS)
        case {"method": "initialize"}:
            check_value(message, MOST_VALUES, MOST_HANDSHAKE_CHARS)
        case _:
            check_value(message, MOST_VALUES, MOST_CHARS)


def check_value(value: object, most: int, most_chars: float = math.inf) -> None:
    """Check how many values are in a value, how deep, and how long their texts are together.

    Raises:
        TooMuchError: if it is more than that, or deeper than `MOST_DEPTH`.
    """
    level: list[Any] = [value]
    values = chars = depth = 0
    while level:
        values += len(level)
        chars += sum(len(each) for each in level if isinstance(each, str))
        chars += sum(len(name) for each in level if isinstance(each, dict) for name in each)
        if values > most:
            raise TooMuchError(f"more than {most} values, which are the most")
        if chars > most_chars:
            raise TooMuchError(f"{chars} characters, and {most_chars} are the most")
        if depth > MOST_DEPTH:
            raise TooMuchError(f"lists or objects nested more than {MOST_DEPTH} deep")
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]


def _separators(text: bytes | bytearray) -> int:
    """How many values JSON text begins at the most: as many as it would without texts in it."""
    return sum(map(text.count, (b",", b"[", b"{")))


def _separators_outside_texts(text: bytes | bytearray, most: int) -> int:
    """The same but for what stands in texts; it ends where there are more than `most`.

    The text is taken in pieces, so that other threads get their turns.
    """
    found, quoted, rest = 0, False, b""
    for start in range(0, len(text), _PIECE):
        piece = rest + text[start : start + _PIECE]
        is_cut = (len(piece) - len(piece.rstrip(b"\\"))) % 2  # In the middle of an escape.
        piece, rest = piece[: len(piece) - is_cut], piece[len(piece) - is_cut :]
        parts = piece.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        found += _separators(b"".join(parts[quoted::2]))
        quoted ^= len(parts) % 2 == 0
        if found > most:
            break
    return found
