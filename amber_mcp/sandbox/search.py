"""Search: which documents answer a question, and with which passages.

SQLite's FTS5 finds and ranks (BM25) over the stems of words, German and English alike, since
collections mix both. A word of the question is also met by its synonyms, and a German compound by
its parts ("Urlaubstage" by "Urlaub"). A document in the question's language comes first.
"""

import math
import re
import sqlite3
import threading
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import Stemmer

from .documents import Document
from .passages import Passage

_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = {
    "de": "aber alle als am an auch auf aus bei bin bis bitte da damit dann darf das dass dem den "
    "denn der des dich die dies diese dieser doch du durch ein eine einem einen einer eines er es "
    "etwas euch für gibt habe haben hat hier ich ihm ihn ihr ihre im in ins ist ja jetzt kann "
    "kein keine können lange man mein meine meinem meinen meiner mich mir mit muss nach nicht "
    "noch nur ob oder ohne sehr sein seine sich sie sind soll sollen über um und uns unser unsere "
    "vom von vor wann war warum was welche welchem welchen welcher welches wenn wer werde werden "
    "wie wieder wir wird wo wofür woher wohin wurde zu zum zur bekomme bekommen brauche viel viele",
    "en": "a about after all am an and any are as at be been before but by can could did do does "
    "for from get gets give had has have he her here his how i if in into is it its know long "
    "many may me my much must need no not now of off on or our out she should so some "
    "something than that the their them then there these they this to up us was we were what "
    "when where which who whom why will with would you your",
}
_ASKS_FOR_A_NUMBER = re.compile(
    r"(?i)\b(how (many|much|long|often)|wie ?(viele?|lange|oft|hoch))\b"
)
_LINKS = ("", "s", "es", "n", "en", "er", "e")
_SYNONYM = 0.85
_COMPOUND_PART = 0.6
_OTHER_LANGUAGE = 0.6
_UNKNOWN_WORD = 1.0
_BASE = 1.0
_PASSAGE = 2.0
_LEAST_COVERAGE = 0.15
_NUMBER = 1.3
_CLOSE_DOCUMENT = 0.35
_CLOSE_PASSAGE = 0.5
_SHORTEST_PART = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that answers, and its passages, best first."""

    document: Document
    score: float
    passages: tuple[Passage, ...]

    @property
    def path(self) -> str:
        """Where the document lies in its folder."""
        return self.document.path

    @property
    def title(self) -> str:
        """What the document is called."""
        return self.document.title


class Synonyms:
    """Groups of words that stand for each other, in the form of Solr's synonyms files.

    A group a line, commas between its words; what follows a `#` is a comment.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._groups: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for line in lines:
            group = {tuple(_words(entry)) for entry in line.partition("#")[0].split(",")} - {()}
            for words in group:
                self._groups[tuple(map(stem, words))] |= group

    @classmethod
    def read(cls, path: Path) -> "Synonyms":
        """The groups of a file; none where it is not there."""
        return cls(path.read_text("utf-8").splitlines() if path.is_file() else ())

    def of(self, *words: str) -> set[tuple[str, ...]]:
        """What else a word, or a phrase of several, is called."""
        return self._groups.get(tuple(map(stem, words)), set())


class SearchIndex:
    """A searchable collection of documents, held in memory; safe to use from any thread."""

    def __init__(self, documents: Iterable[Document], synonyms: Synonyms) -> None:
        self.documents = tuple(documents)
        self._synonyms = synonyms
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._places = [
            (number, passage)
            for number, document in enumerate(self.documents)
            for passage in document.passages
        ]
        texts = [_words(f"{' '.join(p.headings)} {p.text}") for _, p in self._places]
        titles = [_words(f"{each.title} {each.path}") for each in self.documents]
        self._vocabulary = Counter(word for words in (*texts, *titles) for word in words)
        self._stems = {stem(word) for word in self._vocabulary}
        self._languages = self._guess_languages(texts)
        self._fill(titles, texts)

    def __len__(self) -> int:
        return len(self.documents)

    def count(self, folders: Collection[str] = ()) -> int:
        """How many documents these folders have."""
        return sum(_is_within(each.path, folders) for each in self.documents)

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._database.close()

    def search(
        self,
        question: str,
        limit: int = 5,
        *,
        folders: Collection[str] = (),
        before: str = "",
        language: str = "",
    ) -> list[Hit]:
        """The documents that answer a question, best first; none where its words do not occur.

        Args:
            folders: the paths that the search keeps to; all of them when empty.
            before: the question before this one, which helps out where this one has few words.
            language: `de` or `en`; guessed from the question when empty.
        """
        words = _content_words(question)
        if len(words) < 2:
            words += _content_words(before)
        language = language[:2].lower() or _language(_words(question))
        met = [
            (self._scores("document", terms), self._scores("passage", terms))
            for terms in self._terms(words, _words(question))
        ]
        asks_for_number = _ASKS_FOR_A_NUMBER.search(question)
        worth = [self._worth(len(in_documents)) for in_documents, _ in met]
        best: dict[int, list[tuple[float, Passage]]] = defaultdict(list)
        for place, score in _summed(in_passages for _, in_passages in met).items():
            number, passage = self._places[place]
            has_number = asks_for_number and any(map(str.isdigit, passage.text))
            best[number].append((score * _NUMBER if has_number else score, passage))
        hits = []
        for number, score in _summed(in_documents for in_documents, _ in met).items():
            document = self.documents[number]
            covered = sum(w for w, (found, _) in zip(worth, met, strict=True) if number in found)
            coverage = covered / sum(worth)
            if coverage < _LEAST_COVERAGE or not _is_within(document.path, folders):
                continue
            ranked = sorted(best[number], key=lambda each: -each[0])
            total = (score + _PASSAGE * sum(each for each, _ in ranked[:1])) * (_BASE + coverage)
            if self._languages[number] not in ("", language):
                total *= _OTHER_LANGUAGE
            close = tuple(p for each, p in ranked if each >= _CLOSE_PASSAGE * ranked[0][0])
            hits.append(Hit(document, total, close))
        hits.sort(key=lambda hit: (-hit.score, hit.path))
        return [hit for hit in hits[:limit] if hit.score >= _CLOSE_DOCUMENT * hits[0].score]

    def _fill(self, titles: Sequence[list[str]], texts: Sequence[list[str]]) -> None:
        with self._database as database:
            for table in ("document", "passage"):
                database.execute(
                    f"CREATE VIRTUAL TABLE {table} USING fts5(title, body, content='')"
                )
            bodies: dict[int, list[str]] = defaultdict(list)
            for (number, passage), words in zip(self._places, texts, strict=True):
                body = self._indexed(words)
                bodies[number].append(body)
                heading = self._indexed(_words(" ".join(passage.headings)))
                database.execute("INSERT INTO passage VALUES (?, ?)", (heading, body))
            for number, words in enumerate(titles):
                row = (self._indexed(words), " ".join(bodies[number]))
                database.execute("INSERT INTO document VALUES (?, ?)", row)

    def _indexed(self, words: Iterable[str]) -> str:
        return " ".join(stem(each) for word in words for each in (word, *self._parts(word)))

    def _parts(self, word: str) -> tuple[str, ...]:
        """The two words of the collection that a compound is made of, if there are such."""
        for cut in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
            head, tail = word[:cut], word[cut:]
            if stem(tail) not in self._stems:
                continue
            for link in _LINKS:
                first = head.removesuffix(link) if link else head
                if len(first) >= _SHORTEST_PART and stem(first) in self._stems:
                    return first, tail
        return ()

    def _terms(self, words: Sequence[str], asked: Sequence[str]) -> Iterator[Mapping[str, float]]:
        """For each of the `words` of a question, the FTS5 queries that meet it, and their weights.

        `asked` are all words of the question, which synonyms of several words are looked up in.
        """
        for word in words:
            terms = {f'"{stem(word)}"': 1.0}
            for part in self._parts(word) if stem(word) not in self._stems else ():
                terms.setdefault(f'"{stem(part)}"', _COMPOUND_PART)
            at = asked.index(word) if word in asked else 0
            phrases = {(word,), *(tuple(asked[i : i + n]) for i, n in _windows(at))}
            for synonym in set().union(*(self._synonyms.of(*phrase) for phrase in phrases)):
                terms.setdefault(f'"{" ".join(map(stem, synonym))}"', _SYNONYM)
            yield terms

    def _scores(self, table: str, terms: Mapping[str, float]) -> dict[int, float]:
        """How well each row meets one word: by the best of its terms."""
        scores: dict[int, float] = {}
        for term, weight in terms.items():
            with self._lock:
                rows = self._database.execute(
                    f"SELECT rowid - 1, -bm25({table}, 3, 1) FROM {table} WHERE {table} MATCH ?",  # noqa: S608
                    (term,),
                ).fetchall()
            for number, score in rows:
                scores[number] = max(weight * score, scores.get(number, 0.0))
        return scores

    def _worth(self, having: int) -> float:
        """How much it tells that a document has a word which `having` of them have."""
        return math.log(1 + len(self) / having) if having else _UNKNOWN_WORD

    def _guess_languages(self, texts: Sequence[list[str]]) -> list[str]:
        words: dict[int, list[str]] = defaultdict(list)
        for (number, _), each in zip(self._places, texts, strict=True):
            words[number] += each
        return [_language(words[number]) for number in range(len(self.documents))]


def _windows(at: int) -> Iterator[tuple[int, int]]:
    """Start and length of each run of two or three that holds a place."""
    return ((i, n) for n in (2, 3) for i in range(max(0, at - n + 1), at + 1))


def _summed(scores: Iterable[Mapping[int, float]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for each in scores:
        total.update(each)
    return total


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its ending, as German and English have them, and without umlauts."""
    stemmed = word
    for stemmer in _stemmers():
        stemmed = stemmer.stemWord(stemmed)
    decomposed = unicodedata.normalize("NFKD", stemmed)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


@lru_cache(maxsize=1)
def _stemmers() -> tuple[Stemmer.Stemmer, ...]:
    return tuple(map(Stemmer.Stemmer, ("german", "english")))


def _words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower().replace("ß", "ss"))


def _content_words(question: str) -> list[str]:
    stops = {word for words in _STOP_WORDS.values() for word in words.split()}
    found = _words(question)
    return list(dict.fromkeys(word for word in found if word not in stops)) or found


def _language(words: Iterable[str]) -> str:
    """`de` or `en`, whichever has more of its small words here; empty where neither has any."""
    counts = dict.fromkeys(_STOP_WORDS, 0)
    stops = {name: set(listed.split()) for name, listed in _STOP_WORDS.items()}
    for word in words:
        for name in counts:
            counts[name] += word in stops[name]
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > min(counts.values()) else ""


def _is_within(path: str, folders: Collection[str]) -> bool:
    return not folders or any(
        path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders
    )
