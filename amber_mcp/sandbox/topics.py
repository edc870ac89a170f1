"""Topics: what people talk about in one breath, so that a situation leads to what governs it.

The thesaurus knows what else a thing is called; a topic knows what comes up along with it. Who
asks about a thief on the train means the document full of loss, police and locked accounts.
"""

from collections.abc import Iterable
from pathlib import Path

from .words import Lexicon, fold, parse

_UNSTEMMED = 3


class Topics:
    """Lists of words, found by the stems of any word in them."""

    def __init__(self, lexicon: Lexicon, listed: str | None = None) -> None:
        if listed is None:
            folder = Path(__file__).with_name("topics_data")
            listed = "\n\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*.txt")))
        self._lexicon = lexicon
        self._topics = [
            [word for line in lines for word in line.split()]
            for paragraph in listed.split("\n\n")
            if (lines := [line for line in paragraph.splitlines() if not line.startswith("#")])
        ]
        self._stemmed: dict[int, frozenset[str]] = {}
        self._by_beginning: dict[str, dict[str, set[int]]] = {}
        for number, words in enumerate(self._topics):
            for word in words:
                alike = self._by_beginning.setdefault(fold(word)[:_UNSTEMMED], {})
                alike.setdefault(word, set()).add(number)

    def stems(self, number: int) -> frozenset[str]:
        """The stems of all words of a topic."""
        if number not in self._stemmed:
            words = self._topics[number]
            self._stemmed[number] = frozenset(stem for word in words for stem in self._stems(word))
        return self._stemmed[number]

    def having(self, stems: Iterable[str]) -> set[int]:
        """The topics with a word of any of these stems; only words that begin so are stemmed."""
        return {
            number
            for stem in stems
            for word, numbers in self._by_beginning.get(stem[:_UNSTEMMED], {}).items()
            if stem in self._stems(word)
            for number in numbers
        }

    def _stems(self, word: str) -> tuple[str, ...]:
        return self._lexicon.stems(parse(word).text)
