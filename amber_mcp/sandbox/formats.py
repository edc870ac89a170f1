"""Formats: one file as Markdown, whatever kind of file it is."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

MOST_BYTES = 64 * 2**20
MOST_TEXT = 4 * 2**20
_SILENT = ["script", "style", "template", "noscript", "svg", "head", "nav", "footer", "iframe"]
_STRIPPED = ["a", "b", "em", "i", "img", "strong"]
_FRONT_MATTER = re.compile(r"\s*---\n((?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|$)")
_FIELD = re.compile(r"(?m)^([\w-]+):[ \t]+(\S.*)$")


class UnreadableError(Exception):
    """A file that cannot be read as text; the message is the reason, in a few words."""


class Text(NamedTuple):
    """What a file says: its Markdown, the title it gives itself, the page it was saved from."""

    markdown: str
    title: str = ""
    url: str = ""


def read(name: str, content: bytes) -> Text:
    """Read a file's content, by the kind that its name says.

    Raises:
        UnreadableError: with the reason for leaving the file out.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix == ".pdf":
        return _read_pdf(content)
    if suffix not in _READERS:
        raise UnreadableError(f"{suffix or 'no suffix'}: not a kind of file that is read")
    return _READERS[suffix](decode(content))


def decode(content: bytes) -> str:
    """Text in UTF-8 or UTF-16 with its mark, or else as Windows wrote it.

    Raises:
        UnreadableError: the content is binary.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").lstrip("\ufeff")
    if b"\0" in content[:8192]:
        raise UnreadableError("binary, not text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _read_markdown(text: str) -> Text:
    """Markdown whose leading `---` block becomes a title and lines of text."""
    block = _FRONT_MATTER.match(text)
    fields = (
        {name.lower(): value.strip("\"' ") for name, value in _FIELD.findall(block[1])}
        if block
        else {}
    )
    if not block or not fields:
        return Text(text)
    title = fields.pop("title", "") or fields.pop("titel", "")
    rest = [f"{name}: {value}" for name, value in fields.items()]
    return Text("\n".join([text[block.end() :], "", *rest]), title)


def _read_csv(text: str) -> Text:
    """A table, whichever of semicolon, comma and tab is most frequent in its first line."""
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise UnreadableError(f"not a table ({error})") from error
    table = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in table if any(row)]
    lines[1:1] = ["|" + " --- |" * len(row) for row in table[:1]]
    return Text("\n".join(lines))


def _read_html(text: str) -> Text:
    """What a browser would show of a page, and the address that it was saved from."""
    from bs4 import BeautifulSoup
    from markdownify import markdownify

    page = BeautifulSoup(text, "html.parser")
    title = " ".join(page.title.get_text().split()) if page.title else ""
    canonical = page.find("link", rel="canonical", href=re.compile("^https?://"))
    saved = re.search(r"saved from url=(?:\(\d+\))?(https?://\S+)", text[:4096])
    url = str(canonical["href"]) if canonical else saved[1] if saved else ""
    for silent in page(_SILENT):
        silent.decompose()
    shown: str = markdownify(str(page.body or page), heading_style="ATX", strip=_STRIPPED)
    return Text(re.sub(r"\n{3,}", "\n\n", shown).strip(), title, url)


def _read_pdf(content: bytes) -> Text:
    import pypdf

    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        text = "\n\n".join(page.extract_text() for page in reader.pages)
        title = str((reader.metadata and reader.metadata.title) or "")
    except Exception as error:
        raise UnreadableError(f"not a readable PDF ({type(error).__name__})") from error
    if not text.strip():
        raise UnreadableError("a PDF without text")
    return Text(text, title)


_READERS: dict[str, Callable[[str], Text]] = {
    **dict.fromkeys((".md", ".markdown"), _read_markdown),
    **dict.fromkeys((".txt", ".text"), Text),
    **dict.fromkeys((".html", ".htm"), _read_html),
    ".csv": _read_csv,
}
