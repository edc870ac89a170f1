"""Formats: the bytes of one file as Markdown, whatever kind of file it was.

Everything becomes Markdown first, so that one place (`passages.py`) takes texts apart.
"""

import csv
import io
import re
from html.parser import HTMLParser
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
    try:
        import pypdf
    except ImportError as error:
        raise UnreadableError("reading PDF needs `pip install amber-mcp[sandbox]`") from error
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


_SILENT = {"script", "style", "template", "noscript", "svg", "head", "nav", "footer", "iframe"}
_BREAKS = {
    "p", "div", "section", "article", "main", "header", "ul", "ol", "dl", "table", "figure",
    "blockquote", "pre", "form", "aside", "details", "summary", "address", "hr",
}  # fmt: skip
_LINES = {"br", "dt", "dd"}


def _html(text: str) -> Text:
    page = _Page()
    page.feed(text)
    page.close()
    saved = re.search(r"saved from url=(?:\(\d+\))?(https?://\S+)", text[:4096])
    return Text(page.markdown(), page.title, page.url or (saved[1] if saved else ""))


class _Page(HTMLParser):
    """What a browser would show of a page, as Markdown blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.url = ""
        self.title = ""
        self._silent: list[str] = []
        self._in_title = False
        self._preformatted = False
        self._row: list[str] | None = None
        self._rows = 0
        self._blocks: list[str] = []
        self._line: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and (given.get("rel") or "").lower() == "canonical":
            href = given.get("href") or ""
            self.url = href if href.startswith(("https://", "http://")) else ""
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag == "body":
            self._silent.clear()
        self._in_title = tag == "title" and not self.title
        if tag in {"td", "th"}:
            self._line.clear()
        elif tag == "tr":
            self._line.clear()
            self._row = []
        elif re.fullmatch(r"h[1-6]", tag):
            self._flush("\n\n")
            self._line.append("#" * int(tag[1]) + " ")
        elif tag == "li":
            self._flush("\n")
            self._line.append("- ")
        elif tag in _BREAKS or tag in _LINES:
            self._break(tag)
        self._preformatted = tag == "pre" or self._preformatted
        self._rows = 0 if tag == "table" else self._rows

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        if tag == "title":
            self._in_title = False
        elif tag in {"td", "th"} and self._row is not None:
            self._row.append("".join(self._line))
            self._line.clear()
        elif tag == "tr" and self._row is not None:
            self._end_row(self._row)
        elif tag in _BREAKS or tag in _LINES or re.fullmatch(r"h[1-6]|li", tag):
            self._break(tag)
        if tag == "pre":
            self._preformatted = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += _BLANKS.sub(" ", data).strip()
        elif not self._silent:
            self._line.append(data if self._preformatted else _BLANKS.sub(" ", data))

    def _break(self, tag: str) -> None:
        if self._row is None:
            self._flush("\n" if tag in _LINES or tag == "li" else "\n\n")
        else:
            self._line.append(" ")

    def _end_row(self, cells: list[str]) -> None:
        self._row = None
        if not any(map(str.strip, cells)):
            return
        self._rows += 1
        self._blocks.append(_row(cells) + "\n")
        if self._rows == 1:
            self._blocks.append("|" + " --- |" * len(cells) + "\n")

    def _flush(self, after: str = "\n") -> None:
        line = "".join(self._line)
        self._line.clear()
        if self._preformatted or line.strip(" #-\n"):
            self._blocks.append(line.rstrip() if self._preformatted else line.strip())
        if self._blocks and not self._blocks[-1].endswith("\n\n"):
            self._blocks.append(after)

    def markdown(self) -> str:
        """The page as Markdown."""
        self._row = None
        self._flush()
        return re.sub(r"\n{3,}", "\n\n", "".join(self._blocks)).strip()
