"""Images: checked by their bytes, never fetched, read from allowed folders on stdio alone."""

import base64
from pathlib import Path

import pytest

from amber_mcp.errors import AmberError
from amber_mcp.files.images import MAX_IMAGE_BYTES, sendable_image

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
IMAGES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(20),
    "image/gif": b"GIF89a" + bytes(20),
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
}


def uri(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def test_an_https_address_is_passed_on_as_it_is() -> None:
    address = "https://images.example/a.png?x=1"
    assert sendable_image(address, roots=(), local_files=False) == address


@pytest.mark.parametrize(("media_type", "data"), IMAGES.items())
def test_a_data_uri_says_what_its_bytes_are(media_type: str, data: bytes) -> None:
    sent = sendable_image(uri(data, "image/x-odd"), roots=(), local_files=False)
    assert sent == uri(data, media_type)


@pytest.mark.parametrize(("media_type", "data"), IMAGES.items())
def test_a_local_file_becomes_a_data_uri(tmp_path: Path, media_type: str, data: bytes) -> None:
    (tmp_path / "image").write_bytes(data)
    sent = sendable_image(str(tmp_path / "image"), roots=(tmp_path,), local_files=True)
    assert sent == uri(data, media_type)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://images.example/a.png", "invalid_request"),
        ("file:///etc/passwd", "unsupported"),
        ("ftp://images.example/a.png", "invalid_request"),
        ("data:image/png;base64,", "invalid_request"),
        ("data:image/png;base64,AAAA", "invalid_request"),
        ("data:image/png;base64,A", "invalid_request"),
        ("data:image/png,plain", "invalid_request"),
        ("data:text/html;base64,PGgxPg==", "invalid_request"),
        (uri(PNG + bytes(MAX_IMAGE_BYTES)), "too_large"),
        ("/etc/passwd", "unsupported"),
        ("image.png", "unsupported"),
    ],
)
def test_anything_else_is_refused(address: str, kind: str) -> None:
    with pytest.raises(AmberError) as error:
        sendable_image(address, roots=(Path("/"),), local_files=False)
    assert error.value.kind == kind
    assert len(error.value.message) < 200


def test_local_files_keep_to_the_rules_of_uploads(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "big.png").write_bytes(PNG + bytes(MAX_IMAGE_BYTES))
    (tmp_path / "link.png").symlink_to(tmp_path / "text.png")
    for name, kind in (
        ("text.png", "invalid_request"),
        ("big.png", "too_large"),
        ("link.png", "forbidden"),
        ("none.png", "not_found"),
    ):
        with pytest.raises(AmberError) as error:
            sendable_image(str(tmp_path / name), roots=(tmp_path,), local_files=True)
        assert error.value.kind == kind


def test_a_data_uri_may_be_written_in_other_ways() -> None:
    bare = base64.b64encode(PNG + bytes(40)).decode()
    for address in (
        f"DATA:image/png;base64,{bare}",
        f"data:image/png;charset=utf-8;base64,{bare}",
        f" data:image/png;base64,{bare}\n",
        bare,
    ):
        sent = sendable_image(address, roots=(), local_files=False)
        assert sent == f"data:image/png;base64,{bare}"


def test_an_https_address_may_be_written_in_capitals() -> None:
    address = "HTTPS://images.example/A.png"
    assert sendable_image(address, roots=(), local_files=False) == address
