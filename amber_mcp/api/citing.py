"""The numbers of an answer's sources: those in its text and those in its list agree.

Where the text marks a number, it is that of the entry in the API's list, or of the link or footnote
that has it; the other sources get the numbers that are left.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .links import links_in
from .sources import MAX_SOURCES, Found, found
from .types import Source
from .web_address import leads_here

_NUMBERS = re.compile(r"\[(?:\^|doc ?)?(\d{1,4}(?:\s{0,3}[-–,;]\s{0,3}\d{1,4})*)\]")
_RANGE = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")
_MAX_RANGE = 50
# `【4:0†title】` and `【1†source】`, as OpenAI's assistants mark what they cite.
_MARK = re.compile(r"【([^【】†\n]{0,40})†([^【】\n]{0,300})】")
_HALF_MARK = re.compile(r"【[^【】]{0,350}$")
_NO_TITLE = re.compile(r"(?i)source|L\d+(?:-L?\d+)?")


def with_sources(
    text: str, listed: Sequence[Found], *, is_cut: bool, is_local: bool
) -> tuple[str, tuple[Source, ...]]:
    """An answer's text, its marks as numbers, and its sources, by number.

    Takes up to some seconds for hostile text: call it in a worker thread.

    Args:
        listed: what the answer's fields list.
        is_cut: whether the end of the text is missing.
        is_local: whether the API is on this machine, where its sources may be as well.
    """
    if is_cut:
        text = _HALF_MARK.sub("", text)
    marks = [(match[0], match[1].strip(), match[2].strip()) for match in _MARK.finditer(text)]
    marked = {*_marked(text), *(int(number) for _, number, _ in marks if _is_number(number))}
    numbers = _Numbers(is_local, marked - {0})
    for origin in ("citation", "annotation"):
        numbers.add(each for each in listed if each.origin == origin)
    for mark, number, title in marks[:MAX_SOURCES]:
        numbers.add_mark(mark, number, title)
    text = _MARK.sub(numbers.replacement, text)
    # A link that the cut runs through is none: what is left of it leads elsewhere.
    links = links_in(re.sub(r"(?<!\S)\S+$", "", text) if is_cut else text)
    if not (listed or marks or any(link.number for link in links)):
        numbers.marked = set()  # What the text marks can be nothing but its links, in order.
    numbers.add(links)
    return text, numbers.sources()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 5


def _marked(text: str) -> Iterator[int]:
    """The numbers in brackets: `[2]`, `[^2]`, `[doc2]`, `[1, 3-5]`."""
    for numbers in _NUMBERS.finditer(text):
        for first, last in _RANGE.findall(numbers[1]):
            yield from range(int(first), min(int(last or first), int(first) + _MAX_RANGE) + 1)


@dataclass
class _Numbers:
    """The sources by the numbers that they get. `marked` are those that the text has."""

    is_local: bool
    marked: set[int]
    _sources: dict[int, Found] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)
    """By address, or by place and title."""
    _called: dict[str, int] = field(default_factory=dict)
    """By what the text may call a source: its title, or its mark."""
    _free: int = 1

    def sources(self) -> tuple[Source, ...]:
        """All of them, in order."""
        return tuple(
            Source(number, each.title, each.url, each.place, each.origin)
            for number, each in sorted(self._sources.items())
        )

    def add(self, sources: Iterable[Found]) -> None:
        """Take in what may be sources: what is known already gives no more than its title."""
        for each in sources:
            if self.is_local or not leads_here(each.url):
                self._add(each)

    def add_mark(self, mark: str, number: str, title: str) -> None:
        """Take in a mark, which means a listed source, or else is one itself by its title."""
        own = int(number) if _is_number(number) else 0
        known = self._called.get(mark) or self._called.get(title) or own * (own in self._sources)
        if not known and not _NO_TITLE.fullmatch(title):
            place = title if "://" in title else ""
            known = max(map(self._add, found(title, place, "link", number=own)), default=0)
        self._called[mark] = known or own

    def replacement(self, mark: re.Match[str]) -> str:
        """What stands in the text instead of a mark."""
        number = self._called.get(mark[0])
        before = mark.string[mark.start() - 1 : mark.start()]
        blank = " " if before.strip("】([") and not before.isspace() else ""
        return f"{blank}[{number}]" if number else ""

    def _add(self, source: Found) -> int:
        """Take in a source, and return its number."""
        key = source.url or f"{source.place}\n{source.title}"
        known = self._known.get(key, 0)
        if known and self._sources[known].title == source.url:
            self._sources[known] = replace(self._sources[known], title=source.title)
        number = source.number
        if number not in self.marked or number in self._sources:
            number = known or self._next_free()
        self._sources.setdefault(number, source)
        self._known.setdefault(key, number)
        for name in filter(None, (source.title, source.mark)):
            self._called.setdefault(name, number)
        return number

    def _next_free(self) -> int:
        while self._free in self.marked or self._free in self._sources:
            self._free += 1
        return self._free
