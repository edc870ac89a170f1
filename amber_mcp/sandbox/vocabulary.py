"""The vocabulary: the words of one collection, which tell what longer words are made of.

German writes compounds as one word and bends its verbs from both ends. Both are undone with
words that the collection or the thesaurus knows, never by guessing.
"""

from collections import Counter
from collections.abc import Iterable

from .words import Lexicon, fold, parse

_LINKS = ("", "s", "es", "n", "en", "er", "e", "nen")
_SHORTEST_PART = 3
_SHORTEST_UNLISTED_PART = 4
_SHORTEST_COMPOUND = 7
_VERB_ENDS = ("t", "st", "et", "te", "ten", "tet", "en")
_LONGEST_PREFIX = 5
_SHORTEST_ROOT = 4


class Vocabulary:
    """The words of one collection, which is what takes its compounds apart."""

    def __init__(self, lexicon: Lexicon, also: Iterable[str] = ()) -> None:
        self.lexicon = lexicon
        self.counts: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        self._also = {
            fold(word): word for word in also if len(word) >= _SHORTEST_PART and word.isalpha()
        }
        self._parts: dict[str, tuple[str, ...]] = {}

    def _learn(self, written: str) -> None:
        long_enough = len(written) >= _SHORTEST_UNLISTED_PART
        if long_enough and written.isalpha() and not self.lexicon.is_filler(written):
            stem = self.lexicon.stems(written)[0]
            self._known.setdefault(fold(written), stem)
            if len(stem) >= _SHORTEST_UNLISTED_PART and stem not in self.lexicon.fillers:
                self._known.setdefault(stem, stem)

    def _stem(self, text: str) -> str | None:
        """The stem of a known word, or of one that the thesaurus lists."""
        if (known := self._known.get(text)) is None and (listed := self._also.get(text)):
            known = self._known[text] = self.lexicon.stems(listed)[0]
        return known

    def add(self, counted: Counter[str]) -> None:
        """Learn the written words of a collection, before any compound is taken apart."""
        for raw, count in counted.items():
            word = parse(raw)
            for text in (word.text, *word.pieces):
                self._learn(text)
                for stem in self.lexicon.stems(text):
                    self.counts[stem] += count

    def roots(self, word: str) -> list[str]:
        """Known stems of which a German verb form is made: `brennt`, `gemeldet`, `einzureichen`."""
        lower = fold(word)
        forms = {lower[: -len(end)] for end in _VERB_ENDS if lower.endswith(end)}
        for form in (lower, *forms):
            for mark in ("ge", "zu"):
                at = form.find(mark)
                if 0 <= at <= _LONGEST_PREFIX:
                    forms.add(form[:at] + form[at + len(mark) :])
        stems = {self.lexicon.stems(form)[0] for form in forms if len(form) >= _SHORTEST_ROOT}
        known = {stem for stem in stems if len(stem) >= _SHORTEST_ROOT and self._stem(stem)}
        return sorted(known.difference(self.lexicon.stems(word)))

    def parts(self, written: str) -> tuple[str, ...]:
        """The stems of the words that a compound is made of; none for a simple word."""
        stem = self.lexicon.stems(written)[0]
        if stem not in self._parts:
            self._parts[stem] = tuple(dict.fromkeys(self._take_apart(stem, fold(written))))
        return self._parts[stem]

    def _take_apart(self, stem: str, folded: str) -> list[str]:
        if len(folded) < _SHORTEST_COMPOUND or not folded.isalpha():
            return []
        best: tuple[tuple[int, int], str, str] | None = None
        ends: list[tuple[int, str]] = []
        for cut in range(_SHORTEST_PART, len(stem) - _SHORTEST_PART + 1):
            right = self._stem(stem[cut:]) or self._stem(folded[cut:])
            if right is None:
                continue
            ends.append((cut, right))
            for link in _LINKS:
                left = self._left(stem[:cut], link)
                if left is None or left == stem:
                    continue
                rank = (min(cut - len(link), len(stem) - cut), -len(link))
                if best is None or rank > best[0]:
                    best = (rank, left, right)
        if best is not None:
            _, left, right = best
            return [each for part in (left, right) for each in self._with_parts(part)]
        for cut, right in ends:
            if before := self._take_apart(stem[:cut].removesuffix("s"), stem[:cut]):
                return [*before, *self._with_parts(right)]
        return []

    def _with_parts(self, part: str) -> list[str]:
        return [part, *self._take_apart(part, part)]

    def _left(self, text: str, link: str) -> str | None:
        return self._stem(text.removesuffix(link)) if text.endswith(link) else None

    def similar(self, written: str) -> list[str]:
        """Known stems that a mistyped or an inflected word may have meant."""
        wanted = fold(written)
        allowed = 2 if len(wanted) >= 8 else 1
        if len(wanted) < 5 or not wanted.isalpha():
            return []
        forms = {wanted, *self.lexicon.stems(written)}
        near = []
        for stem in self.counts:
            if stem[0] != wanted[0] or not stem.isalpha() or len(stem) < 4:
                continue
            if any(
                abs(len(stem) - len(form)) <= allowed and _edits(stem, form, allowed) <= allowed
                for form in forms
            ):
                near.append(stem)
        return near


def _edits(one: str, other: str, most: int) -> int:
    """How many typing slips (a letter more, less, other, or two swapped) part two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        line = [i]
        for j, b in enumerate(other, 1):
            cost = min(row[j] + 1, line[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            line.append(cost)
        if min(line) > most:
            return most + 1
        before, row = row, line
    return row[-1]
