"""Passages: a text taken apart into pieces small enough to quote and whole enough to answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST = 700
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*(?:\{\s*[#.][^{}]*\}\s*)?#*\s*$")
_FENCE = re.compile(r"\s*(```|~~~)")
_UNDERLINE = re.compile(r"(=+|-{3,})\s*$")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*$")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: its Markdown and the headings it stands under."""

    text: str
    headings: tuple[str, ...] = ()


def take_apart(markdown: str) -> tuple[str, list[Passage]]:
    """The first top heading of a text, and its passages in their order."""
    title = ""
    found: list[Passage] = []
    for headings, blocks in _sections(markdown):
        if not title and headings:
            title = headings[0]
        found += [Passage(text, headings) for text in _pack(blocks)]
    return title, found


def plain(markdown: str) -> str:
    """Markdown's marks taken out of one line, as for a title."""
    without_links = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\s+", " ", re.sub(r"[*`]|<[^>]*>", "", without_links)).strip()


def _sections(markdown: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each heading path with the blocks (paragraphs, lists, tables, code) beneath it."""
    path: dict[int, str] = {}
    blocks: list[str] = []
    block: list[str] = []
    fenced = False

    def end_block() -> None:
        if block:
            blocks.append("\n".join(block))
            block.clear()

    for raw in _COMMENT.sub("", markdown).splitlines():
        line = raw.rstrip()
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        level, name = (len(heading[1]), heading[2]) if heading else (0, "")
        if not fenced and len(block) == 1 and _UNDERLINE.match(line) and "|" not in block[0]:
            level, name = (1 if line[0] == "=" else 2), block.pop()
        if level:
            end_block()
            yield tuple(path[depth] for depth in sorted(path)), blocks
            blocks = []
            path = {depth: text for depth, text in path.items() if depth < level}
            path[level] = plain(name)
        elif line or fenced:
            block.append(line)
        else:
            end_block()
    end_block()
    yield tuple(path[depth] for depth in sorted(path)), blocks


def _pack(blocks: list[str]) -> Iterator[str]:
    """Neighbouring blocks put together as far as they fit, longer ones divided."""
    packed = ""
    for block in blocks:
        for piece in _divide(block):
            if packed and len(packed) + len(piece) > _LONGEST:
                yield packed
                packed = ""
            packed = f"{packed}\n\n{piece}" if packed else piece
    if packed:
        yield packed


def _divide(block: str) -> Iterator[str]:
    if len(block) <= _LONGEST:
        yield block
        return
    lines = block.split("\n")
    head: list[str] = lines[:2] if len(lines) > 2 and _RULE.match(lines[1]) else []
    pieces = lines[2:] if head else [p for p in _SENTENCE.split(block) if p]
    joint = "\n" if head or len(lines) > len(block) / 120 else " "
    start = len("\n".join(head))
    piece: list[str] = []
    size = start
    for line in pieces:
        if piece and size + len(line) > _LONGEST:
            yield joint.join([*head, *piece])
            piece, size = [], start
        for cut in range(0, len(line) or 1, 4 * _LONGEST):
            piece.append(line[cut : cut + 4 * _LONGEST])
        size += len(line) + 1
    yield joint.join([*head, *piece])
