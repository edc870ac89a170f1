"""Formats: one file as Markdown, whatever kind of file it is."""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

KINDS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".pdf": "pdf",
}
MOST_BYTES = 8 * 2**20
MOST_PDF_BYTES = 64 * 2**20
MOST_TEXT = 4 * 2**20
_SILENT = [
    *("script", "style", "template", "noscript", "svg", "head", "nav", "footer", "iframe"),
]
_STRIPPED = ["a", "b", "em", "i", "img", "strong"]
_BLANKS = re.compile(r"\s+")


class UnreadableError(Exception):
    """A file that cannot be read as text; the message is the reason, in a few words."""


class Text(NamedTuple):
    """What a file says: its Markdown, the title it gives itself, the page it was saved from."""

    markdown: str
    title: str = ""
    url: str = ""


def read(path: Path) -> Text:
    """Read one file, by the kind that its name says.

    Raises:
        UnreadableError: with the reason for leaving the file out.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise UnreadableError(f"{path.suffix or 'no suffix'}: not a kind of file that is read")
    try:
        size = path.stat().st_size
        limit = MOST_PDF_BYTES if kind == "pdf" else MOST_BYTES
        if size > limit:
            raise UnreadableError(f"too big ({size / 2**20:.0f} MiB, at most {limit // 2**20})")
        if kind == "pdf":
            return _pdf(path)
        text = decode(path.read_bytes())
    except OSError as error:
        raise UnreadableError(f"cannot be opened ({error.strerror})") from error
    if kind == "html":
        return _html(text)
    if kind == "csv":
        return Text(_csv(text))
    return _front_matter(text) if kind == "markdown" else Text(text)


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


def _front_matter(text: str) -> Text:
    """Markdown whose leading `---` block becomes a title and lines of text."""
    lines = text.lstrip().splitlines()
    if not lines or lines[0].rstrip() != "---":
        return Text(text)
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() in {"---", "..."}), 0)
    pairs = [re.match(r"([\w-]+):\s+(\S.*)$", line) for line in lines[1:end]]
    fields = {found[1].lower(): found[2].strip("\"' ") for found in pairs if found}
    if not fields:
        return Text(text)
    title = fields.pop("title", "") or fields.pop("titel", "")
    rest = [f"{name}: {value}" for name, value in fields.items()]
    return Text("\n".join([*lines[end + 1 :], "", *rest]), title)


def _cell(text: str) -> str:
    return _BLANKS.sub(" ", text).strip().replace("|", "\\|")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _csv(text: str) -> str:
    sample = text[:4096]
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(sample, ";,\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), dialect) if any(row)]
    except csv.Error as error:
        raise UnreadableError(f"not a table ({error})") from error
    if not rows:
        return ""
    return "\n".join([_row(rows[0]), "|" + " --- |" * len(rows[0]), *map(_row, rows[1:])])


def _pdf(path: Path) -> Text:
    import pypdf

    try:
        reader = pypdf.PdfReader(path)
        pages = [page.extract_text() for page in reader.pages]
        title = str((reader.metadata and reader.metadata.title) or "")
    except Exception as error:
        raise UnreadableError(f"not a readable PDF ({type(error).__name__})") from error
    text = "\n\n".join(pages)
    if not text.strip():
        raise UnreadableError("a PDF without text")
    return Text(text[:MOST_TEXT], title)


def _html(text: str) -> Text:
    """What a browser would show of a page, and the address that it was saved from."""
    from bs4 import BeautifulSoup
    from markdownify import markdownify

    page = BeautifulSoup(text, "html.parser")
    title = _BLANKS.sub(" ", page.title.get_text()).strip() if page.title else ""
    canonical = page.find("link", rel="canonical")
    url = str(canonical.get("href") or "") if canonical else ""
    saved = re.search(r"saved from url=(?:\(\d+\))?(https?://\S+)", text[:4096])
    if not url.startswith(("https://", "http://")):
        url = saved[1] if saved else ""
    for silent in page(_SILENT):
        silent.decompose()
    shown: str = markdownify(str(page.body or page), heading_style="ATX", strip=_STRIPPED)
    return Text(re.sub(r"\n{3,}", "\n\n", shown).strip(), title, url)
