"""How much a message may hold. What holds more is refused before it is copied, walked or checked.

A value costs the checks behind this some 25 µs and 1 KB, most of it where it is wrong, so that
their number is what keeps a message from holding up all others. The length of texts costs little.
"""

import math
from typing import Any

import anyio.to_thread

from amber_mcp.text.json_values import holds_more_values

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

_LONG_BYTES = 262_144


class TooMuchError(ValueError):
    """Something holds more than it may; the text says of what, and the limit."""


async def check_text(text: bytes | bytearray) -> None:
    """Check JSON before it is parsed: values take up to a hundred times the memory of their text.

    Raises:
        TooMuchError: if more values stand in it than any message may hold.
    """
    most = MOST_ARGUMENT_VALUES + MOST_VALUES
    if len(text) < _LONG_BYTES:
        is_too_much = holds_more_values(text, most)
    else:
        is_too_much = await anyio.to_thread.run_sync(holds_more_values, text, most)
    if is_too_much:
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
