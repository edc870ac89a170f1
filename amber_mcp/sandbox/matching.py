"""Matching: where a concept of a question is met, how well, and how much that tells."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace

from .question import Concept, Variant
from .store import ONE_MENTION, Store

_SYNONYM = 0.92
_TRANSLATION = 0.88
_NAME = 0.76
_SHARED_RARITY = 0.74
_PRESENCE = 0.61


class Scores(dict[int, float]):
    """Scores by number, zero where nothing was scored."""

    def __missing__(self, number: int) -> float:
        return 0.0

    def offer(self, number: int, score: float) -> None:
        """Keep the better of this score and the one before."""
        if score > self[number]:
            self[number] = score


@dataclass(slots=True)
class Match:
    """Where one concept is met.

    `documents` and `passages` rank, by the numbers that the store gives them; `quotes` choose
    within a document, where it matters more that something is said than how often; `directness`
    is how certainly a document means the same; `worth` is what meeting the concept tells.
    """

    documents: Scores = field(default_factory=Scores)
    passages: Scores = field(default_factory=Scores)
    quotes: Scores = field(default_factory=Scores)
    directness: Scores = field(default_factory=Scores)
    worth: float = 0.0


_SCORED = [each.name for each in fields(Match) if each.name != "worth"]


class Matcher:
    """Matches concepts against one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def match(self, concept: Concept, language: str) -> Match:
        """Where a concept is met, by whichever of its variants meets it best."""
        match = Match()
        found = []
        for variant in _spelled(concept.variants):
            names = self._store.matches("name", variant.words)
            bodies = self._store.matches("document", variant.words)
            if names or bodies:
                found.append((variant, names, bodies, names.keys() | bodies.keys()))
        named = min(
            (len(known) for variant, *_, known in found if not variant.is_synonym), default=0
        )
        all_known = self._rarity(len(set().union(*(known for *_, known in found))))
        for variant, names, bodies, known in found:
            own = self._rarity(max(named, len(known)))
            worth = own + _SHARED_RARITY * (min(own, all_known) - own)
            self._add(match, variant, language, worth, names, bodies)
        match.worth = self._rarity(len(match.documents))
        if concept.parts:
            _add_parts(match, [self.match(part, language) for part in concept.parts])
        for name in ("documents", "passages", "quotes"):
            scores: Scores = getattr(match, name)
            scores.update({number: concept.weight * score for number, score in scores.items()})
        match.worth *= concept.weight
        return match

    def _add(
        self,
        match: Match,
        variant: Variant,
        language: str,
        worth: float,
        names: dict[int, float],
        bodies: dict[int, float],
    ) -> None:
        name_worth = _NAME * (self._rarity(len(names)) + worth)
        for number in names.keys() | bodies.keys():
            directness = self._directness(variant, number, language)
            score = worth * bodies.get(number, 0.0) + name_worth * names.get(number, 0.0)
            match.documents.offer(number, directness * score)
            match.directness.offer(number, directness)
        for number, strength in self._store.matches("passage", variant.words).items():
            document = self._store.places[number].document
            full = worth * self._directness(variant, document, language)
            match.passages.offer(number, full * strength)
            said = _PRESENCE * ONE_MENTION + (1 - _PRESENCE) * strength
            match.quotes.offer(number, full * said)

    def _directness(self, variant: Variant, document: int, language: str) -> float:
        """A document in another language can only be met by what its language calls things."""
        if not variant.is_synonym:
            return variant.weight
        same = language == self._store.languages[document]
        return variant.weight * (_SYNONYM if same else _TRANSLATION)

    def _rarity(self, count: int) -> float:
        """How telling a concept is that so many documents know; one unknown to all tells most."""
        total = len(self._store.languages)
        if not count:
            return 1.2 * math.log(1 + total)
        return math.log(1 + (total - count + 0.5) / (count + 0.5)) + 0.1


def _spelled(variants: Iterable[Variant]) -> Iterator[Variant]:
    """Each stem of a single word for itself, as the longer one is often the rarer one."""
    for variant in variants:
        if len(variant.words) == 1:
            for stem in variant.words[0]:
                yield replace(variant, words=((stem,),))
        else:
            yield variant


def _add_parts(match: Match, parts: list[Match]) -> None:
    """A compound is also met by its parts, each counting as much as it tells."""
    worth = sum(part.worth for part in parts)
    for name in _SCORED:
        together = Scores()
        for part in parts:
            for number, score in getattr(part, name).items():
                together[number] += score * part.worth / worth
        whole: Scores = getattr(match, name)
        for number, score in together.items():
            whole.offer(number, score)
    match.worth = max(match.worth, *(part.worth for part in parts))
