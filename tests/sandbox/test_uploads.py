import io
from pathlib import Path

import pytest

from amber_mcp.sandbox.uploads import Uploads


def test_files_are_kept_under_names_of_their_own(tmp_path: Path):
    uploads = Uploads(tmp_path)
    upload = uploads.add(io.BytesIO(b"# Title\n\nText"), "a b.MD", "text/markdown")
    assert (upload.filename, upload.size) == ("a b.MD", 13)
    assert upload.file == tmp_path / f"{upload.id}.md"
    assert upload.file.read_bytes() == b"# Title\n\nText"
    assert upload.document is not None
    assert upload.document.title == "Title"
    assert uploads.get(upload.id) is upload


@pytest.mark.parametrize("name", ["noend", "x.a/b", "x.ü ü", "x." + "y" * 300, ".."])
def test_odd_names_do_no_harm(tmp_path: Path, name: str):
    upload = Uploads(tmp_path).add(io.BytesIO(b"x"), name, "")
    assert upload.file.parent == tmp_path
    assert upload.document is None


def test_unknown_ids_are_unknown(tmp_path: Path):
    assert Uploads(tmp_path).get("x") is None
