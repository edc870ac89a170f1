"""Secrets out of text that somebody will read: errors, and above all words from outside."""

import re

_HIDDEN = "[hidden]"
_LOOKS_SECRET = re.compile(
    r"(?i)\bambrs-[\w.-]{4,}|\bsk-[\w-]{8,}|(?<=\bbearer )[\w.~+/=-]{8,}|(?<=://)[^\s/@]+(?=@)"
)


def redacted(text: str, *secrets: str) -> str:
    """`text` without the given secrets, and without anything that looks like a key."""
    for secret in filter(None, secrets):
        text = text.replace(secret, _HIDDEN)
    return _LOOKS_SECRET.sub(_HIDDEN, text)
