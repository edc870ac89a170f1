"""Images: what can be read from their first bytes, which is all that the sandbox sees of them."""

import base64
import binascii
import re
from dataclasses import dataclass

LARGEST = 10 * 2**20

_DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,(.*)", re.DOTALL | re.IGNORECASE)
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}


class ImageError(Exception):
    """An image that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """The format of an image, its size in pixels and in bytes."""

    format: str
    width: int
    height: int
    size: int

    def __str__(self) -> str:
        return f"{self.format}, {self.width} × {self.height} pixels, {self.size} bytes"


def from_data_uri(uri: str) -> Image:
    """The image in a `data:image/...;base64,` URI.

    Raises:
        ImageError: it is none, or none of PNG, JPEG, GIF and WebP, or broken, or above 10 MiB.
    """
    found = _DATA_URI.fullmatch(uri.strip())
    if found is None:
        raise ImageError("expected a data URI: data:image/<type>;base64,<data>")
    try:
        data = base64.b64decode(found[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("the data URI's content is not base64") from error
    return read(data)


def read(data: bytes) -> Image:
    """The image that some bytes are.

    Raises:
        ImageError: as for `from_data_uri`.
    """
    if len(data) > LARGEST:
        raise ImageError("the image is larger than 10 MiB")
    for kind, starts, size in (
        ("PNG", data.startswith(b"\x89PNG\r\n\x1a\n"), _png),
        ("JPEG", data.startswith(b"\xff\xd8\xff"), _jpeg),
        ("GIF", data.startswith((b"GIF87a", b"GIF89a")), _gif),
        ("WebP", data.startswith(b"RIFF") and data[8:12] == b"WEBP", _webp),
    ):
        if starts:
            width, height = size(data)
            if not width or not height:
                raise ImageError(f"the {kind} image is broken: it says nothing of its size")
            return Image(kind, width, height, len(data))
    raise ImageError("the image is none of PNG, JPEG, GIF and WebP")


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR" or len(data) < 24:
        return 0, 0
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _gif(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _jpeg(data: bytes) -> tuple[int, int]:
    """From the first start-of-frame segment; height stands before width."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            width, height = data[at + 7 : at + 9], data[at + 5 : at + 7]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    """From the first chunk, which is lossy (VP8), lossless (VP8L) or extended (VP8X)."""
    if data[12:16] == b"VP8 " and data[23:26] == b"\x9d\x01\x2a" and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 2], "little") for at in (26, 28))
        return width & 0x3FFF, height & 0x3FFF
    if data[12:16] == b"VP8L" and data[20:21] == b"\x2f" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8X" and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    return 0, 0
