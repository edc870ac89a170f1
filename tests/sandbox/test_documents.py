import os
from pathlib import Path

import pytest

from amber_mcp.sandbox import formats
from amber_mcp.sandbox.documents import read_document, read_folder

from .conftest import write


def test_a_folder_is_read_in_the_order_of_its_paths(documents: Path):
    skipped = (".hidden.md", ".git/a.md", "node_modules/a.md", "agents.json", "synonyms.txt")
    write(documents, {"a/b/c/deep.md": "Text", **dict.fromkeys(skipped, "x")})
    found, left_out = read_folder(documents)
    assert [each.path for each in found] == [
        "phones.csv",
        "a/b/c/deep.md",
        "finance/reisekosten.html",
        "hr/sick leave.md",
        "hr/urlaub.md",
        "it/laptop.txt",
        "it/passwords.md",
    ]
    assert left_out == []


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.md", "---\ntitle: Named\n---\n# Heading\n\nText", "Named"),
        ("a.md", "# Heading\n\nText", "Heading"),
        ("travel_cost-rules.txt", "Text", "travel cost rules"),
    ],
)
def test_titles_come_from_the_text_or_else_the_name(name: str, text: str, title: str):
    assert read_document(name, text.encode()).title == title


def test_what_cannot_be_read_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(formats, "MOST_BYTES", 2**20)
    big = "x" * (2**20 + 1)
    write(tmp_path, {"empty.md": "", "good.md": "Text", "picture.png": "x", "big.txt": big})
    (tmp_path / "binary.txt").write_bytes(b"\0\1\2")
    found, left_out = read_folder(tmp_path)
    assert [each.path for each in found] == ["good.md"]
    assert {each.path: each.reason for each in left_out} == {
        "big.txt": "bigger than 1 MiB",
        "binary.txt": "binary, not text",
        "empty.md": "empty",
        "picture.png": ".png: not a kind of file that is read",
    }


def test_what_cannot_be_opened_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    write(tmp_path, {"closed.md": "Text"})
    monkeypatch.setattr(Path, "read_bytes", denied)
    found, (left_out,) = read_folder(tmp_path)
    assert (found, left_out.reason) == ([], "cannot be opened (Permission denied)")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_do_not_leave_the_folder(tmp_path: Path):
    write(tmp_path, {"secret.md": "secret", "docs/good.md": "Text", "docs/sub/x.md": "Text"})
    docs = tmp_path / "docs"
    (docs / "out.md").symlink_to(tmp_path / "secret.md")
    (docs / "up").symlink_to(tmp_path)
    (docs / "inside").symlink_to(docs / "sub")
    (docs / "again.md").symlink_to(docs / "good.md")
    (docs / "gone.md").symlink_to(docs / "missing.md")
    os.mkfifo(docs / "pipe.md")
    found, left_out = read_folder(docs)
    assert [each.path for each in found] == ["again.md", "good.md", "sub/x.md"]
    assert {each.path: each.reason for each in left_out} == {
        **dict.fromkeys(("out.md", "up"), "a link that leaves the folder"),
        **dict.fromkeys(("inside", "gone.md", "pipe.md"), "not a regular file"),
    }


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
def test_names_that_are_no_text_are_left_out(tmp_path: Path):
    try:
        (tmp_path / os.fsdecode(b"bad\xff.md")).write_text("Text")
    except OSError:
        pytest.skip("the file system takes no such names")
    found, (left_out,) = read_folder(tmp_path)
    assert (found, left_out.reason) == ([], "its name is not readable text")
    assert left_out.path.encode()
