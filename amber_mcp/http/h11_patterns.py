"""Patterns for h11 that take no longer than the line that they read."""

import re

_HEADER = re.compile(
    rb"(?P<field_name>[-!#$%&'*+.^_`|~0-9a-zA-Z]+):[ \t]*+"
    rb"(?P<field_value>[^\x00\s]*+(?:[ \t]+[^\x00\s]++)*)[ \t]*"
)
_CHUNK_HEADER = re.compile(
    rb"(?P<chunk_size>[0-9A-Fa-f]{1,20})(?P<chunk_ext>;[^\n]*(?=\r\n))?[ \t]*+\r\n"
)


def use_linear_patterns() -> None:
    """Let h11 read headers, and the sizes of chunks, in time that grows with their length alone.

    As h11 0.16 reads them, the time grows with the square of the blanks in an invalid line, of
    which it lets in 100 KB: the event loop stands still for a minute. These match the same lines.
    """
    from h11 import _readers

    _readers.header_field_re = _HEADER
    _readers.chunk_header_re = _CHUNK_HEADER
