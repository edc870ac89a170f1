"""The subject: what a question is about, beyond the words that documents share with it.

Each of its words points to topics, and each topic to the documents that are full of its words.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .question import Concept
from .store import Store
from .topics import Topics

_SPREAD = 0.8
_PART = 0.3
_NAME = 0.5
_SHARP = 2.0


class Subjects:
    """Says how near a question's subject is to each document and passage of one store."""

    def __init__(self, store: Store, topics: Topics) -> None:
        self._store = store
        self._topics = topics
        self._documents: dict[int, dict[int, float]] = {}
        self._passages: dict[int, dict[int, float]] = {}

    def knows(self, concept: Concept) -> bool:
        """Whether any topic has this."""
        return any(True for _ in self._pointed(concept))

    def near(self, concepts: Sequence[Concept]) -> tuple[dict[int, float], dict[int, float]]:
        """How near documents and passages are, by number; those that are not are left out."""
        said: dict[int, float] = defaultdict(float)
        for concept in concepts:
            for topic, weight in self._pointed(concept):
                said[topic] += concept.weight * weight
        documents: dict[int, float] = defaultdict(float)
        passages: dict[int, float] = defaultdict(float)
        for topic, weight in said.items():
            for number, share in self._of_documents(topic).items():
                documents[number] += weight * share**_SHARP
            for number, share in self._of_passages(topic).items():
                passages[number] += weight * share
        return documents, passages

    def _pointed(self, concept: Concept) -> Iterator[tuple[int, float]]:
        """The topics of a concept; the more there are, the less it says of each."""
        own = [each for way in concept.variants if not way.is_synonym for each in way.words]
        parts = [(part.variants[0].words, _PART) for part in concept.parts]
        for words, weight in [(own, 1.0), *parts]:
            topics = self._topics.having(stem for stems in words for stem in stems)
            for topic in topics:
                yield topic, weight * float(len(topics) ** -_SPREAD)

    def _of_documents(self, topic: int) -> dict[int, float]:
        if topic not in self._documents:
            stems = self._topics.stems(topic)
            share: dict[int, float] = defaultdict(float, self._store.gather("document", stems))
            for number, named in self._store.gather("name", stems).items():
                share[number] += _NAME * named
            self._documents[topic] = {n: each / (1 + _NAME) for n, each in share.items()}
        return self._documents[topic]

    def _of_passages(self, topic: int) -> dict[int, float]:
        if topic not in self._passages:
            self._passages[topic] = self._store.gather("passage", self._topics.stems(topic))
        return self._passages[topic]
