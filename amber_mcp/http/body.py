"""A response's body, in pieces: one layer of compression is taken off, and others get turns."""

import re
import zlib
from collections.abc import AsyncGenerator

import httpx2

from amber_mcp.errors import UpstreamError

from .limits import Turns

ACCEPT_ENCODING = "gzip"

_PIECE_BYTES = 65_536
_GZIP_OR_ZLIB = 47


def check_encoding(response: httpx2.Response) -> None:
    """Check that the body can be read.

    Raises:
        UpstreamError: if it is compressed more than once, where each layer multiplies what a few
            bytes can grow to, or in a way that was not asked for.
    """
    codings = _codings(response)
    if len(codings) > 1 or any(coding not in ("gzip", "x-gzip", "deflate") for coding in codings):
        plain = re.compile(r"(?a)[\w-]{1,20}")
        names = [name if plain.fullmatch(name) else "?" for name in codings[:9]]
        raise UpstreamError(
            f"the answer is compressed in a way that is not read ({', '.join(names)})",
            advice="Tell whoever runs the host, or the proxy before it: gzip alone is understood.",
        )


async def body_of(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """The body of a response that passes `check_encoding`, in pieces of at most 64 KiB.

    Raises:
        httpx2.DecodingError: if it is not compressed as it says.
        httpx2.HTTPError: where the connection fails.
    """
    turns = Turns()
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB) if _codings(response) else None
    async for piece in response.aiter_raw():
        await turns.offer()
        if decoder is None:
            yield piece
        elif not decoder.eof:  # What follows the end is left: zlib would keep it all.
            try:
                content = decoder.decompress(piece, _PIECE_BYTES)
                while content:
                    yield content
                    await turns.offer()
                    content = decoder.decompress(decoder.unconsumed_tail, _PIECE_BYTES)
            except zlib.error as error:
                raise httpx2.DecodingError(str(error), request=response.request) from None


def _codings(response: httpx2.Response) -> list[str]:
    codings = response.headers.get_list("content-encoding", split_commas=True)
    names = (coding.strip().lower() for coding in codings)
    return [name for name in names if name not in ("", "identity")]
