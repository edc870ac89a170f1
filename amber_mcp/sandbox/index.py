"""The index: which documents answer a question, and with which passages.

A concept of the question counts once, however many ways it is named; rare concepts count more;
and a document that meets more of the question comes before one that repeats a word of it.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .documents import Document
from .matching import Match, Matcher
from .passages import Passage
from .question import Reader
from .store import Store
from .thesaurus import Thesaurus
from .vocabulary import Vocabulary
from .words import Lexicon

_LEAST_COVERAGE = 0.2
_COVER = 0.54
_CLOSE = 0.3
_PASSAGE = 0.54
_TOGETHER = 0.52
_NUMBERS = 1.25
_NUMBERS_RANK = 1.17
_OTHER_LANGUAGE = 1.07
_DIGIT = re.compile(r"\d")
_ASKS_FOR_NUMBERS = re.compile(
    r"\b(wie ?(viele?|hoch|lange?|oft|teuer|groß|spät|weit|schwer)|wann|kostet|kosten|preis"
    r"|how (many|much|long|often|big|high|far|late|heavy|soon)|when|what time|costs?|price)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that answers, its passages (best first), and how much of the question it meets."""

    document: Document
    score: float
    coverage: float
    passages: tuple[tuple[float, Passage], ...]

    @property
    def path(self) -> str:
        """Where the document lies in its folder."""
        return self.document.path

    @property
    def title(self) -> str:
        """What the document is called."""
        return self.document.title


class Index:
    """A searchable collection of documents, held in memory; safe to use from any thread."""

    def __init__(self, documents: Iterable[Document], thesaurus: Thesaurus | None = None) -> None:
        thesaurus = thesaurus or Thesaurus(Lexicon())
        vocabulary = Vocabulary(thesaurus.lexicon, thesaurus.single_words)
        self.documents = tuple(documents)
        self._store = Store(self.documents, vocabulary)
        self._matcher = Matcher(self._store)
        self._reader = Reader(vocabulary, thesaurus)

    def __len__(self) -> int:
        return len(self.documents)

    def count(self, folders: Collection[str] = ()) -> int:
        """How many documents these folders have."""
        return sum(not folders or _within(each.path, folders) for each in self.documents)

    def close(self) -> None:
        """Give the memory back."""
        self._store.close()

    def search(
        self, question: str, limit: int = 5, *, folders: Collection[str] = (), before: str = ""
    ) -> list[Hit]:
        """The documents that answer a question, best first.

        `folders` are the paths that the search keeps to (all of them when empty); `before` is
        the question before this one, which helps out where this one has few words of its own.
        """
        language = self._reader.language(question)
        concepts = self._reader.concepts(question, before)
        matches = [self._matcher.match(concept, language) for concept in concepts]
        passages: dict[int, list[int]] = defaultdict(list)
        for number in {number for match in matches for number in match.passages}:
            passages[self._store.places[number].document].append(number)
        hits = [
            self._hit(number, matches, passages[number], question, language)
            for number in {number for match in matches for number in match.documents}
            if not folders or _within(self.documents[number].path, folders)
        ]
        hits = [hit for hit in hits if hit.coverage >= _LEAST_COVERAGE]
        hits.sort(key=lambda hit: (-hit.score, hit.path))
        return [hit for hit in hits[:limit] if hit.score >= _CLOSE * hits[0].score]

    def _hit(
        self,
        number: int,
        matches: Sequence[Match],
        passages: Sequence[int],
        question: str,
        language: str,
    ) -> Hit:
        wanted = sum(match.worth for match in matches)
        coverage = sum(match.worth * match.directness[number] for match in matches) / wanted
        score = sum(match.documents[number] for match in matches)
        score += _PASSAGE * max(
            (self._strength(each, matches, wanted, question) for each in passages), default=0.0
        )
        if language != self._store.languages[number]:
            # Fewer of its words can be met, as a question's own words are in another language.
            score *= _OTHER_LANGUAGE
        quotes = sorted((-self._quality(each, matches, question), each) for each in passages)
        return Hit(
            document=self.documents[number],
            score=score * (1 - _COVER + _COVER * coverage),
            coverage=coverage,
            passages=tuple(
                (-quality, self._store.places[each].passage) for quality, each in quotes
            ),
        )

    def _strength(
        self, passage: int, matches: Sequence[Match], wanted: float, question: str
    ) -> float:
        """How well a passage meets the question: more, the more of it stands there together."""
        met = sum(match.worth for match in matches if match.passages[passage])
        strength = sum(match.passages[passage] for match in matches)
        if self._counts(passage, question):
            strength *= _NUMBERS_RANK
        return strength * (1 - _TOGETHER + _TOGETHER * met / wanted)

    def _quality(self, passage: int, matches: Sequence[Match], question: str) -> float:
        """How well a passage answers; one with numbers where the question asks for a number."""
        quality = sum(match.quotes[passage] for match in matches)
        return quality * _NUMBERS if self._counts(passage, question) else quality

    def _counts(self, passage: int, question: str) -> bool:
        """Whether a passage has numbers for a question that asks for one."""
        text = self._store.places[passage].passage.text
        return bool(_ASKS_FOR_NUMBERS.search(question) and _DIGIT.search(text))


def _within(path: str, folders: Collection[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
