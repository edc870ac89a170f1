"""Search: which documents answer a question, and with which passages.

SQLite's FTS5 finds and ranks (BM25) over the stems of words, German and English alike, since
collections mix both. A word of the question is also met by its synonyms, and a German compound by
its parts ("Urlaubstage" by "Urlaub"). A document in the question's language comes first.
"""

import re
import sqlite3
import threading
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

import Stemmer

from .documents import Document
from .passages import Passage

_WORD = re.compile(r"[^\W_]+")
_SMALL_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "de": "aber alle als am an auch auf aus bei bin bis bitte da damit dann darf das dass "
        "dem den denn der des dich die dies diese dieser doch du durch ein eine einem "
        "einen einer eines er es etwas euch für gibt habe haben hat hier ich ihm ihn ihr "
        "ihre im in ins ist ja jetzt kann kein keine können lange man mein meine meinem "
        "meinen meiner mich mir mit muss nach nicht noch nur ob oder ohne sehr sein seine "
        "sich sie sind soll sollen über um und uns unser unsere vom von vor wann war "
        "warum was welche welchem welchen welcher welches wenn wer werde werden wie "
        "wieder wir wird wo wofür woher wohin wurde zu zum zur bekomme bekommen brauche "
        "viel viele",
        "en": "a about after all am an and any are as at be been before but by can could did do "
        "does for from get gets give had has have he her here his how i if in into is it "
        "its know long many may me my much must need no not now of off on or our out she "
        "should so some something than that the their them then there these they this to "
        "up us was we were what when where which who whom why will with would you your",
    }.items()
}
_ASKS_FOR_A_NUMBER = re.compile(
    r"(?i)\b(how (many|much|long|often)|wie ?(viele?|lange|oft|hoch))\b"
)
_OTHER_LANGUAGE = 0.6
_NUMBER = 1.3
_CLOSE_PASSAGE = 0.5
_SHORTEST_PART = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that answers, and its passages, best first."""

    document: Document
    score: float
    passages: tuple[Passage, ...]


class Synonyms:
    """Groups of words that stand for each other, in the form of Solr's synonyms files.

    A group a line, commas between its words; what follows a `#` is a comment.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._groups: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for line in lines:
            entries = line.partition("#")[0].split(",")
            group = {tuple(map(stem, _words(entry))) for entry in entries} - {()}
            for phrase in group:
                self._groups[phrase] |= group

    def of(self, phrase: Sequence[str]) -> set[tuple[str, ...]]:
        """The stems of what a word, or several in a row, is called as well."""
        return self._groups.get(tuple(map(stem, phrase)), set())


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
        self._stems = {stem(word) for words in (*texts, *titles) for word in words}
        of_document: dict[int, list[str]] = defaultdict(list)
        for (number, _), words in zip(self._places, texts, strict=True):
            of_document[number] += words
        whole = [of_document[number] for number in range(len(titles))]
        self._languages = [_language(words) for words in whole]
        headings = [_words(" ".join(passage.headings)) for _, passage in self._places]
        self._fill("document", titles, whole)
        self._fill("passage", headings, texts)

    def count(self, folders: Collection[str] = ()) -> int:
        """How many documents these folders have."""
        return sum(_is_within(each.path, folders) for each in self.documents)

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._database.close()

    def search(
        self, question: str, limit: int = 5, *, folders: Collection[str] = (), before: str = ""
    ) -> list[Hit]:
        """The documents that answer a question, best first; none where its words do not occur.

        A document's score is BM25's, and that of its best passage, times the share of the
        question's words that it has.

        Args:
            folders: the paths that the search keeps to; all of them when empty.
            before: the question before this one, which helps out where this one has few words.
        """
        asked = _words(question)
        words = _content_words(question)
        if len(words) < 2:
            words += _content_words(before)
        queries = [self._query(word, asked) for word in words]
        of_documents = [self._scores("document", query) for query in queries]
        wants_number = _ASKS_FOR_A_NUMBER.search(question)
        ranked: dict[int, list[tuple[float, Passage]]] = defaultdict(list)
        for place, score in _summed(self._scores("passage", query) for query in queries).items():
            number, passage = self._places[place]
            has_number = wants_number and any(map(str.isdigit, passage.text))
            ranked[number].append((score * _NUMBER if has_number else score, passage))
        hits = []
        for number, score in _summed(of_documents).items():
            document, passages = self.documents[number], ranked[number]
            passages.sort(key=lambda each: -each[0])
            best = passages[0][0] if passages else 0
            share = sum(number in each for each in of_documents) / len(words)
            if self._languages[number] not in ("", _language(asked)):
                share *= _OTHER_LANGUAGE
            close = tuple(passage for each, passage in passages if each >= _CLOSE_PASSAGE * best)
            if _is_within(document.path, folders):
                hits.append(Hit(document, (score + best) * share, close))
        return sorted(hits, key=lambda hit: (-hit.score, hit.document.path))[:limit]

    def _fill(self, table: str, titles: Iterable[list[str]], bodies: Iterable[list[str]]) -> None:
        rows = zip(map(self._indexed, titles), map(self._indexed, bodies), strict=True)
        with self._database as database:
            database.execute(f"CREATE VIRTUAL TABLE {table} USING fts5(title, body, content='')")
            database.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)  # noqa: S608

    def _indexed(self, words: Iterable[str]) -> str:
        return " ".join(stem(each) for word in words for each in (word, *self._parts(word)))

    def _parts(self, word: str) -> tuple[str, ...]:
        """The two words of the collection that a compound is made of, if there are such."""
        for cut in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
            if {stem(word[:cut]), stem(word[cut:])} <= self._stems:
                return word[:cut], word[cut:]
        return ()

    def _query(self, word: str, asked: list[str]) -> str:
        """The FTS5 query that a word of a question is met by, among all the words `asked`."""
        met: set[tuple[str, ...]] = {(stem(word),)}
        if stem(word) not in self._stems:
            met |= {(stem(part),) for part in self._parts(word)}
        at = asked.index(word) if word in asked else 0
        runs = [asked[i : i + n] for n in (2, 3) for i in range(max(0, at - n + 1), at + 1)]
        for phrase in ([word], *runs):
            met |= self._synonyms.of(phrase)
        return " OR ".join(f'"{" ".join(stems)}"' for stems in sorted(met))

    def _scores(self, table: str, query: str) -> dict[int, float]:
        """How well each row that meets a query does."""
        select = f"SELECT rowid - 1, -bm25({table}, 3, 1) FROM {table} WHERE {table} MATCH ?"  # noqa: S608
        with self._lock:
            return dict(self._database.execute(select, (query,)).fetchall())


def _summed(scores: Iterable[Mapping[int, float]]) -> dict[int, float]:
    total: dict[int, float] = defaultdict(float)
    for each in scores:
        for row, score in each.items():
            total[row] += score
    return total


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its ending, as German and English have them, and without umlauts."""
    for stemmer in _stemmers():
        word = stemmer.stemWord(word)
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


@lru_cache(maxsize=1)
def _stemmers() -> tuple[Stemmer.Stemmer, ...]:
    return tuple(map(Stemmer.Stemmer, ("german", "english")))


def _words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower().replace("ß", "ss"))


def _content_words(question: str) -> list[str]:
    small = frozenset().union(*_SMALL_WORDS.values())
    found = _words(question)
    return [*dict.fromkeys(word for word in found if word not in small)] or found


def _language(words: Iterable[str]) -> str:
    """`de` or `en`, whichever has more of its small words here; empty where both have as many."""
    counts = Counter(name for word in words for name in _SMALL_WORDS if word in _SMALL_WORDS[name])
    return max(_SMALL_WORDS, key=counts.__getitem__) if counts["de"] != counts["en"] else ""


def _is_within(path: str, folders: Collection[str]) -> bool:
    return not folders or any(PurePath(path).is_relative_to(folder) for folder in folders)
