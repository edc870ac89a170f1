"""Where an answer's sources are found.

amber documents no field for them (seed 000 leaves `choices` untyped), so three places are read:
`annotations[].url_citation` as OpenAI's format has it, arrays named `sources` or `citations` on
the message, the choice or the body, and the links in the text. Only http(s) links count, and
none is made up.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from .types import Origin, Source

_MAX_TITLE_CHARS = 200
_MAX_URL_CHARS = 2_000
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
    found: list[Source] = []
    for place in places:
        for entry in _entries(place.get("annotations")):
            citation = entry.get("url_citation", entry) if isinstance(entry, Mapping) else None
            if isinstance(citation, Mapping):
                found.extend(_source(citation, "annotation"))
    for place in places:
        for key in ("sources", "citations"):
            for entry in _entries(place.get(key)):
                found.extend(_source(entry, "citation"))
    return distinct(found)


def links_in(text: str) -> tuple[Source, ...]:
    """The http(s) links that stand in `text`, Markdown links with their titles first."""
    titled = [
        Source(_clean(match["title"]) or match["url"], match["url"], "link")
        for match in re.finditer(_MARKDOWN_LINK, text)
        if _is_web(match["url"])
    ]
    rest = re.sub(_MARKDOWN_LINK, " ", re.sub(_MARKDOWN_IMAGE, " ", text))
    bare = [match.group().rstrip(".,;:!?*_") for match in re.finditer(_BARE_URL, rest)]
    return distinct([*titled, *(Source(url, url, "link") for url in bare if _is_web(url))])


def distinct(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources without repeated addresses, in order."""
    by_url: dict[str, Source] = {}
    for source in sources:
        by_url.setdefault(source.url, source)
    return tuple(by_url.values())


def _entries(value: object) -> Iterator[object]:
    if isinstance(value, list):
        yield from value


def _source(entry: object, origin: Origin) -> Iterator[Source]:
    if isinstance(entry, str):
        entry = {"url": entry}
    if not isinstance(entry, Mapping):
        return
    url = next((v for key in _URL_KEYS if isinstance(v := entry.get(key), str) and _is_web(v)), "")
    if url:
        titles = (v for key in _TITLE_KEYS if isinstance(v := entry.get(key), str) and v.strip())
        yield Source(_clean(next(titles, url)), url, origin)


def _is_web(url: str) -> bool:
    if len(url) > _MAX_URL_CHARS or re.search(r"[\s\x00-\x1f\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None


def _clean(title: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in title)
    return " ".join(printable.split())[:_MAX_TITLE_CHARS]
