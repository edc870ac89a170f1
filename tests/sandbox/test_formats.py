import io
from pathlib import Path

import pypdf
import pytest

from amber_mcp import sandbox
from amber_mcp.sandbox.formats import UnreadableError, decode, read

PDF = Path(sandbox.__file__).with_name("company") / (
    "documents/engineering/sicherheitsanweisung-pruefstand.pdf"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_decode_knows_the_common_encodings(encoding: str):
    assert decode("Größe".encode(encoding)) == "Größe"


def test_front_matter_becomes_title_and_text():
    text = read("a.md", b'---\ntitle: "Rules"\nowner: Erna\nlist:\n - x\n---\nBody')
    assert (text.title, text.markdown) == ("Rules", "Body\n\nowner: Erna")


@pytest.mark.parametrize(
    ("name", "content", "markdown"),
    [
        ("a.md", "Body", "Body"),
        ("a.md", "", ""),
        ("a.md", "---\n\nrule above", "---\n\nrule above"),
        ("a.md", "---\nnever: closed\n", "---\nnever: closed\n"),
        ("A.TXT", "Some text", "Some text"),
        ("a.csv", 'A;B\nErna;"a|b\nc"\n;\n', "| A | B |\n| --- | --- |\n| Erna | a\\|b c |"),
        ("a.csv", "a,b\n1,2", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("a.csv", "one", "| one |\n| --- |"),
        ("a.csv", "", ""),
        ("a.html", "<p>One</td></tr><p>two", "One\n\ntwo"),
    ],
)  # fmt: skip
def test_other_text_is_itself_or_a_table(name: str, content: str, markdown: str):
    assert read(name, content.encode()).markdown == markdown


def test_html_becomes_what_a_browser_shows():
    page = """<html><head><title>The
        page</title><style>p {}</style><script>var x = "<p>no</p>";</script></head><body>
        <nav>Home</nav><h2>Head &amp; line</h2><p>One<br>two <b>bold</b></p>
        <ul><li>first</li><li>second</li></ul><table><tr><th>A</th><th>B</th></tr>
        <tr><td>1</td><td>2</td></tr></table><pre>  keep
    this</pre><p></p><footer>Imprint</footer></body></html>"""
    text = read("a.html", page.encode())
    assert text.title == "The page"
    lines = [line.strip() for line in text.markdown.splitlines() if line.strip()]
    assert lines == [
        "## Head & line", "One", "two bold", "* first", "* second",
        "| A | B |", "| --- | --- |", "| 1 | 2 |", "```", "keep", "this", "```",
    ]  # fmt: skip
    assert "  keep\n    this" in text.markdown


@pytest.mark.parametrize(
    ("head", "url"),
    [
        ('<link rel="canonical" href="https://a.example/x">', "https://a.example/x"),
        ("<!-- saved from url=(0019)https://b.example/ -->", "https://b.example/"),
        ('<link rel="canonical" href="javascript:alert(1)">', ""),
        ('<link rel="stylesheet" href="https://a.example/x">', ""),
    ],
)
def test_saved_pages_know_where_they_come_from(head: str, url: str):
    assert read("a.htm", f"<head>{head}</head><p>Text".encode()).url == url


def test_pdf_is_read():
    text = read("a.pdf", PDF.read_bytes())
    assert "Prüfstand" in text.markdown
    assert "Sicherheitsanweisung" in text.title


def blank_pdf() -> bytes:
    writer, content = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.write(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"PK\x03\x04\0\0", "binary"),
        ("a.csv", b'a,b\n"' + b"x" * 200_000, "not a table"),
        ("a.pdf", b"no PDF", "not a readable PDF"),
        ("a.pdf", blank_pdf(), "without text"),
        ("a.png", b"x", ".png: not a kind"),
        ("README", b"x", "no suffix: not a kind"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, content: bytes, reason: str):
    with pytest.raises(UnreadableError, match=reason):
        read(name, content)
