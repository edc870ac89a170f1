import pytest

from amber_mcp.sandbox import images
from amber_mcp.sandbox.images import Image, ImageError

from . import pictures


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (pictures.png, "PNG"),
        (pictures.jpeg, "JPEG"),
        (pictures.gif, "GIF"),
        (pictures.webp_lossy, "WebP"),
        (pictures.webp_lossless, "WebP"),
        (pictures.webp_extended, "WebP"),
    ],
)
def test_the_size_stands_in_the_first_bytes(make, kind):
    data = make(640, 481)
    assert images.read(data) == Image(kind, 640, 481, len(data))


@pytest.mark.parametrize(
    "data",
    [
        pictures.png(640, 481)[:23],
        pictures.jpeg(640, 481)[:20],
        pictures.gif(640, 481)[:8],
        pictures.webp_lossy(640, 481)[:29],
        pictures.webp_lossless(640, 481)[:24],
        pictures.webp_extended(640, 481)[:29],
    ],
)
def test_bytes_that_end_too_soon_are_broken(data: bytes):
    with pytest.raises(ImageError, match="says nothing of its size"):
        images.read(data)


def test_it_says_what_it_read():
    text = str(images.from_data_uri(pictures.uri(pictures.gif(3, 2), "gif")))
    assert text == "GIF, 3 × 2 pixels, 11 bytes"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("https://example.com/a.png", "expected a data URI"),
        ("data:text/plain;base64,aGk=", "expected a data URI"),
        ("data:image/png;base64,%%%", "not base64"),
        ("data:image/png;base64,aGk", "not base64"),
        ("data:image/png;base64,ü", "not base64"),
        (pictures.uri(b"hello"), "none of PNG"),
        (pictures.uri(pictures.png(0, 5)), "the PNG image is broken"),
        (pictures.uri(b"\x89PNG\r\n\x1a\n" + b"x" * 30), "the PNG image is broken"),
        (pictures.uri(b"RIFF\x00\x00\x00\x00WEBPxxxx" + b"x" * 30), "the WebP image is broken"),
        (pictures.uri(b"\xff\xd8\xff\xd0\x00\x00" + b"x" * 30), "the JPEG image is broken"),
    ],
)
def test_what_is_no_image_is_said(uri: str, message: str):
    with pytest.raises(ImageError, match=message):
        images.from_data_uri(uri)


def test_images_have_a_largest_size():
    start = pictures.png(1, 1)
    assert images.read(start.ljust(images.LARGEST, b"\0")).size == images.LARGEST
    with pytest.raises(ImageError, match="larger than 10 MiB"):
        images.read(start.ljust(images.LARGEST + 1, b"\0"))
