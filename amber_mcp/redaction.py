"""Secrets out of text that somebody will read: errors, and above all words from outside."""

import json
import re

CUT = "… (cut)"
"""What stands at the end of words that were too long."""

_LEAST_TELLING = 4
_HIDDEN = "[hidden]"
_LOOKS_SECRET = re.compile(
    r"(?i)\bambrs-[\w.-]{4,}|\bsk-[\w-]{8,}|(?<=\bbearer )[\w.~+/=-]{8,}|(?<=://)[^\s/@]+(?=@)"
)


def redacted(text: str, *secrets: str) -> str:
    """`text` without the given secrets, and without anything that looks like a key."""
    for secret in filter(None, secrets):
        for form in (secret, json.dumps(secret)[1:-1]):
            text = text.replace(form, _HIDDEN)
        text = _without_beginning(text, secret)
    return _LOOKS_SECRET.sub(_HIDDEN, text)


def _without_beginning(text: str, secret: str) -> str:
    """`text` without a secret that was cut off at its end."""
    kept = text.removesuffix(CUT)
    for length in range(min(len(secret), len(kept)), _LEAST_TELLING - 1, -1):
        if kept.endswith(secret[:length]):
            return kept[:-length] + _HIDDEN + text[len(kept) :]
    return text
