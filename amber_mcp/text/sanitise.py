"""Text that cannot steer what shows it (a terminal, a list), and values that an error repeats."""

import re

from .json_values import well_formed

_MAX_CHARS = 80
_STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def strip_controls(text: str) -> str:
    """`text` without control and escape characters, or changes of the writing direction."""
    return _STEERING.sub("", well_formed(text))


def one_line(text: str, *, max_chars: int) -> str:
    """The beginning of a text, harmless and without breaks, for a list."""
    line = strip_controls(" ".join(text[: 2 * max_chars].split()))
    return line if len(line) <= max_chars else f"{line[: max_chars - 1].rstrip()}…"


def quoted(value: object) -> str:
    """A value as Python writes it, cut where it is long."""
    try:
        return truncate(repr(value[: 2 * _MAX_CHARS] if isinstance(value, str) else value))
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or a deep one
        return "what is there"


def truncate(text: str) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
