"""Mentions: what a question holds that can be the argument of a function."""

import math
import re
from collections.abc import Callable

_QUOTED = re.compile(r'"([^"]+)"|„([^“”"]+)[“”"]|“([^”]+)”|«([^»]+)»|`([^`]+)`')
_NUMBER = re.compile(r"(?<![\w.,:-])-?\d+(?:\.\d+)?(?![\w:-]|[.,]\d)")
_WORD = re.compile(r"\w[\w'’&-]*")
_PLACED = re.compile(r"in|at|for|to|from|of|near|by|with|nach|für|bei|aus|von|über|zu|mit|im|am|um")
_ENDS = (".", "!", "?", ":")
_FORMATS = {
    "date": re.compile(r"\b\d{4}-\d\d-\d\d\b(?!T)"),
    "date-time": re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"),
    "time": re.compile(r"\b\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"),
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": re.compile(r"https?://[^\s\"'<>]+[^\s\"'<>.,!?]"),
    "uuid": re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
}


def words(text: str) -> list[str]:
    """The words of a text or of a name_like_this or likeThis, in small letters."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ").replace("-", " ")
    return [each.lower() for each in re.findall(r"\w+", apart)]


def plain(number: float) -> float:
    """A number, whole where it is whole."""
    return int(number) if float(number).is_integer() else number


def is_same(one: str, other: str) -> bool:
    """Whether two words are one, or one begins with the other and that has four letters."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= 4 and long.startswith(short))


class Mentions:
    """What can be an argument, each of them given away once, in the order of the question.

    Texts are what stands in quotes, then names: words with a capital letter that begin no
    sentence, those after a preposition first.
    """

    def __init__(self, question: str, known: frozenset[str] = frozenset()) -> None:
        self.question = " ".join(question.split())
        self.words = words(self.question)
        numbers = (float(each) for each in _NUMBER.findall(self.question))
        self._numbers = [plain(each) for each in numbers if math.isfinite(each)]
        quoted = ["".join(groups).strip() for groups in _QUOTED.findall(self.question)]
        unquoted = _QUOTED.sub(" . ", self.question)
        self._texts = [each for each in quoted if each] + _names(unquoted, known)

    def text(self, fits: Callable[[object], bool]) -> str | None:
        """The next quoted text or name that fits."""
        found = next((each for each in self._texts if fits(each)), None)
        if found is not None:
            self._texts.remove(found)
        return found

    def number(self, fits: Callable[[object], bool]) -> float | None:
        """The next number that fits."""
        found = next((each for each in self._numbers if fits(each)), None)
        if found is not None:
            self._numbers.remove(found)
        return found

    def formatted(self, kind: str, fits: Callable[[object], bool]) -> str | None:
        """The first date, address or id of a JSON schema's format that fits."""
        matches = _FORMATS[kind].findall(self.question) if kind in _FORMATS else []
        return next((each for each in matches if fits(each)), None)

    def has(self, name: str) -> bool:
        """Whether every word of a name occurs."""
        wanted = words(name)
        return bool(wanted) and all(
            any(is_same(each, word) for word in self.words) for each in wanted
        )


def _names(text: str, known: frozenset[str]) -> list[str]:
    """Runs of capitalised words; `known` words are the functions' own, and no names."""
    runs: list[tuple[bool, list[str]]] = []
    before, end = ".", 0
    for match in _WORD.finditer(text):
        word, between = match[0], text[end : match.start()]
        starts = before == "." or any(mark in between for mark in _ENDS)
        is_name = word[0].isupper() and not starts and word.lower() not in known
        if is_name and before == "name" and not between.strip():
            runs[-1][1].append(word)
        elif is_name:
            runs.append((_PLACED.fullmatch(before) is not None, [word]))
        before, end = "name" if is_name else word.lower(), match.end()
    ordered = sorted(runs, key=lambda run: not run[0])
    return [" ".join(run) for _, run in ordered]
