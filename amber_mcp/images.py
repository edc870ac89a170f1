"""Images that go to a model: data URIs are checked, https addresses passed on, local files read.

Nothing is ever fetched here: an address goes on to the API as it is.
"""

import base64
import binascii
import re
from pathlib import Path

from .errors import InvalidRequest, TooLarge, Unsupported
from .files import open_allowed

MAX_IMAGE_BYTES = 10 * 1024**2
_DATA_URI = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/=\s]*)")
_SIGNATURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


def sendable_image(address: str, *, roots: tuple[Path, ...], local_files: bool) -> str:
    """What an API is given for an image: an https address as it is, or a data URI.

    Args:
        address: an https address, a data URI, or the path of a local file.
        roots: the folders that local files may be read from.
        local_files: whether they may be read at all (on stdio alone).

    Raises:
        InvalidRequest: for plain http, or for what is no PNG, JPEG, GIF or WebP image.
        TooLarge: for more than 10 MiB.
        Unsupported: for a local file where none is read.
        Forbidden: for a local file outside the allowed folders.
    """
    if address.startswith("https://"):
        return address
    if address.startswith("data:"):
        match = _DATA_URI.fullmatch(address)
        try:
            data = base64.b64decode(match["data"], validate=False) if match else b""
        except binascii.Error:
            data = b""
        return _data_uri(data)
    if "://" in address:
        raise InvalidRequest(
            f"an image's address must start with https://, not {address.partition('://')[0]}://"
        )
    if not local_files:
        raise Unsupported(
            "this server is reached over HTTP and does not read images by their path",
            advice="Send the image as data:image/png;base64,…",
        )
    with open_allowed(address, roots, MAX_IMAGE_BYTES) as file:
        return _data_uri(file.read())


def _data_uri(data: bytes) -> str:
    if len(data) > MAX_IMAGE_BYTES:
        raise TooLarge(f"an image has {len(data)} bytes, more than {MAX_IMAGE_BYTES}")
    for media_type, signature in _SIGNATURES.items():
        if signature.match(data):
            return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    raise InvalidRequest(
        "an image is no PNG, JPEG, GIF or WebP",
        advice="Send it as data:image/png;base64,… with all of its bytes.",
    )
