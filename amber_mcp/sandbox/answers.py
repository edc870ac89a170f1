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
from .search import Hit

_MOST_HITS = 6
_LONGEST_QUOTE = 1200
_LONGEST_ECHO = 300
_NEAR = 0.75
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
class Found:
    """What a search gave: documents with their passages, best first, out of `count`."""

    where: Literal["documents", "pages", "files"]
    count: int
    documents: Sequence[tuple[Document, Sequence[Passage]]]
    link: Callable[[Document], str]
    is_start: bool = False


def near(hits: Sequence[Hit]) -> list[tuple[Document, Sequence[Passage]]]:
    """The documents that come close to the best one, with their passages."""
    close = [hit for hit in hits if hit.score >= _NEAR * hits[0].score]
    return [(hit.document, hit.passages) for hit in close]


def search(
    collection: Collection,
    question: str,
    before: str,
    served: str,
    folders: tuple[str, ...] = (),
    *,
    is_web: bool = False,
) -> Found:
    """Search a collection that is `served` at an address, as a question after another one.

    Pages of the web link to where they were saved from.
    """

    def link(document: Document) -> str:
        own = f"{served}/{collection.token}/{quote(document.path)}"
        url = (document.url if is_web else "") or own
        name = re.sub(r"([\[\]\\])", r"\\\1", f"{document.title} ({document.path})")
        return f"[{name}]({quote(url, safe=_URL_SAFE)})"

    hits = collection.index.search(question, _MOST_HITS, folders=folders, before=before)
    where: Literal["documents", "pages"] = "pages" if is_web else "documents"
    return Found(where, collection.index.count(folders), near(hits), link)


def write(
    question: str,
    sources: Sequence[Found],
    language: str,
    *,
    passages: int,
    agent: Agent | None = None,
) -> str:
    """The answer to a question from what was found, as Markdown.

    German for `de`, English for every other language; `passages` are quoted of each source.
    """
    words = _words(language)
    parts = [words["sandbox"]]
    if agent is not None:
        parts.append(f"Agent **{agent.name}**: {agent.opening}".rstrip(": "))
    if not question.strip():
        return "\n\n".join([*parts, words["no_question"]])
    if not sources:
        parts.append(words["no_search"])
    for source in sources:
        if not source.documents:
            where = words[source.where]
            short = shortened(question)
            parts.append(words["nothing"].format(count=source.count, where=where, question=short))
        label = words["start" if source.is_start else "source"]
        # The best passage of each document, then the second of each, and so on.
        ranks = zip_longest(*([(d, each) for each in found] for d, found in source.documents))
        ranked = [each for rank in ranks for each in rank if each is not None]
        for document, passage in ranked[:passages]:
            parts += [_quoted(passage), label.format(link=source.link(document))]
    return "\n\n".join(parts)


def reply(messages: Sequence[Message]) -> str:
    """The answer where nothing is searched: to the results of functions, or to a request.

    Raises:
        RequestValidationError: an image cannot be read.
    """
    parts = [_words("en")["sandbox"]]
    if instruction := last(messages, "developer", "system").text.strip():
        parts.append(f"Instruction: “{shortened(instruction)}”")
    if messages and messages[-1].role == "tool":
        return "\n\n".join([*parts, *_results(messages)])
    asked = last(messages, "user")
    text = shortened(asked.text)
    parts.append(f"Your request: “{text}”" if text else _words("en")["no_question"])
    return "\n\n".join([*parts, *pictures(asked)])


def pictures(asked: Message) -> list[str]:
    """What the images of a message are, as far as their first bytes say.

    Raises:
        RequestValidationError: one is no image.
    """
    return [f"Image {at}: {_described(url)}." for at, url in enumerate(asked.images, 1)]


def _described(url: str) -> str:
    if url.startswith(("https://", "http://")):
        return f"{shortened(url)}. The sandbox fetches nothing, so it has not seen it"
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


def shortened(text: str) -> str:
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
