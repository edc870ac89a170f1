"""Tokens: words with the space after them, as nothing here has a model's tokens."""

import re
from collections.abc import Iterable

_PIECE = re.compile(r"(?:\S+\s*){1,5}|\s+")
_TOKEN = re.compile(r"\S+\s*|\s+")


def count(text: str) -> int:
    """How long a text is."""
    return len(text.split())


def pieces(text: str) -> list[str]:
    """A text as a stream sends it: a few words a time."""
    return _PIECE.findall(text)


def cut(text: str, stop: Iterable[str] = (), most: int | None = None) -> tuple[str, str]:
    """A text up to where it has to end, and why it ends: `stop`, or `length`.

    It ends before the first of the `stop` texts, which is left out, and after the `most` tokens.
    """
    ends = [text.find(each) for each in stop if each]
    text = text[: min((end for end in ends if end >= 0), default=len(text))]
    tokens: list[str] = _TOKEN.findall(text)
    if most is not None and len(tokens) > most:
        return "".join(tokens[:most]).rstrip(), "length"
    return text, "stop"
