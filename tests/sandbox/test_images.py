import pytest

from amber_mcp.sandbox import images
from amber_mcp.sandbox.images import ImageError, describe

from . import pictures


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pictures.png(640, 481), "PNG, 640 × 481 pixels, 29 bytes"),
        (pictures.jpeg(640, 481), "JPEG, 640 × 481 pixels, 24 bytes"),
        (pictures.gif(640, 481), "GIF, 640 × 481 pixels, 11 bytes"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP, 16 bytes"),
    ],
)
def test_the_kind_and_size_stand_in_the_first_bytes(data: bytes, expected: str):
    assert describe(pictures.uri(data)) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("https://example.com/a.png", "expected a data URI"),
        ("data:text/plain;base64,aGk=", "expected a data URI"),
        ("data:image/png;base64,%%%", "not base64"),
        ("data:image/png;base64,aGk", "not base64"),
        ("data:image/png;base64,ü", "not base64"),
        (pictures.uri(b"hello"), "none of PNG"),
        (pictures.uri(pictures.png(640, 481)[:23]), "none of PNG"),
        (pictures.uri(pictures.jpeg(640, 481)[:20]), "none of PNG"),
    ],
)
def test_what_is_no_image_is_said(uri: str, message: str):
    with pytest.raises(ImageError, match=message):
        describe(uri)


def test_images_have_a_largest_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "_LARGEST", 29)
    assert describe(pictures.uri(pictures.png(1, 1)))
    with pytest.raises(ImageError, match="larger than 10 MiB"):
        describe(pictures.uri(pictures.png(1, 1) + b"\0"))
