"""Where an answer's sources are found.

amber documents no field for them (seed 000 leaves `choices` untyped), so three places are read:
`annotations[].url_citation` as OpenAI's format has it, arrays named `sources` or `citations` on
the message, the choice or the body, and the links in the text. Only http(s) links count, and
none is made up.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from amber_mcp.text.sanitise import one_line

from .types import Origin, Source
from .web_address import web_address

MAX_SOURCES = 1_000
"""More are not looked for in an answer, nor in a piece of one."""

_MAX_TITLE_CHARS = 200
_URL_KEYS = ("url", "link", "href", "uri", "source")
_TITLE_KEYS = ("title", "name", "filename", "file_name")
_MARKDOWN_LINK = (
    r"(?<!!)\[(?P<title>(?:[^\[\]\n]|\[[^\[\]\n]*\]){0,300})\]"
    r"\(\s*<?(?P<url>https?://(?:[^\s()<>]|\([^\s()<>]*\))+)>?(?:\s+[\"'][^\"'\n]*[\"'])?\s*\)"
)
_BARE_URL = r"https?://[^\s<>\"'`\])}|\\^]+"
_MARKDOWN_IMAGE = r"!\[[^\[\]]{0,500}\]\([^()]{0,2000}\)"


def sources_of(*places: Mapping[str, object]) -> tuple[Source, ...]:
    """The sources that the given objects (message, choice, body) carry in fields of their own."""
    return distinct(
        source
        for entry, origin in islice(_entries(places), MAX_SOURCES)
        for source in _source(entry, origin)
    )


def links_in(text: str) -> tuple[Source, ...]:
    """The http(s) links that stand in `text`, Markdown links with their titles first."""
    titled = [
        source
        for match in islice(re.finditer(_MARKDOWN_LINK, text), MAX_SOURCES)
        for source in _linked(match["url"], match["title"], "link")
    ]
    rest = re.sub(_MARKDOWN_LINK, " ", re.sub(_MARKDOWN_IMAGE, " ", text))
    bare = [
        source
        for match in islice(re.finditer(_BARE_URL, rest), MAX_SOURCES)
        for source in _linked(match.group().rstrip(".,;:!?*_"), "", "link")
    ]
    return distinct([*titled, *bare])


def distinct(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources without repeated addresses, in order."""
    by_url: dict[str, Source] = {}
    for source in sources:
        by_url.setdefault(source.url, source)
    return tuple(by_url.values())


def _entries(places: Sequence[Mapping[str, object]]) -> Iterator[tuple[object, Origin]]:
    """What may be a source, and where it stands."""
    for place in places:
        for entry in _list(place.get("annotations")):
            citation = entry.get("url_citation", entry) if isinstance(entry, Mapping) else None
            if isinstance(citation, Mapping):
                yield citation, "annotation"
    for place in places:
        for key in ("sources", "citations"):
            for entry in _list(place.get(key)):
                yield entry, "citation"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _source(entry: object, origin: Origin) -> Iterator[Source]:
    if isinstance(entry, str):
        entry = {"url": entry}
    if not isinstance(entry, Mapping):
        return
    titles = (value for key in _TITLE_KEYS if isinstance(value := entry.get(key), str))
    title = next(filter(str.strip, titles), "")
    urls = (value for key in _URL_KEYS if isinstance(value := entry.get(key), str))
    yield from islice((source for url in urls for source in _linked(url, title, origin)), 1)


def _linked(url: str, title: str, origin: Origin) -> Iterator[Source]:
    """The source at `url`, if that is an address."""
    if address := web_address(url):
        yield Source(one_line(title, max_chars=_MAX_TITLE_CHARS) or address, address, origin)
