"""Where an answer's fields tell its sources.

amber documents no field for them (seed 000 leaves `choices` untyped), so the places and names are
those of other APIs of this kind: OpenAI, Azure, Perplexity, Cohere, Anthropic and Vertex (through
LiteLLM), Open WebUI, LangChain. Nothing is made up: an entry without a title, a web address and a
place is no source.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeGuard

from amber_mcp.text.sanitise import one_line

from .types import Entry, Json, Origin
from .web_address import web_address

MAX_SOURCES = 1_000
"""More entries are not looked at in an answer, nor in a piece of one."""

_MAX_CHARS = 200
_MAX_MARK_CHARS = 400
_MAX_DEPTH = 8
_MAX_HOLDERS = 1_000
_MAX_NAME_CHARS = 40
_LISTS: Mapping[str, Origin] = {
    "citations": "citation",
    "citation": "citation",
    "sources": "citation",
    "searchresults": "citation",
    "sourcedocuments": "citation",
    "groundingchunks": "citation",
    "references": "citation",
    "annotations": "annotation",
}
_HOLDERS = (
    *("content", "context", "groundingmetadata", "metadata", "providerspecificfields"),
    "vertexaigroundingmetadata",
)
"""What is not a list of sources, and may hold one."""
_INNER = (
    *("urlcitation", "filecitation", "filepath", "web", "retrievedcontext", "document", "source"),
    *("metadata", "url"),
)
"""What an entry may hold its title and address in."""
_URLS = ("url", "weburl", "sourceurl", "pageurl", "documenturl", "link", "href", "uri", "source")
_TITLES = ("title", "name", "filename", "documenttitle", "documentname", "label")
_PLACES = (
    *("filepath", "path", "file", "place", "location", "folder", "source", "url", "uri", "href"),
    *("fileid", "documentid", "docid", "id"),
)
_ADDRESS = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,20}://\S*|\bwww\.\S*")
_NO_PLACE = re.compile(r"(?i)\s*(?:https?|javascript|vbscript|data|blob|about):")


@dataclass(frozen=True, slots=True)
class Found:
    """What may be a source of an answer.

    `number` is the one that it has where it was found (0: none), and `mark` the text that stands
    for it in the answer.
    """

    title: str
    url: str
    place: str
    origin: Origin
    number: int = 0
    mark: str = ""


def entries_of(*holders: Mapping[str, Json]) -> tuple[Entry, ...]:
    """What the given objects (message, choice, body) list as sources, numbered list by list."""
    return tuple(islice(_entries(holders), MAX_SOURCES))


def found_in(entries: Iterable[Entry]) -> Iterator[Found]:
    """What the entries tell of their sources."""
    for entry in entries:
        fields = entry.value if isinstance(entry.value, dict) else {"source": entry.value}
        inside = _fields(fields)
        urls = [text for text in _texts(inside, _URLS) if web_address(text)]
        places = [text for text in _texts(inside, _PLACES) if not _NO_PLACE.match(text)]
        title = next(_texts(inside, _TITLES), "")
        mark = fields.get("text")
        yield from found(
            title,
            (urls or places or [""])[0],
            entry.origin,
            number=entry.number,
            mark=mark[:_MAX_MARK_CHARS] if isinstance(mark, str) else "",
        )


def found(
    title: str, place: str, origin: Origin, *, number: int = 0, mark: str = ""
) -> Iterator[Found]:
    """What is named `title` and lies at `place`, a web address or another; nothing if both are
    unfit to be shown.
    """
    url = web_address(place)
    place = "" if url or _NO_PLACE.match(place) else one_line(place, max_chars=_MAX_CHARS)
    last = place.rstrip("/\\") if " " in place else re.split(r"[/\\]", place.rstrip("/\\"))[-1]
    # An address in a title may be another one.
    title = one_line(_ADDRESS.sub("", title[: 4 * _MAX_CHARS]), max_chars=_MAX_CHARS) or url or last
    if title:
        yield Found(title, url, "" if place == title else place, origin, number, mark)


def _entries(holders: Iterable[Mapping[str, Json]]) -> Iterator[Entry]:
    for origin, value in _held(holders):
        for number, each in _numbered(value):
            yield Entry(origin, number, each)


def _held(holders: Iterable[Mapping[str, Json]]) -> Iterator[tuple[Origin, Json]]:
    """What is named as sources are, in the holders and in what these hold."""
    queue = [*holders]
    for holder in queue:
        fields = {_plain(key): value for key, value in holder.items()}
        for name, origin in _LISTS.items():
            if name in fields:
                yield origin, fields[name]
        for name in _HOLDERS:
            queue += _mappings(fields.get(name))[: max(0, _MAX_HOLDERS - len(queue))]


def _numbered(value: Json) -> Iterator[tuple[int, Json]]:
    """The entries of a list, of lists in it, of an object by number, or of a single object."""
    if isinstance(value, dict):
        if value and all(key.isdecimal() and len(key) < 6 for key in value):
            yield from ((int(key), each) for key, each in value.items())
        else:
            yield 1, value
    elif isinstance(value, list):
        yield from enumerate(_flat(value), 1)


def _flat(entries: list[Json], depth: int = 0) -> Iterator[Json]:
    """The entries, in the place of a list (Anthropic) or of a passage (Cohere) its own ones."""
    for entry in entries:
        inner = entry.get("sources") if isinstance(entry, dict) else entry
        if isinstance(inner, list) and depth < _MAX_DEPTH:
            yield from _flat(inner, depth + 1)
        else:
            yield entry


def _fields(entry: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The fields of an entry, its own first, under plain names."""
    level = [entry]
    inside: list[Mapping[str, Json]] = []
    for _ in range(3):
        plain = [{_plain(key): value for key, value in each.items()} for each in level[:10]]
        inside += plain
        level = [
            each for fields in plain for name in _INNER for each in _mappings(fields.get(name))[:1]
        ]
    return inside


def _texts(inside: list[Mapping[str, Json]], names: tuple[str, ...]) -> Iterator[str]:
    """The texts that have one of the names, the first name of the outermost object first."""
    for fields in inside:
        for name in names:
            value = fields.get(name)
            if isinstance(value, str) and value.strip():
                yield value


def _mappings(value: Json) -> list[Mapping[str, Json]]:
    """An object, or those in a list."""
    return [each for each in (value if isinstance(value, list) else [value]) if _is_mapping(each)]


def _is_mapping(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)


def _plain(key: str) -> str:
    """A field's name, however its words are joined: `web_url` and `webUrl` are one."""
    return key.replace("_", "").replace("-", "").lower() if len(key) < _MAX_NAME_CHARS else ""
