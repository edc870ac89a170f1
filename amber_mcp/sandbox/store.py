"""The store: SQLite's FTS5 over the stems of documents and of their passages.

FTS5 finds and measures (BM25); which words are worth how much is decided in `index.py`.
"""

import math
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from .documents import Document
from .passages import Passage
from .vocabulary import Vocabulary
from .words import Spelling, parse, written

Table = Literal["name", "document", "passage"]

_TABLES = {
    "name": ("title", "path"),
    "document": ("headings", "body"),
    "passage": ("headings", "body"),
}
_MATCHES: dict[Table, str] = {
    "name": "SELECT rowid, -bm25(name, 2, 1) FROM name WHERE name MATCH ?",
    "document": "SELECT rowid, -bm25(document, 3, 1) FROM document WHERE document MATCH ?",
    "passage": "SELECT rowid, -bm25(passage, 2, 1) FROM passage WHERE passage MATCH ?",
}
_NEAR = 8
# BM25 as FTS5 has it: k1 = 1.2, and a smallest rarity for what most rows have.
_MOST = 2.2
_LEAST_RARITY = 1e-6
_LEAST_GATHERED = 1.5
ONE_MENTION = 1 / _MOST


class Place(NamedTuple):
    """A passage and the number of the document that it stands in."""

    document: int
    passage: Passage


class Store:
    """Documents and passages by number, found by stems; safe to use from any thread."""

    def __init__(self, documents: Sequence[Document], vocabulary: Vocabulary) -> None:
        self._lexicon = vocabulary.lexicon
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self.places = [
            Place(number, passage)
            for number, document in enumerate(documents)
            for passage in document.passages
        ]
        self._sizes = {
            "name": len(documents),
            "document": len(documents),
            "passage": len(self.places),
        }
        self._fill(documents)

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._database.close()

    def _fill(self, documents: Sequence[Document]) -> None:
        bodies = [written(place.passage.text) for place in self.places]
        headings = [written(" ".join(place.passage.headings)) for place in self.places]
        names = [
            written(document.path.rpartition(".")[0].replace("_", " ")) for document in documents
        ]
        titles = [written(document.title) for document in documents]
        counted: Counter[str] = Counter()
        for words in (*bodies, *headings, *names, *titles):
            counted.update(words)
        self._vocabulary.add(counted)
        spoken: list[Counter[str]] = [Counter() for _ in documents]
        for place, body in zip(self.places, bodies, strict=True):
            spoken[place.document].update(body)
        self.languages = [self._lexicon.language(each) for each in spoken]
        stems = {word: self._stems(word) for word in counted}
        self._indexed = frozenset(stem for each in stems.values() for stem in each.split())

        def stemmed(text: Iterable[str]) -> str:
            return " ".join(filter(None, map(stems.__getitem__, text)))

        heading_of = [stemmed(text) for text in headings]
        body_of = [stemmed(text) for text in bodies]
        gathered: list[tuple[dict[str, None], list[str]]] = [({}, []) for _ in documents]
        for place, head, text in zip(self.places, heading_of, body_of, strict=True):
            gathered[place.document][0][head] = None
            gathered[place.document][1].append(text)
        self._insert("passage", zip(heading_of, body_of, strict=True))
        self._insert("document", ((" ".join(heads), " ".join(texts)) for heads, texts in gathered))
        self._insert("name", zip(map(stemmed, titles), map(stemmed, names), strict=True))

    def _insert(self, table: Table, rows: Iterable[tuple[str, ...]]) -> None:
        columns = ", ".join(_TABLES[table])
        marks = ", ".join("?" for _ in _TABLES[table])
        with self._database as database:
            database.execute(
                f"CREATE VIRTUAL TABLE {table} USING fts5({columns}, content='',"
                " tokenize='unicode61 remove_diacritics 0')"
            )
            database.executemany(
                f"INSERT INTO {table} (rowid, {columns}) VALUES (?, {marks})",  # noqa: S608
                ((number, *row) for number, row in enumerate(rows)),
            )

    def _stems(self, raw: str) -> str:
        """The stems by which a written word is found: its own, and those of its parts."""
        word = parse(raw)
        if self._lexicon.is_filler(word.text):
            return ""
        found = [*self._lexicon.stems(word.text)]
        for piece in word.pieces or (word.text,):
            if not self._lexicon.is_filler(piece):
                found += self._lexicon.stems(piece)
                found += self._vocabulary.parts(piece)
                found += self._vocabulary.roots(piece)
        return " ".join(dict.fromkeys(found))

    def matches(self, table: Table, words: tuple[Spelling, ...]) -> dict[int, float]:
        """How strongly each row has these words near each other, from 0 to 1.

        Each word is given by its stems, any of which will do.
        """
        found: dict[int, float] = {}
        if not all(self._indexed.intersection(stems) for stems in words):
            return found
        for query in _queries(words):
            with self._lock:
                rows = self._database.execute(_MATCHES[table], (query,)).fetchall()
            if len(words) == 1:
                size, known = self._sizes[table], len(rows)
                rarity = max(math.log((size - known + 0.5) / (known + 0.5)), _LEAST_RARITY)
                strengths = [(number, score / rarity / _MOST) for number, score in rows]
            else:
                most = max((score for _, score in rows), default=1.0)
                strengths = [
                    (number, ONE_MENTION * (0.5 + 0.6 * score / most)) for number, score in rows
                ]
            for number, strength in strengths:
                found[number] = max(strength, found.get(number, 0.0))
        return found

    def gather(self, table: Table, stems: Iterable[str]) -> dict[int, float]:
        """How much of many stems each row has, near 1 for the one that has most."""
        query = " OR ".join(f'"{stem}"' for stem in sorted(self._indexed.intersection(stems)))
        if not query:
            return {}
        with self._lock:
            rows = self._database.execute(_MATCHES[table], (query,)).fetchall()
        most = _LEAST_GATHERED + max((score for _, score in rows), default=0.0)
        return {number: score / most for number, score in rows}


def _queries(words: tuple[Spelling, ...]) -> list[str]:
    spelled = {tuple(stems[end] for stems in words) for end in (0, -1)}
    quoted = [" ".join(f'"{stem}"' for stem in stems) for stems in sorted(spelled)]
    return quoted if len(words) == 1 else [f"NEAR({stems}, {_NEAR})" for stems in quoted]
