"""Secrets out of text that somebody will read: errors, logs, and above all words from outside."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from pydantic import JsonValue

TRUNCATED = "… (cut)"
"""What stands at the end of words that were too long."""

_LEAST_CHARS = 4
_LEAST_DISTINCT = 8
_HIDDEN = "{hidden}"
"""Neither Markdown nor HTML: brackets here would make a link of what follows."""
_LOOKS_SECRET = re.compile(
    r"(?i)\bambrs-[\w.-]{4,}"
    r"|(?<![\w-])sk-(?=[\w-]{0,200}\d)[\w-]{8,}"
    r"|(?<![\w-])eyJ[\w-]{10,4096}\.[\w-]{10,}\.[\w-]*"
    r"|(?<=\bbearer )(?=[\w.~+/=-]{0,200}(?-i:\d|[a-z][A-Z]))[\w.~+/=-]{8,}"
    r"|(?<=\bbasic )(?=[A-Za-z0-9+/]{0,200}(?-i:\d|[a-z][A-Z]))[A-Za-z0-9+/]{8,}=*"
    r"|(?<=://)(?!user:password@)[^\s/\"'<>]+(?=@)"
)
_NAMES_SECRET = re.compile(
    r"""(?ix)
    (?P<name>
        (?<![\w-])
        (?: (?: x-[\w-]{0,40}?)? api[_-]?key | token
          | (?: access | refresh | id | session | auth )[_-]?token
          | client[_-]?secret | secret | passw(?:or)?d | signature | sig | (?<=[?&])key )
        (?: = | \\?["'] \s{0,8} : \s{0,8} \\?["'] )
      | (?<![\w-])
        (?: (?: proxy-)? authorization | (?: set- )? cookie | x-[\w-]{0,40}? (?: key | token ) )
        \\?["']? \s{0,8} : \s{0,8} \\?["']?
    )
    (?! \{hidden\} )
    (?P<value> (?<=[=]) [^\s"'&,;<>{}]+ | (?<=["']) [^"'\\]+ | [^\s"'][^"'\r\n]* )
    """
)


def redact(text: str, *secrets: str, is_cut: bool = False) -> str:
    """`text` without the given secrets, and without anything that looks like one.

    That are keys, tokens, passwords in addresses, and the values of headers, fields and query
    parameters whose names say that they are secret.

    Args:
        is_cut: whether the text may end in the middle of a secret.
    """
    text = remove_secrets(text, *secrets)
    text = remove_partial_secrets(text, *(secrets if is_cut else ()))
    text = _NAMES_SECRET.sub(lambda found: found["name"] + _HIDDEN, text)
    return _LOOKS_SECRET.sub(_HIDDEN, text)


def remove_secrets(text: str, *secrets: str) -> str:
    """`text` without the given secrets, in the forms that services and errors repeat them in."""
    for secret in filter(None, secrets):
        for form in _forms(secret):
            text = text.replace(form, _HIDDEN)
    return text


def _forms(secret: str) -> set[str]:
    """As it is, and as JSON, addresses, HTML and HTTP's Basic write it."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        escape(secret),
        b64encode(secret.encode()).decode().rstrip("="),
    }


def remove_secrets_in_json(value: JsonValue, *secrets: str) -> JsonValue:
    """A JSON value without the given secrets in its texts; names of fields stay as they are."""
    forms = [form for secret in filter(None, secrets) for form in _forms(secret)]

    def clean(value: JsonValue) -> JsonValue:
        match value:
            case str():
                for form in forms:
                    value = value.replace(form, _HIDDEN)
                return value
            case list():
                return [clean(each) for each in value]
            case dict():
                return {name: clean(each) for name, each in value.items()}
            case _:
                return value

    return clean(value)


def partial_secret_length(text: str, *secrets: str) -> int:
    """How many characters at the end of `text` may be the beginning of a secret."""
    forms = [form for secret in filter(None, secrets) for form in _forms(secret)]
    longest = min(len(text), max(map(len, forms), default=0))
    return next(
        (
            length
            for length in range(longest, 0, -1)
            if any(form.startswith(text[-length:]) for form in forms)
        ),
        0,
    )


def remove_partial_secrets(text: str, *secrets: str) -> str:
    """`text` without the beginning of a secret at its end, where it broke off."""
    for secret in filter(None, secrets):
        for form in _forms(secret):
            text = _without_beginning(text, form)
    return text


def distinct_secrets(secrets: Iterable[str]) -> tuple[str, ...]:
    """The secrets that are no words of a language, which may stand in an answer by chance."""
    return tuple(secret for secret in secrets if len(secret) >= _LEAST_DISTINCT)


def _without_beginning(text: str, secret: str) -> str:
    """`text` without a secret that was cut off at its end."""
    start = text.removesuffix(TRUNCATED)
    for length in range(min(len(secret), len(start)), _LEAST_CHARS - 1, -1):
        if start.endswith(secret[:length]):
            return start[:-length] + _HIDDEN + text[len(start) :]
    return text
