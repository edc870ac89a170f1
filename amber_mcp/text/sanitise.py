"""Text that cannot steer what shows it: an answer, a line of a list, a terminal, an error."""

import re

from .json_values import well_formed
from .markdown import without_images

_MAX_CHARS = 80
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?"
)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2060-\u2064\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    r"|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+"
)
"""Control characters but tab and newline, and what can hold text that nobody sees."""
_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]"
)
"""What Unicode calls default ignorable, but the marks that choose the form of an emoji."""
_LINK_OR_TAG = re.compile(r"(?<=\])(?=[(\[])|(?<=<)(?=[A-Za-z/!?])")


def answer_text(text: str) -> str:
    """The text of an answer: nothing that steers what shows it, nothing that a host fetches."""
    text = _ESCAPE_SEQUENCE.sub("", re.sub("\r\n|[\u2028\u2029]", "\n", well_formed(text)))
    return without_images(strip_controls(text))


def strip_controls(text: str) -> str:
    """`text` without control and escape characters, or changes of the writing direction."""
    return _DIRECTION.sub("", _CONTROL.sub("", well_formed(text)))


def single_line(text: str) -> str:
    """Text from outside that is to stand in a line of our own: it cannot end the line, be a link,
    an image or a tag of Markdown or HTML, or hide anything.
    """
    line = " ".join(_ESCAPE_SEQUENCE.sub("", well_formed(text)).split())
    line = without_images(_INVISIBLE.sub("", _CONTROL.sub("", line)))
    return _LINK_OR_TAG.sub(" ", line)


def one_line(text: str, *, max_chars: int) -> str:
    """The beginning of `single_line`."""
    line = single_line(text[: 4 * max_chars])
    return line if len(line) <= max_chars else f"{line[: max_chars - 1].rstrip()}…"


def as_name(text: str, *, max_chars: int) -> str:
    """What is called so, in a line: in quotation marks, if it is more than a name."""
    line = one_line(text, max_chars=max_chars)
    is_name = re.fullmatch(r"[\w.:/@+-]*", line) and not re.search(r"://|www\.", line)
    return line if is_name else in_quotes(line)


def in_quotes(text: str) -> str:
    """Text in quotation marks that it cannot close."""
    return '"' + text.replace('"', "'") + '"'


def is_plain(text: str, *, max_chars: int) -> bool:
    """Whether `text` is short, and can stand in a line as it is: as an id should."""
    return 0 < len(text) <= max_chars and single_line(text) == text


def plain_id(value: object) -> str:
    """The id that `value` is: a number, or a short text without blanks. Else ""."""
    text = str(value).strip() if isinstance(value, str) or type(value) is int else ""
    return text if re.fullmatch(r"(?!.*://)[\w.:/@+=~-]{1,200}", text) else ""


def quoted(value: object) -> str:
    """A value as Python writes it, cut where it is long."""
    try:
        return truncate(repr(value[: 2 * _MAX_CHARS] if isinstance(value, str) else value))
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or a deep one
        return "what is there"


def truncate(text: str) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
