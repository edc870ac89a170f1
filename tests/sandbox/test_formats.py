import io
from pathlib import Path

import pypdf
import pytest

from amber_mcp.sandbox import formats
from amber_mcp.sandbox.formats import UnreadableError, decode, read


def file(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pdf_of(text: str, title: str = "") -> bytes:
    """The smallest PDF that shows a line of text."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
    page = (
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Title ({title}) >>",
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{place:010} 00000 n \n" for place in places).encode())
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 6 0 R >>"
    out.write(f"{trailer}\nstartxref\n{start}\n%%EOF".encode())
    return out.getvalue()


def test_decode_knows_the_common_encodings():
    assert decode("Größe".encode()) == "Größe"
    assert decode("\ufeffGröße".encode()) == "Größe"
    assert decode("Größe".encode("utf-16")) == "Größe"
    assert decode("Größe".encode("cp1252")) == "Größe"


def test_binary_is_not_text():
    with pytest.raises(UnreadableError, match="binary"):
        decode(b"PK\x03\x04\0\0")


def test_front_matter_becomes_title_and_text(tmp_path: Path):
    text = read(file(tmp_path, "a.md", '---\ntitle: "Rules"\nowner: Erna\nlist:\n - x\n---\nBody'))
    assert text.title == "Rules"
    assert text.markdown == "Body\n\nowner: Erna"


@pytest.mark.parametrize("content", ["Body", "", "---\n\nrule above", "---\nnever: closed\n"])
def test_markdown_without_front_matter_is_itself(tmp_path: Path, content: str):
    assert read(file(tmp_path, "a.md", content)).markdown == content


def test_plain_text_is_itself(tmp_path: Path):
    assert read(file(tmp_path, "A.TXT", "Some text")).markdown == "Some text"


def test_csv_becomes_a_table(tmp_path: Path):
    text = read(file(tmp_path, "a.csv", 'Name;Note\nErna;"a|b\nc"\n;\n'))
    assert text.markdown == "| Name | Note |\n| --- | --- |\n| Erna | a\\|b c |"


@pytest.mark.parametrize(("content", "markdown"), [("", ""), ("one", "| one |\n| --- |")])
def test_csv_may_be_hardly_a_table(tmp_path: Path, content: str, markdown: str):
    assert read(file(tmp_path, "a.csv", content)).markdown == markdown


def test_csv_with_an_endless_field_is_left_out(tmp_path: Path):
    with pytest.raises(UnreadableError, match="not a table"):
        read(file(tmp_path, "a.csv", 'a,b\n"' + "x" * 200_000))


def test_html_becomes_what_a_browser_shows(tmp_path: Path):
    page = """<html><head><title>The
        page</title><style>p {}</style><script>var x = "<p>no</p>";</script></head><body>
        <nav>Home</nav><h2>Head &amp; line</h2><p>One<br>two <b>bold</b></p>
        <ul><li>first</li><li>second</li></ul><table><tr><th>A</th><th>B</th></tr>
        <tr><td>1</td><td>2</td></tr></table><pre>  keep
    this</pre><p></p><footer>Imprint</footer></body></html>"""
    text = read(file(tmp_path, "a.html", page))
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
def test_saved_pages_know_where_they_come_from(tmp_path: Path, head: str, url: str):
    assert read(file(tmp_path, "a.htm", f"<head>{head}</head><p>Text")).url == url


def test_html_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path):
    text = read(file(tmp_path, "a.html", "<p>One</td></tr><table><tr><td>two"))
    assert "One" in text.markdown
    assert "two" in text.markdown


def test_pdf_is_read(tmp_path: Path):
    text = read(file(tmp_path, "a.pdf", pdf_of("Thirty days of leave", "Leave")))
    assert text.markdown.strip() == "Thirty days of leave"
    assert text.title == "Leave"


def test_pdf_without_text_is_left_out(tmp_path: Path):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    content = io.BytesIO()
    writer.write(content)
    with pytest.raises(UnreadableError, match="without text"):
        read(file(tmp_path, "a.pdf", content.getvalue()))


def test_broken_pdf_is_left_out(tmp_path: Path):
    with pytest.raises(UnreadableError, match="not a readable PDF"):
        read(file(tmp_path, "a.pdf", "no PDF"))


@pytest.mark.parametrize("name", ["a.png", "README"])
def test_other_kinds_are_left_out(tmp_path: Path, name: str):
    with pytest.raises(UnreadableError, match="not a kind"):
        read(file(tmp_path, name, "x"))


def test_big_files_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(formats, "MOST_BYTES", 2**20)
    with pytest.raises(UnreadableError, match="too big"):
        read(file(tmp_path, "a.txt", "x" * (2**20 + 1)))


def test_what_cannot_be_opened_is_left_out(tmp_path: Path):
    with pytest.raises(UnreadableError, match="cannot be opened"):
        read(tmp_path / "missing.md")
