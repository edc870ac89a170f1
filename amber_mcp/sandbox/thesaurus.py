"""The thesaurus: what else people call the thing that a question names.

The list is general office vocabulary, German and English in one group, so that a question in
one language finds a document in the other. A word that many groups share says less about each
of them, which is its certainty.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from .words import Lexicon, Spelling, parse, written

Phrase = tuple[str, ...]

_SHARED = 0.25


class Synonym(NamedTuple):
    """Another name for something, by stems, and how sure it is that it means the same."""

    words: tuple[Spelling, ...]
    certainty: float


class Thesaurus:
    """Groups of phrases, found by the stems of any phrase in them."""

    def __init__(self, lexicon: Lexicon, listed: str | None = None) -> None:
        if listed is None:
            listed = Path(__file__).with_name("thesaurus.txt").read_text("utf-8")
        self.lexicon = lexicon
        self.single_words: list[str] = []
        self._groups: list[list[tuple[Spelling, ...]]] = []
        self._by_key: dict[Spelling, list[int]] = {}
        self._uses: Counter[str] = Counter()
        for line in listed.splitlines():
            if line.strip() and not line.startswith("#"):
                self._add(line.split(","))

    def _add(self, entries: list[str]) -> None:
        phrases = [phrase for entry in entries if (phrase := self._meant(entry))]
        self.single_words += [phrase[0] for phrase in phrases if len(phrase) == 1]
        group = list(dict.fromkeys(map(self._spelled, phrases)))
        for words in group:
            for key in _keys(words):
                self._by_key.setdefault(key, []).append(len(self._groups))
        self._uses.update({stem for words in group for stems in words for stem in stems})
        self._groups.append(group)

    def _meant(self, entry: str) -> Phrase:
        found = (parse(word).text for word in written(entry))
        return tuple(word for word in found if not self.lexicon.is_filler(word))

    def _spelled(self, phrase: Phrase) -> tuple[Spelling, ...]:
        return tuple(self.lexicon.stems(word) for word in phrase)

    def synonyms(self, phrase: Phrase) -> list[Synonym]:
        """The other phrases of all groups that a phrase stands in."""
        return self._others(_keys(self._spelled(phrase)))

    def synonyms_of_stem(self, stem: str) -> list[Synonym]:
        """The same for a stem, as it is left of a compound."""
        return self._others({(stem,)})

    def _others(self, keys: set[Spelling]) -> list[Synonym]:
        groups = sorted({index for key in keys for index in self._by_key.get(key, ())})
        found = dict.fromkeys(words for index in groups for words in self._groups[index])
        return [
            Synonym(words, self._certainty(words)) for words in found if not keys & _keys(words)
        ]

    def _certainty(self, words: tuple[Spelling, ...]) -> float:
        if len(words) > 1:
            return 1.0
        return float(max(self._uses[stem] for stem in words[0]) ** -_SHARED)


def _keys(words: tuple[Spelling, ...]) -> set[Spelling]:
    return {tuple(stems[end] for stems in words) for end in (0, -1)}
