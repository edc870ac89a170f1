"""The thesaurus: what else people call the thing that a question names.

The list is general office vocabulary, German and English in one group, so that a question in
one language finds a document in the other. A word that many groups share says less about each
of them, which is its certainty.
"""

from pathlib import Path
from typing import NamedTuple

from .words import Lexicon, Spelling, fold, parse, written

Phrase = tuple[str, ...]

_SHARED = 0.18


class Synonym(NamedTuple):
    """Another name for something, by stems, and how sure it is that it means the same."""

    words: tuple[Spelling, ...]
    certainty: float


class Thesaurus:
    """Groups of phrases, found by the stems of any phrase in them.

    Stemming takes its time, and a question needs few of the words: a phrase is only stemmed when
    a question asks for one that begins as it does, or for another of its group.
    """

    def __init__(self, lexicon: Lexicon, listed: str | None = None) -> None:
        if listed is None:
            folder = Path(__file__).with_name("thesaurus_data")
            listed = "\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*.txt")))
        self.lexicon = lexicon
        self.single_words: list[str] = []
        self._groups: list[list[Phrase]] = []
        self._spelled_groups: dict[int, list[tuple[Spelling, ...]]] = {}
        self._phrase_keys: dict[Phrase, set[Spelling]] = {}
        self._by_beginning: dict[tuple[str, ...], list[tuple[Phrase, int]]] = {}
        for line in listed.splitlines():
            if line.strip() and not line.startswith("#"):
                self._add(line.split(","))

    def _add(self, entries: list[str]) -> None:
        phrases = [phrase for entry in entries if (phrase := self._meant(entry))]
        self.single_words += [phrase[0] for phrase in phrases if len(phrase) == 1]
        for phrase in phrases:
            alike = self._by_beginning.setdefault(_beginning(phrase), [])
            alike.append((phrase, len(self._groups)))
        self._groups.append(phrases)

    def _meant(self, entry: str) -> Phrase:
        found = (parse(word).text for word in written(entry))
        return tuple(word for word in found if not self.lexicon.is_filler(word))

    def _spelled(self, phrase: Phrase) -> tuple[Spelling, ...]:
        return tuple(self.lexicon.stems(word) for word in phrase)

    def _spelled_group(self, number: int) -> list[tuple[Spelling, ...]]:
        if number not in self._spelled_groups:
            phrases = self._groups[number]
            self._spelled_groups[number] = list(dict.fromkeys(map(self._spelled, phrases)))
        return self._spelled_groups[number]

    def synonyms(self, phrase: Phrase) -> list[Synonym]:
        """The other phrases of all groups that a phrase stands in."""
        return self._others(_keys(self._spelled(phrase)))

    def synonyms_of_stem(self, stem: str) -> list[Synonym]:
        """The same for a stem, as it is left of a compound."""
        return self._others({(stem,)})

    def _others(self, keys: set[Spelling]) -> list[Synonym]:
        numbers = sorted(set().union(*map(self._having, keys)))
        found = dict.fromkeys(words for number in numbers for words in self._spelled_group(number))
        return [
            Synonym(words, self._certainty(words)) for words in found if not keys & _keys(words)
        ]

    def _having(self, key: Spelling) -> set[int]:
        """The groups with a phrase of these stems."""
        alike = self._by_beginning.get(_beginning(key), ())
        return {number for phrase, number in alike if key in self._keys_of(phrase)}

    def _keys_of(self, phrase: Phrase) -> set[Spelling]:
        if phrase not in self._phrase_keys:
            self._phrase_keys[phrase] = _keys(self._spelled(phrase))
        return self._phrase_keys[phrase]

    def _certainty(self, words: tuple[Spelling, ...]) -> float:
        if len(words) > 1:
            return 1.0
        uses = max(len(self._having((stem,))) for stem in words[0])
        return float(max(uses, 1) ** -_SHARED)


def _beginning(words: tuple[str, ...]) -> tuple[str, ...]:
    """What stemming leaves alone: the first letters of each word."""
    return tuple(fold(word)[:3] for word in words)


def _keys(words: tuple[Spelling, ...]) -> set[Spelling]:
    return {tuple(stems[end] for stems in words) for end in (0, -1)}
