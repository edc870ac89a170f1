"""Text that cannot steer what shows it: a terminal, or a list in a window."""

import re

from .json_values import well_formed

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
