"""Images: what their first bytes say, which is all that the sandbox sees of them."""

import base64
import binascii
import re
from typing import Literal

_LARGEST = 10 * 2**20
_DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,(.*)", re.DOTALL | re.IGNORECASE)
_KINDS = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR(?P<width>.{4})(?P<height>.{4})", re.DOTALL),
    "JPEG": re.compile(rb"\xff\xd8.*?\xff[\xc0-\xc3].{3}(?P<height>..)(?P<width>..)", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a(?P<width>..)(?P<height>..)", re.DOTALL),
    "WebP": re.compile(rb"RIFF.{4}WEBP(?P<width>)(?P<height>)", re.DOTALL),
}


class ImageError(Exception):
    """An image that cannot be read; the message says why."""


def describe(url: str) -> str:
    """Kind, size in pixels and size in bytes of the image in a `data:` URI.

    Raises:
        ImageError: it is no such URI, or its content is none of PNG, JPEG, GIF and WebP, or above
            10 MiB.
    """
    found = _DATA_URI.fullmatch(url.strip())
    if found is None:
        raise ImageError("expected a data URI: data:image/<type>;base64,<data>")
    try:
        data = base64.b64decode(found[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("the data URI's content is not base64") from error
    if len(data) > _LARGEST:
        raise ImageError("the image is larger than 10 MiB")
    for kind, pattern in _KINDS.items():
        if head := pattern.match(data):
            order: Literal["little", "big"] = "little" if kind == "GIF" else "big"
            width, height = (int.from_bytes(head[side], order) for side in ("width", "height"))
            pixels = f", {width} × {height} pixels" if width and height else ""
            return f"{kind}{pixels}, {len(data)} bytes"
    raise ImageError("the image is none of PNG, JPEG, GIF and WebP")
