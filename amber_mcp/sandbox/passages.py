"""Passages: a Markdown text divided into pieces small enough to quote."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST = 700
_BLOCK = re.compile(
    r"(?m)^[ \t]*(?P<fence>```|~~~).*(?:\n.*)*?(?:\n[ \t]*(?P=fence).*|\Z)"
    r"|^(?P<level>#{1,6})[ \t]+(?P<name>.*?)[ \t]*(?:\{[ \t]*[#.][^{}\n]*\}[ \t]*)?#*[ \t]*$"
    r"|(?:^(?![ \t]*(?:```|~~~)|#{1,6}[ \t]).+\n?)+"
)
"""Code, a heading, or what stands between blank lines: a paragraph, a list, a table."""
_TABLE_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*$")
_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|\n")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: its Markdown, and the headings that it stands under."""

    text: str
    headings: tuple[str, ...] = ()


def split_passages(markdown: str) -> tuple[str, list[Passage]]:
    """The first heading of a text, and its passages in their order."""
    text = "\n".join(map(str.rstrip, _COMMENT.sub("", markdown).splitlines()))
    path: tuple[tuple[int, str], ...] = ()
    title, blocks, passages = "", list[str](), list[Passage]()
    for block in [*_BLOCK.finditer(text), None]:
        if block and not block["level"]:
            blocks.append(block[0].rstrip("\n"))
            continue
        headings = tuple(name for _, name in path)
        title = title or (headings[0] if headings else "")
        passages += [Passage(each, headings) for each in _pack(blocks)]
        if block:
            level, blocks = len(block["level"]), []
            path = (*(each for each in path if each[0] < level), (level, plain(block["name"])))
    return title, passages


def plain(markdown: str) -> str:
    """One line of Markdown without its marks, as for a title."""
    without_links = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\s+", " ", re.sub(r"[*`]|<[^>]*>", "", without_links)).strip()


def _pack(blocks: list[str]) -> Iterator[str]:
    """Neighbouring blocks joined as far as they fit, longer ones divided."""
    packed = ""
    for piece in (piece for block in blocks for piece in _divide(block)):
        if packed and len(packed) + len(piece) > _LONGEST:
            yield packed
            packed = ""
        packed = f"{packed}\n\n{piece}" if packed else piece
    if packed:
        yield packed


def _divide(block: str) -> Iterator[str]:
    """A block in pieces: a table by its rows, each piece with the head; other text by sentences."""
    if len(block) <= _LONGEST:
        yield block
        return
    lines = block.split("\n")
    head = lines[:2] if len(lines) > 2 and _TABLE_RULE.match(lines[1]) else []
    parts = lines[2:] if head else [part for part in _SENTENCE_END.split(block) if part]
    joint = "\n" if head or len(lines) > len(block) / 120 else " "
    piece: list[str] = []
    for part in parts:
        for cut in range(0, len(part) or 1, _LONGEST):
            if piece and sum(map(len, piece)) + len(part) > _LONGEST:
                yield joint.join([*head, *piece])
                piece = []
            piece.append(part[cut : cut + _LONGEST])
    yield joint.join([*head, *piece])
