"""Words: what a text is made of once endings, umlauts and filler words no longer matter.

A word is known by its stems, one for each language that the sandbox reads. Documents and
questions mix German and English freely, so nothing is guessed: every word gets both stems.
"""

import re
import threading
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import snowballstemmer

Spelling = tuple[str, ...]
LANGUAGES = ("de", "en")
_WORD = re.compile(r"[^\W_]+(?:[-'’&][^\W_]+)*")
_PIECE = re.compile(r"[^\W_]+")
_GENITIVE = re.compile(r"['’]s$")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST_STEMMED = 40
_PREFIXES = (
    "ab", "an", "auf", "aus", "be", "bei", "dar", "durch", "ein", "emp", "ent", "er", "fest",
    "fort", "frei", "ge", "heim", "her", "heraus", "herein", "hin", "hinaus", "hinein", "hinter",
    "krank", "los", "mit", "nach", "nieder", "teil", "uber", "um", "unter", "ver", "vor", "vorbei",
    "weg", "weiter", "wider", "wieder", "zer", "zu", "zuruck", "zusammen",
)  # fmt: skip


def fold(text: str) -> str:
    """Lower case without umlauts, accents and sharp s."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


class Word(NamedTuple):
    """One word of a text: as it was written, and the pieces that a hyphen or a hump joins."""

    text: str
    pieces: tuple[str, ...]


def written(text: str) -> list[str]:
    """The words of a text as they are written, filler words included."""
    return _WORD.findall(text)


def parse(word: str) -> Word:
    """One written word and its pieces."""
    bare = _GENITIVE.sub("", word)
    found = _PIECE.findall(bare)
    pieces = tuple(hump for piece in found for hump in _HUMP.split(piece))
    return Word("".join(found), pieces if len(pieces) > 1 else ())


def _listed(name: str) -> frozenset[str]:
    lines = Path(__file__).with_name(name).read_text("utf-8").splitlines()
    return frozenset(fold(word) for line in lines for word in line.partition("#")[0].split())


class Lexicon:
    """Stems and filler words, remembered as they are met; safe to use from any thread."""

    def __init__(self) -> None:
        self._german = snowballstemmer.stemmer("german")
        self._english = snowballstemmer.stemmer("english")
        self._one_at_a_time = threading.Lock()
        self._stems: dict[str, tuple[str, ...]] = {}

    @cached_property
    def fillers(self) -> frozenset[str]:
        """Words that say nothing about what a text is about, folded, of every language."""
        return frozenset().union(*self._fillers.values())

    @cached_property
    def _fillers(self) -> dict[str, frozenset[str]]:
        return {language: _listed(f"fillers.{language}.txt") for language in LANGUAGES}

    @cached_property
    def _everyday(self) -> frozenset[str]:
        return _listed("everyday.txt")

    @cached_property
    def _common(self) -> frozenset[str]:
        words = _listed("common.txt") | self._everyday
        return frozenset(stem for word in words for stem in self.stems(word))

    def is_everyday(self, word: str) -> bool:
        """Whether a word is so common that it tells less than others."""
        return fold(word) in self._everyday

    def is_common(self, word: str) -> bool:
        """Whether a word, in any of its forms, belongs to any conversation."""
        return not self._common.isdisjoint(self.stems(word))

    def language(self, counted: Mapping[str, int]) -> str:
        """The language whose filler words a text uses most, or "" where it uses too few."""
        seen = dict.fromkeys(LANGUAGES, 0)
        for word, count in counted.items():
            folded = fold(word)
            for language, fillers in self._fillers.items():
                seen[language] += count * (folded in fillers)
        most = max(LANGUAGES, key=seen.__getitem__)
        return most if list(seen.values()).count(seen[most]) == 1 else ""

    def is_filler(self, written: str) -> bool:
        """Whether a word carries no meaning; short capitals such as IT and HR do."""
        if written.isupper() and 2 <= len(written) <= 4:
            return False
        return (len(written) == 1 and not written.isdigit()) or fold(written) in self.fillers

    @cached_property
    def _regular(self) -> dict[str, dict[str, str]]:
        """The verb of each irregular form, by language."""
        found: dict[str, dict[str, str]] = {}
        for language in LANGUAGES:
            lines = Path(__file__).with_name(f"verbs.{language}.txt").read_text("utf-8")
            verbs = [line.split() for line in lines.splitlines() if not line.startswith("#")]
            found[language] = {fold(form): verb for verb, *forms in verbs for form in forms}
        return found

    def _without_prefix(self, lower: str, folded: str) -> str:
        """A German verb form behind its prefix as the verb, or the word as it is."""
        for prefix in _PREFIXES:
            if folded.startswith(prefix) and (
                verb := self._regular["de"].get(folded[len(prefix) :])
            ):
                return prefix + verb
        return lower

    def stems(self, written: str) -> tuple[str, ...]:
        """The German and the English stem of one word, once where they are the same."""
        lower = written.lower()
        known = self._stems.get(lower)
        if known is None:
            known = self._stems[lower] = self._stem(lower)
        return known

    def _stem(self, lower: str) -> Spelling:
        folded = fold(lower)
        if len(lower) > _LONGEST_STEMMED or not folded.isalpha():
            return (folded[:_LONGEST_STEMMED],)
        regular = self._regular["de"].get(folded) or self._without_prefix(lower, folded)
        with self._one_at_a_time:
            german = self._german.stemWord(regular)
            english = self._english.stemWord(self._regular["en"].get(folded, folded))
        return tuple(dict.fromkeys((fold(german), english)))
