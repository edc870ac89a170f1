"""Answers: what was found, quoted and linked, in words that claim nothing more."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from .agents import Agent
from .index import Hit
from .passages import Passage

_LONGEST_QUOTE = 1200
_LONGEST_QUESTION = 200
_CLOSE_PASSAGE = 0.4
_CLOSE_DOCUMENT = 0.75

_WORDS = {
    "de": {
        "sandbox": "*Antwort aus der Sandbox: wörtliche Zitate, kein Sprachmodell.*",
        "nothing": "In {count} {where} wurde nichts gefunden zu „{question}“.",
        "documents": "Dokumenten",
        "pages": "gespeicherten Webseiten",
        "files": "hochgeladenen Dateien",
        "source": "Quelle: {link}",
        "start_of": "Anfang der Datei: {link}",
        "no_search": (
            "Es wurde nicht gesucht: die Anfrage nennt keines der Werkzeuge amberSearch und "
            "webSearch. Eigenes Wissen hat die Sandbox nicht."
        ),
        "no_question": "Die Unterhaltung enthält keine Frage.",
        "unreadable": "Ohne lesbaren Text: {names}.",
        "agent": "Agent **{name}**: {opening}",
        "overview": "Gefundene Dokumente:",
    },
    "en": {
        "sandbox": "*Answer from the sandbox: verbatim quotes, no language model.*",
        "nothing": 'Nothing found in {count} {where} for "{question}".',
        "documents": "documents",
        "pages": "saved web pages",
        "files": "uploaded files",
        "source": "Source: {link}",
        "start_of": "Beginning of the file: {link}",
        "no_search": (
            "Nothing was searched: the request names neither of the tools amberSearch and "
            "webSearch. The sandbox has no knowledge of its own."
        ),
        "no_question": "The conversation contains no question.",
        "unreadable": "Without readable text: {names}.",
        "agent": "Agent **{name}**: {opening}",
        "overview": "Documents found:",
    },
}


@dataclass(frozen=True, slots=True)
class Source:
    """A collection that was searched: what was found, in how many of what, linked how."""

    where: str
    count: int
    hits: Sequence[Hit]
    link: Callable[[Hit], str]
    unreadable: Sequence[str] = ()
    is_beginning: bool = False


class Wording:
    """The answer's own words in one language: German, or English for every other code."""

    def __init__(self, language: str) -> None:
        self._words = _WORDS["de" if language.lower().partition("-")[0] == "de" else "en"]

    def __getitem__(self, name: str) -> str:
        return self._words[name]


def write(
    question: str,
    sources: Sequence[Source],
    *,
    language: str,
    passages: int,
    agent: Agent | None = None,
) -> str:
    """The whole answer to a question, as Markdown."""
    wording = Wording(language)
    parts = [wording["sandbox"]]
    if agent is not None:
        parts.append(wording["agent"].format(name=agent.name, opening=agent.opening).rstrip(": "))
        passages = agent.passages or passages
    if not question.strip():
        return "\n\n".join([*parts, wording["no_question"]])
    if not sources:
        parts.append(wording["no_search"])
    if agent is not None and agent.overview:
        links = [f"- {source.link(hit)}" for source in sources for hit in source.hits]
        parts += [wording["overview"], "\n".join(links)] if links else []
    for source in sources:
        parts += _report(source, question, wording, passages)
    return "\n\n".join(parts)


def _report(source: Source, question: str, wording: Wording, passages: int) -> list[str]:
    parts = []
    if source.unreadable:
        parts.append(wording["unreadable"].format(names=", ".join(source.unreadable)))
    label = "start_of" if source.is_beginning else "source"
    for hit, passage in choose(source.hits, passages):
        parts.append(quoted(passage))
        parts.append(wording[label].format(link=source.link(hit)))
    if not source.hits and not source.unreadable:
        short = " ".join(question.split())[:_LONGEST_QUESTION]
        parts.append(
            wording["nothing"].format(
                count=source.count, where=wording[source.where], question=short
            )
        )
    return parts


def choose(hits: Sequence[Hit], passages: int) -> list[tuple[Hit, Passage]]:
    """The passages to quote: the best of each document that comes close, then more of those."""
    near = [hit for hit in hits if hit.score >= _CLOSE_DOCUMENT * hits[0].score]
    near = near[: max(1, (passages + 1) * 2 // 3)]
    chosen = [(hit, passage) for hit in near for _, passage in hit.passages[:1]]
    for hit in near:
        least = _CLOSE_PASSAGE * hit.passages[0][0] if hit.passages else 0.0
        chosen += [(hit, passage) for score, passage in hit.passages[1:] if score >= least]
    return sorted(chosen[:passages], key=lambda each: near.index(each[0]))


def quoted(passage: Passage) -> str:
    """A passage as a Markdown quote, under the last of its headings."""
    text = passage.text
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE].rsplit(maxsplit=1)[0] + " …"
    lines = [f"**{passage.headings[-1]}**", ""] if passage.headings else []
    return "\n".join(f"> {line}".rstrip() for line in [*lines, *text.splitlines()])


def link(title: str, path: str, url: str) -> str:
    """A Markdown link that names the document and where it lies."""
    name = re.sub(r"([\[\]\\])", r"\\\1", f"{title} ({path})")
    return f"[{name}]({quote(url, safe=_URL_SAFE)})"


_URL_SAFE = ":/?#@!$&'*+,;=%~-._"


def address(base: str, folder: str, path: str) -> str:
    """Where the sandbox serves a document."""
    return f"{base}/{folder}/{quote(path)}"
