"""The question: which concepts it asks for, and by which words a document may name them.

Each meaning word of a question is one concept. A concept is met by the word itself (weight 1),
by the parts of a compound, by what other people call the same thing, and, where a collection
knows nothing of that, by a word that is spelled almost the same.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .thesaurus import Phrase, Synonym, Thesaurus
from .vocabulary import Vocabulary
from .words import Spelling, parse, written

_PART = 0.4
_SIMILAR = 0.6
_EVERYDAY = 0.53
_NUMBER = 0.5
_INFLECTED = 0.9
_BEFORE = 0.4
_SHORT = 3
_MOST_CONCEPTS = 24
_CLAUSE = re.compile(r"[,.;:?!]|\b(?:und|oder|wenn|weil|dass|ob)\b")
_PREFIXES = {
    "ab", "an", "auf", "aus", "bei", "durch", "ein", "fest", "frei", "her", "hin", "krank", "los",
    "mit", "nach", "um", "vor", "weg", "weiter", "zu", "zurück", "zusammen",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to name a concept: words near each other, each by any of its stems."""

    words: tuple[Spelling, ...]
    weight: float = 1.0
    is_synonym: bool = False


@dataclass(frozen=True, slots=True)
class Concept:
    """Something that a question asks for; a compound is also met by all of its parts."""

    word: str
    variants: tuple[Variant, ...]
    parts: "tuple[Concept, ...]" = ()
    weight: float = 1.0


class Reader:
    """Reads questions for one collection, knowing its vocabulary."""

    def __init__(self, vocabulary: Vocabulary, thesaurus: Thesaurus) -> None:
        self._lexicon = vocabulary.lexicon
        self._vocabulary = vocabulary
        self._thesaurus = thesaurus

    def language(self, question: str) -> str:
        """The language of a question, "" where its few words do not tell."""
        return self._lexicon.language(Counter(written(question)))

    def concepts(self, question: str, before: str = "") -> list[Concept]:
        """The concepts of a question, and of the one before it where this one says little."""
        found = self._read(question)
        if before and len(found) < _SHORT:
            known = {concept.word for concept in found}
            earlier = [each for each in self._read(before) if each.word not in known]
            found += [replace(each, weight=_BEFORE * each.weight) for each in earlier]
        return found[:_MOST_CONCEPTS]

    def _read(self, question: str) -> list[Concept]:
        meant = self._meant(question.lower() if question.isupper() else question)
        found: dict[str, Concept] = {}
        start = 0
        while start < len(meant):
            phrase = self._phrase(meant[start:])
            concept = self._compound(phrase) if len(phrase) > 1 else self._concept(phrase[0])
            joined = self._joined(meant, start) if len(phrase) == 1 else ()
            variants = tuple(dict.fromkeys([*concept.variants, *joined]))
            found.setdefault(concept.word, replace(concept, variants=variants))
            start += len(phrase)
        return list(found.values())

    def _meant(self, question: str) -> list[str]:
        """The words of a question that mean something, hyphens undone where nobody writes them."""
        meant: list[str] = []
        for raw in self._rejoined(question):
            word = parse(raw)
            pieces = [piece for piece in word.pieces if not self._lexicon.is_filler(piece)]
            if len(pieces) > 1 and not self._known(word.text):
                meant += pieces
            elif not self._lexicon.is_filler(word.text):
                meant.append(word.text)
        return meant

    def _rejoined(self, question: str) -> list[str]:
        """The written words, a German verb put together with the prefix that ends its clause."""
        words: list[str] = []
        for clause in _CLAUSE.split(question):
            said = written(clause)
            if len(said) > 1 and said[-1] in _PREFIXES:
                for at, word in enumerate(said[:-1]):
                    joined = said[-1] + word.lower()
                    verb = word.islower() or not at
                    if verb and (self._known(joined) or self._thesaurus.synonyms((joined,))):
                        said[at] = joined
                        said.pop()
                        break
            words += said
        return words

    def _known(self, word: str) -> bool:
        return any(stem in self._vocabulary.counts for stem in self._lexicon.stems(word))

    def _phrase(self, meant: list[str]) -> Phrase:
        """As many of the next words as the thesaurus has for one entry."""
        for length in (3, 2):
            if len(meant) >= length and self._thesaurus.synonyms(tuple(meant[:length])):
                return tuple(meant[:length])
        return (meant[0],)

    def _compound(self, phrase: Phrase) -> Concept:
        """Words that mean one thing together, such as `sick leave`."""
        stems = tuple(self._lexicon.stems(word) for word in phrase)
        together = "".join(phrase)
        variants = [Variant(stems), *self._synonyms(phrase)]
        if self._known(together):
            variants.append(Variant((self._lexicon.stems(together),)))
        parts = tuple(Concept(each[0], (Variant((each,), _PART),)) for each in stems)
        return Concept(" ".join(each[0] for each in stems), tuple(variants), parts)

    def _synonyms(self, phrase: Phrase) -> list[Variant]:
        return list(self._variants(self._thesaurus.synonyms(phrase)))

    def _variants(self, synonyms: list[Synonym]) -> Iterator[Variant]:
        """Each synonym, and a compound also as its parts near each other."""
        for words, certainty in synonyms:
            yield Variant(words, certainty, is_synonym=True)
            atoms = self._atoms(words[0][0]) if len(words) == 1 else []
            if atoms:
                yield Variant(tuple((atom,) for atom in atoms), certainty, is_synonym=True)

    def _joined(self, meant: list[str], position: int) -> Iterator[Variant]:
        """Two neighbouring words that the collection writes as one."""
        for start in (position - 1, position):
            if 0 <= start < len(meant) - 1:
                joined = meant[start] + meant[start + 1]
                if self._known(joined):
                    yield Variant((self._lexicon.stems(joined),))

    def _concept(self, word: str) -> Concept:
        stems = self._lexicon.stems(word)
        variants = [Variant((stems,)), *self._synonyms((word,))]
        atoms = self._atoms(word)
        parts = tuple(map(self._part, atoms))
        if parts:
            variants.append(Variant(tuple((atom,) for atom in atoms)))
        others = [(root, _INFLECTED) for root in self._vocabulary.roots(word)]
        if not parts and not others and not self._known(word):
            others = [(stem, _SIMILAR) for stem in self._vocabulary.similar(word)]
        for stem, weight in others:
            variants.append(Variant(((stem,),), weight))
            variants += self._variants(self._thesaurus.synonyms_of_stem(stem))
        return Concept(stems[0], tuple(variants), parts, self._weight(word))

    def _weight(self, word: str) -> float:
        if word.isdigit():
            return _NUMBER
        return _EVERYDAY if self._lexicon.is_everyday(word) else 1.0

    def _atoms(self, word: str) -> list[str]:
        """The smallest parts of a compound that still cover it."""
        parts = self._vocabulary.parts(word)
        return [part for part in parts if not self._vocabulary.parts(part)]

    def _part(self, stem: str) -> Concept:
        others = self._variants(self._thesaurus.synonyms_of_stem(stem))
        return Concept(stem, (Variant(((stem,),), _PART), *others), weight=self._weight(stem))
