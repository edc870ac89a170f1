"""Answers: what was found, quoted and linked, in words that claim nothing more.

Every answer says that it comes from the sandbox. Where nothing is searched, it quotes what it was
sent instead.
"""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from typing import Literal
from urllib.parse import quote

from .company import Agent, Collection
from .documents import Document
from .messages import Message, invalid, last
from .passages import Passage
from .search import SearchIndex

_MOST_HITS = 6
_LONGEST_QUOTE = 1200
_LONGEST_ECHO = 300
_NEAR = 0.75
_START = 2
_IMAGES = {"PNG": b"\x89PNG\r\n", "JPEG": b"\xff\xd8", "GIF": b"GIF8", "WebP": b"RIFF"}
_URL_SAFE = ":/?#@!$&'*+,;=%~-._"

_WORDS = {
    "de": {
        "sandbox": "*Antwort aus der Sandbox: wörtliche Zitate, kein Sprachmodell.*",
        "nothing": "In {count} {where} wurde nichts gefunden zu „{question}“.",
        "documents": "Dokumenten",
        "pages": "gespeicherten Webseiten",
        "files": "hochgeladenen Dateien",
        "source": "Quelle: {link}",
        "start": "Anfang der Datei: {link}",
        "no_search": (
            "Es wurde nicht gesucht: die Anfrage nennt keines der Werkzeuge amberSearch und "
            "webSearch. Eigenes Wissen hat die Sandbox nicht."
        ),
        "no_question": "Die Unterhaltung enthält keine Frage.",
    },
    "en": {
        "sandbox": "*Answer from the sandbox: verbatim quotes, no language model.*",
        "nothing": 'Nothing found in {count} {where} for "{question}".',
        "documents": "documents",
        "pages": "saved web pages",
        "files": "uploaded files",
        "source": "Source: {link}",
        "start": "Beginning of the file: {link}",
        "no_search": (
            "Nothing was searched: the request names neither of the tools amberSearch and "
            "webSearch. The sandbox has no knowledge of its own."
        ),
        "no_question": "The conversation contains no question.",
    },
}


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer is searched in, and how it links a document."""

    where: Literal["documents", "pages", "files"]
    index: SearchIndex
    link: Callable[[Document], str]
    folders: tuple[str, ...] = ()


def linked(
    where: Literal["documents", "pages"],
    collection: Collection,
    url: str,
    folders: tuple[str, ...] = (),
) -> Source:
    """A collection that is served at a URL; pages of the web link to where they come from."""

    def link(document: Document) -> str:
        saved_from = document.url if where == "pages" else ""
        target = quote(saved_from or f"{url}/{quote(document.path)}", safe=_URL_SAFE)
        name = re.sub(r"([\[\]\\])", r"\\\1", f"{document.title} ({document.path})")
        return f"[{name}]({target})"

    return Source(where, collection.index, link, folders)


def write(
    messages: Sequence[Message],
    sources: Sequence[Source],
    language: str,
    *,
    passages: int,
    agent: Agent | None = None,
) -> str:
    """The answer to the last question of the messages from what the sources have, as Markdown.

    German for `de`, English for every other language; `passages` are quoted of each source.
    """
    words = _words(language)
    parts = [words["sandbox"]]
    asked = [message.text for message in messages if message.role == "user"]
    before, question = ["", "", *asked][-2:]
    if agent is not None:
        parts.append(f"Agent **{agent.name}**: {agent.opening}".rstrip(": "))
    if not question.strip():
        return "\n\n".join([*parts, words["no_question"]])
    if not sources:
        parts.append(words["no_search"])
    for source in sources:
        hits = source.index.search(question, _MOST_HITS, folders=source.folders, before=before)
        close = [hit for hit in hits if hit.score >= _NEAR * hits[0].score]
        found = [(hit.document, hit.passages) for hit in close]
        label = words["source"]
        if not found and source.where == "files":
            found = [(each, each.passages[:_START]) for each in source.index.documents]
            label = words["start"]
        if not found:
            where, count = words[source.where], source.index.count(source.folders)
            short = _shortened(question)
            parts.append(words["nothing"].format(count=count, where=where, question=short))
        # The best passage of each document, then the second of each, and so on.
        ranks = zip_longest(*([(document, each) for each in some] for document, some in found))
        ranked = [each for rank in ranks for each in rank if each is not None]
        for document, passage in ranked[:passages]:
            parts += [_quoted(passage), label.format(link=source.link(document))]
    return "\n\n".join([*parts, *_pictures(messages)])


def reply(messages: Sequence[Message]) -> str:
    """The answer where nothing is searched: to the results of functions, or to a request.

    Raises:
        RequestValidationError: an image cannot be read.
    """
    parts = [_words("en")["sandbox"]]
    if instruction := last(messages, "developer", "system").text.strip():
        parts.append(f"Instruction: “{_shortened(instruction)}”")
    if messages and messages[-1].role == "tool":
        return "\n\n".join([*parts, *_results(messages)])
    text = _shortened(last(messages, "user").text)
    parts.append(f"Your request: “{text}”" if text else _words("en")["no_question"])
    return "\n\n".join([*parts, *_pictures(messages)])


def _pictures(messages: Sequence[Message]) -> list[str]:
    """What the images of the last request are, as far as their first bytes say."""
    images = last(messages, "user").images
    return [f"Image {at}: {_described(url)}." for at, url in enumerate(images, 1)]


def _described(url: str) -> str:
    if url.startswith(("https://", "http://")):
        return f"{_shortened(url)}. The sandbox fetches nothing, so it has not seen it"
    head, _, content = url.partition(";base64,")
    try:
        data = base64.b64decode(content, validate=True)
    except ValueError as error:
        raise invalid("messages", "the data URI's content is not base64") from error
    kinds = [kind for kind, start in _IMAGES.items() if data.startswith(start)]
    if not (head.startswith("data:image/") and kinds):
        text = "an image is the data URI of a PNG, JPEG, GIF or WebP"
        raise invalid("messages", text)
    return f"{kinds[0]}, {len(data)} bytes"


def _shortened(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_ECHO else f"{line[:_LONGEST_ECHO].rstrip()} …"


def _results(messages: Sequence[Message]) -> list[str]:
    """The results at the end of the messages, each with the name of its function."""
    calls = [call for message in messages for call in message.tool_calls or []]
    functions = {str(call.get("id")): call.get("function") for call in calls}
    names = {id_: each.get("name") for id_, each in functions.items() if isinstance(each, dict)}
    results = reversed([*takewhile(lambda each: each.role == "tool", reversed(messages))])
    return [
        f"Result of {names.get(each.tool_call_id or '') or each.name or 'a function'}: "
        f"“{each.text[:_LONGEST_QUOTE].strip()}”"
        for each in results
    ]


def _quoted(passage: Passage) -> str:
    """A passage as a Markdown quote, under the last of its headings."""
    text = passage.text
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE].rsplit(maxsplit=1)[0] + " …"
    lines = [f"**{passage.headings[-1]}**", ""] if passage.headings else []
    return "\n".join(f"> {line}".rstrip() for line in [*lines, *text.splitlines()])


def _words(language: str) -> dict[str, str]:
    return _WORDS["de" if language.lower().partition("-")[0] == "de" else "en"]
