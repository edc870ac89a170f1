"""The links in an answer's text, as a Markdown parser finds them: none in code, none of images."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING

from .sources import MAX_SOURCES, Found, found

if TYPE_CHECKING:
    from markdown_it.token import Token

_MAX_CHARS = 50_000
"""Links are not looked for in more of a text: hostile text takes the parser 20 µs a character."""

_MAX_LINES = 3_000
_MAX_NESTING = 20
_MAX_TITLE_CHARS = 1_000
_NUMBER = re.compile(r"[\[\s^]*(\d{1,4})[\]\s]*")
_NUMBER_BEFORE = re.compile(r"[\s,;|–-]*\[\^?(\d{1,4})\](?=[:\s])")
_FOOTNOTE = re.compile(r"\s*\[\^(\d{1,4})\]:\s+(\S.*)")
_HREF = re.compile(
    r"""(?i)<a\s[^>]{0,500}?href\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
)
# What an address may hold, and what is punctuation in a text, in German and Chinese as well.
_BARE_URL = re.compile(
    r"(?i)https?://[^\s\"`|\\^<>{}\u00ab\u00bb\u2018-\u201f\u2020\u2026\u2039\u203a\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3001\u3002\u3008-\u3011\u3014-\u301f\uff01\uff08\uff09\uff0c"
    r"\uff1a\uff1b\uff1f\uff3b\uff3d\uff5b-\uff5d\uff61-\uff64\ufeff]{1,2000}"
)


def links_in(text: str) -> tuple[Found, ...]:
    """The links that stand in the beginning of `text`, and its numbered footnotes.

    Takes up to some seconds for hostile text: call it in a worker thread.
    """
    if "://" not in text and "[^" not in text:
        return ()
    lines = text[:_MAX_CHARS].split("\n", _MAX_LINES)[:_MAX_LINES]
    return tuple(islice(_Reader().read("\n".join(lines)), MAX_SOURCES))


class _Reader:
    """The parsers; to import them takes longer than most answers do, which have no links."""

    def __init__(self) -> None:
        from linkify_it import LinkifyIt
        from markdown_it import MarkdownIt

        options = {"html": True, "maxNesting": _MAX_NESTING}
        markdown = MarkdownIt("js-default", options).disable(["html_block", "linkify", "table"])
        # What an address may be, and how it is written, is for `web_address` to say.
        markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
        markdown.normalizeLink = lambda url: url  # type: ignore[method-assign]
        self._markdown = markdown
        self._linkify = LinkifyIt()

    def read(self, text: str) -> Iterator[Found]:
        """The links and footnotes of a text."""
        env: dict[str, dict[str, dict[str, str]]] = {}
        blocks = self._markdown.parse(text, env)
        references = env.get("references", {})
        numbers = {
            reference["href"]: int(match[1])
            for label, reference in references.items()
            if (match := _NUMBER.fullmatch(label))
        }
        item = 0
        for block in blocks:
            if block.type == "list_item_open":
                item = int(block.info[:4] or 0)
            elif block.type == "list_item_close":
                item = 0
            for line in _lines(block.children or []):
                for each in self._in_line(line, numbers):
                    yield replace(each, number=each.number or item)
                    item = 0
        for label, reference in references.items():
            href = reference["href"]
            if _may_be_source(href) or (label.startswith("^") and ":" not in href):
                yield from found(reference["title"], href, "link", number=numbers.get(href, 0))

    def _in_line(self, line: list["Token"], numbers: Mapping[str, int]) -> Iterator[Found]:
        """The links in a line: a link may be its number, or have that before it."""
        links = [*self._links(line)]
        for before, title, href in links:
            label, marked = _NUMBER.fullmatch(title), _NUMBER_BEFORE.match(before)
            number = label or marked
            yield from found(
                "" if label else title,
                href,
                "link",
                number=numbers.get(href, 0) or (int(number[1]) if number else 0),
            )
        text = "".join(token.content for token in line if token.type == "text")
        if not links and (footnote := _FOOTNOTE.match(text)):
            yield from found(footnote[2], "", "link", number=int(footnote[1]))

    def _links(self, line: list["Token"]) -> Iterator[tuple[str, str, str]]:
        """What stands before each link in a line, its title and its address."""
        before, href, title = "", "", ""
        for token in line:
            anchor = _HREF.match(token.content) if token.type == "html_inline" else None
            if token.type == "link_open":
                href, title = str(token.attrGet("href") or ""), ""
            elif anchor:
                href, title = unescape(anchor[1] or anchor[2] or anchor[3] or ""), ""
            elif token.type == "link_close" or token.content.lower() == "</a>":
                if _may_be_source(href):
                    yield before, title, href
                    before = ""
                href = ""
            elif href and token.type != "html_inline":
                title += token.content[:_MAX_TITLE_CHARS]
            elif token.type == "text":
                place = 0
                for start, end, url in self._bare(token.content):
                    yield before + token.content[place:start], "", url
                    before, place = "", end
                before = (before + token.content[place:])[:_MAX_TITLE_CHARS]

    def _bare(self, text: str) -> Iterator[tuple[int, int, str]]:
        """The addresses that stand in a text as they are, and where."""
        place = 0
        while match := _BARE_URL.search(text, place):
            place = match.end()
            if link := self._linkify.match_at_start(match.group()):
                place = match.start() + len(link.raw)
                yield match.start(), place, link.raw.rstrip(".,;:!?*_~")


def _lines(tokens: list["Token"]) -> Iterator[list["Token"]]:
    """The tokens of a paragraph, line by line."""
    line: list[Token] = []
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield line
            line = []
        else:
            line.append(token)
    yield line


def _may_be_source(href: str) -> bool:
    return href.lower().startswith(("http:", "https:", "file:"))
