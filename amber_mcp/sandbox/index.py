"""The index: which documents answer a question, and with which passages.

A concept of the question counts once, however many ways it is named; rare concepts count more;
a document that meets more of the question comes before one that repeats a word of it; and where
a question's words are not those of the documents, its subject decides.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .documents import Document
from .matching import Match, Matcher
from .passages import Passage
from .question import Reader
from .store import Store
from .subject import Subjects
from .thesaurus import Thesaurus
from .topics import Topics
from .vocabulary import Vocabulary
from .words import Lexicon

_LEAST_COVERAGE = 0.28
_COVER = 0.65
_CLOSE = 0.3
_PASSAGE = 0.75
_TOGETHER = 0.52
_NUMBERS = 1.25
_NUMBERS_RANK = 1.17
_OTHER_LANGUAGE = 1.07
_SUBJECT = 9.0
_SUBJECT_IN_PASSAGE = 3.0
_SUBJECT_IN_COVERAGE = 0.2
_DIRECT = 0.65
_ORDINARY = 0.1
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it was understood: where its concepts are met, and what is near its subject."""

    matches: Sequence[Match]
    wanted: float
    documents: Collection[int]
    passages: Collection[int]
    near: Mapping[int, float]
    near_passages: Mapping[int, float]
    language: str
    number: bool


class Index:
    """A searchable collection of documents, held in memory; safe to use from any thread."""

    def __init__(
        self,
        documents: Iterable[Document],
        thesaurus: Thesaurus | None = None,
        topics: Topics | None = None,
    ) -> None:
        thesaurus = thesaurus or Thesaurus(Lexicon())
        vocabulary = Vocabulary(thesaurus.lexicon, thesaurus.single_words)
        self.documents = tuple(documents)
        self._lexicon = thesaurus.lexicon
        self._store = Store(self.documents, vocabulary)
        self._matcher = Matcher(self._store)
        self._reader = Reader(vocabulary, thesaurus)
        self._subjects = Subjects(self._store, topics or Topics(thesaurus.lexicon))

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
        asked = self._ask(question, before)
        passages: dict[int, list[int]] = defaultdict(list)
        for number in asked.passages:
            passages[self._store.places[number].document].append(number)
        hits = [
            self._hit(number, asked, passages[number])
            for number in asked.documents
            if not folders or _within(self.documents[number].path, folders)
        ]
        if max((hit.coverage for hit in hits), default=0.0) < _LEAST_COVERAGE:
            return []
        hits.sort(key=lambda hit: (-hit.score, hit.path))
        return [hit for hit in hits[:limit] if hit.score >= _CLOSE * hits[0].score]

    def _ask(self, question: str, before: str) -> _Asked:
        language = self._reader.language(question)
        concepts = self._reader.concepts(question, before)
        matches = [self._matcher.match(concept, language) for concept in concepts]
        for concept, match in zip(concepts, matches, strict=True):
            ordinary = self._lexicon.is_common(concept.word) or self._subjects.knows(concept)
            if ordinary and not match.documents:
                match.worth *= _ORDINARY
        near, near_passages = self._subjects.near(concepts)
        return _Asked(
            matches=matches,
            wanted=sum(match.worth for match in matches),
            documents=set(near).union(*(match.documents for match in matches)),
            passages=set(near_passages).union(*(match.passages for match in matches)),
            near=near,
            near_passages=near_passages,
            language=language,
            number=bool(_ASKS_FOR_NUMBERS.search(question)),
        )

    def _hit(self, number: int, asked: _Asked, passages: Sequence[int]) -> Hit:
        direct = sum(each.worth * each.directness[number] for each in asked.matches) / asked.wanted
        near = asked.near.get(number, 0.0)
        coverage = min(1.0, direct + _SUBJECT_IN_COVERAGE * near / len(asked.matches))
        score = sum(match.documents[number] for match in asked.matches)
        score += _SUBJECT * near * (1 - _DIRECT * direct)
        score += _PASSAGE * max((self._strength(each, asked) for each in passages), default=0.0)
        if asked.language != self._store.languages[number]:
            # Fewer of its words can be met, as a question's own words are in another language.
            score *= _OTHER_LANGUAGE
        quotes = sorted((-self._quality(each, asked), each) for each in passages)
        return Hit(
            document=self.documents[number],
            score=score * (1 - _COVER + _COVER * coverage),
            coverage=coverage,
            passages=tuple(
                (-quality, self._store.places[each].passage) for quality, each in quotes
            ),
        )

    def _strength(self, passage: int, asked: _Asked) -> float:
        """How well a passage meets the question: more, the more of it stands there together."""
        met = sum(match.worth for match in asked.matches if match.passages[passage])
        strength = sum(match.passages[passage] for match in asked.matches)
        strength += _SUBJECT_IN_PASSAGE * asked.near_passages.get(passage, 0.0)
        if asked.number and self._has_number(passage):
            strength *= _NUMBERS_RANK
        return strength * (1 - _TOGETHER + _TOGETHER * met / asked.wanted)

    def _quality(self, passage: int, asked: _Asked) -> float:
        """How well a passage answers; one with numbers where the question asks for a number."""
        quality = sum(match.quotes[passage] for match in asked.matches)
        return quality * _NUMBERS if asked.number and self._has_number(passage) else quality

    def _has_number(self, passage: int) -> bool:
        return bool(_DIGIT.search(self._store.places[passage].passage.text))


def _within(path: str, folders: Collection[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
