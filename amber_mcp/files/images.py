"""Images that go to a model: data URIs are checked, https addresses passed on, local files read.

Nothing is ever fetched here: an address goes on to the API as it is.
"""

import base64
import re
from pathlib import Path

from amber_mcp.errors import InvalidRequest, TooLarge, Unsupported
from amber_mcp.text.sanitise import truncate

from .base64_text import decode_file
from .local import Purpose, open_allowed

MAX_IMAGE_BYTES = 10 * 1024**2
_LEAST_BARE_CHARS = 64
_SIGNATURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
_AS_AN_IMAGE = Purpose(
    limit="an image may have",
    otherwise="send it as data:image/png;base64,…",
)


def sendable_image(address: str, *, roots: tuple[Path, ...], local_files: bool) -> str:
    """What an API is given for an image: an https address as it is, or a data URI.

    Args:
        address: an https address, a data URI, its base64 alone, or the path or `file:` address
            of a local file.
        roots: the folders that local files may be read from.
        local_files: whether they may be read at all (on stdio alone).

    Raises:
        InvalidRequest: for plain http, or for what is no PNG, JPEG, GIF or WebP image.
        TooLarge: for more than 10 MiB.
        Unsupported: for a local file where none is read.
        Forbidden: for a local file outside the allowed folders.
    """
    address = address.strip()
    scheme = address[:10].partition(":")[0].lower()
    if scheme == "https":
        return address
    if scheme == "data":
        return _data_uri(_decoded(address))
    if "://" in address and scheme != "file":
        scheme = truncate(address.partition("://")[0])
        raise InvalidRequest(f"an image's address must start with https://, not {scheme}://")
    if len(address) >= _LEAST_BARE_CHARS and _media_type(data := _decoded(address)):
        return _data_uri(data)
    if not local_files:
        raise Unsupported(
            "this server is reached over HTTP and does not read images by their path",
            advice="Send the image as data:image/png;base64,…",
        )
    with open_allowed(address, roots, MAX_IMAGE_BYTES, _AS_AN_IMAGE) as file:
        return _data_uri(file.read())


def _decoded(text: str) -> bytes:
    """The bytes that base64 stands for; none where it is not base64."""
    try:
        return decode_file(text)[0]
    except ValueError:
        return b""


def _media_type(data: bytes) -> str:
    return next((kind for kind, start in _SIGNATURES.items() if start.match(data)), "")


def _data_uri(data: bytes) -> str:
    if len(data) > MAX_IMAGE_BYTES:
        raise TooLarge(f"an image has {len(data)} bytes, more than {MAX_IMAGE_BYTES}")
    if media_type := _media_type(data):
        return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    raise InvalidRequest(
        "an image is no PNG, JPEG, GIF or WebP",
        advice="Send it as data:image/png;base64,… with all of its bytes.",
    )
