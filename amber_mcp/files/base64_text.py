"""Files that come as text: base64 in the forms that models send, and data URIs."""

import re
from binascii import a2b_base64

_PIECE_CHARS = 1_048_576
_LONGEST_HEADER = 1_000
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\f\v"
_HEADER = re.compile(
    r"\s*data:(?P<media_type>[\w.+-]+/[\w.+-]+)?(;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE
)


def decode_file(text: str) -> tuple[bytes, str]:
    """A file's bytes, and its media type where `text` is a data URI that tells it.

    Base64 may be of either alphabet, without padding, and broken by blanks. A megabyte takes 3 ms
    during which no other thread runs: call it in a worker thread.

    Raises:
        ValueError: if it is not base64.
    """
    header = _HEADER.match(text[:_LONGEST_HEADER])
    start = header.end() if header else 0
    data, rest, has_ended = bytearray(), b"", False
    for at in range(start, len(text), _PIECE_CHARS):
        piece = text[at : at + _PIECE_CHARS].encode("ascii").translate(_STANDARD, _BLANKS)
        digits = piece.rstrip(b"=")
        if (has_ended and digits) or b"=" in digits:
            raise ValueError("something follows the padding")
        has_ended = has_ended or len(digits) < len(piece)
        digits = rest + digits
        whole = len(digits) - len(digits) % 4
        data += a2b_base64(digits[:whole], strict_mode=True)
        rest = digits[whole:]
    data += a2b_base64(rest + b"=" * (-len(rest) % 4), strict_mode=True)
    return bytes(data), (header["media_type"] or "").lower() if header else ""
