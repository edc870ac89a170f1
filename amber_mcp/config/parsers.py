"""Parsers: a variable's value into what the settings hold, or `InvalidValueError`."""

import codecs
import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from .agents import Agent
from .environment import InvalidValueError, expand_path, is_template, variable_value

LogLevel = Literal["debug", "info", "warning", "error"]
SANDBOX: Final = "sandbox"
DEFAULT_TOOLS: Final = ("ask_amber", "web_search", "list_models", "upload_file", "run_agent")
TOOL_NAMES: Final = (*DEFAULT_TOOLS, "list_files", "chat_completion", "send_feedback")

_MAX_KEY_FILE_BYTES: Final = 16 * 1024
_KEY_LINE: Final = re.compile(r"^\s*(?:export\s+)?AMBER_API_KEY\s*=(?P<key>.*)$", re.MULTILINE)


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without port) is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def tenant(value: str) -> str:
    """The address of a tenant, or `sandbox`, from whatever of its URLs people copy."""
    if value.lower() == SANDBOX:
        return SANDBOX
    return _without(r"(/api/(beta|oauth|indexing)(/.*)?|/mcp/?)$", _address(value))


def gateway(value: str) -> str:
    """The address to which an API adds `/api/v1`."""
    return _without(r"/api(/v1(/.*)?)?$", _address(value))


def _without(end: str, address: str) -> str:
    return re.sub(end, "", address).rstrip("/")


def _address(value: str) -> str:
    try:
        url = urlsplit(value if "://" in value else f"https://{value}")
        host, port = url.hostname or "", url.port
    except ValueError:
        raise InvalidValueError("is not a URL") from None
    if url.username is not None or url.password is not None:
        raise InvalidValueError("must not hold a user name or a password")
    if url.query or url.fragment:
        raise InvalidValueError("must end after its path: it has a query or a fragment")
    if url.scheme not in ("http", "https"):
        raise InvalidValueError(f"starts with {url.scheme}://, which is not https://")
    if port == 0:
        raise InvalidValueError("names port 0, which nobody listens on")
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*", host):
        raise InvalidValueError(f"names no valid host ({host!r})")
    if host.startswith("customerdomain."):
        raise InvalidValueError("still holds the placeholder customerDomain")
    if url.scheme == "http" and not is_loopback(host):
        raise InvalidValueError(f"is plain http, which is allowed to this machine alone ({host})")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{bracketed}{f':{port}' if port else ''}{url.path.rstrip('/')}"


def api_key(value: str) -> SecretStr:
    """A key, with or without `Bearer` before it."""
    key = re.sub(r"(?i)^bearer\s+", "", value).strip()
    if not key or key.lower() == "bearer":
        raise InvalidValueError("holds no key after 'Bearer'")
    if is_template(key):
        raise InvalidValueError(f"holds {key}, which the host left unfilled")
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise InvalidValueError("holds a space, a line break or a character that no key has")
    return SecretStr(key)


def api_key_file(value: str) -> SecretStr:
    """The key that a file holds, by itself or in a line `AMBER_API_KEY=…`."""
    # A key that was put here by mistake must not be repeated.
    shown = value if re.match(r"[/~.\\]|[A-Za-z]:[/\\]", value) else "it"
    path = expand_path(value)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_KEY_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise InvalidValueError(f"names no file that can be read: {shown}: {reason}") from None
    if len(content) > _MAX_KEY_FILE_BYTES:
        raise InvalidValueError(f"names a file too long for a key: {shown}")
    try:
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidValueError(f"names a file that is not text: {shown}") from None
    line = _KEY_LINE.search(text)
    if key := variable_value(line["key"] if line else text):
        return api_key(key)
    raise InvalidValueError(f"names a file that is empty: {shown}")


def agents(value: str) -> dict[str, Agent]:
    """Agents by their names, from `hr=ID|What it is for,legal=ID`.

    A comma ends an entry where a name and `=` follow it; any other is part of a description.
    """
    agents: dict[str, Agent] = {}
    entries = (part.strip(", \t\r\n") for part in re.split(r",(?=[^,|]*=)", value))
    for entry in filter(None, entries):
        name, _, meant = (part.strip() for part in entry.partition("="))
        agent_id, _, description = (part.strip() for part in meant.partition("|"))
        if not (name and agent_id) or "," in name + agent_id:
            raise InvalidValueError(
                "has an entry that is neither name=id nor name=id|description "
                f"(number {len(agents) + 1})"
            )
        if name.casefold() in map(str.casefold, agents):
            raise InvalidValueError(f"names the agent {name!r} twice")
        agents[name] = Agent(agent_id, description)
    return agents


def names(value: str) -> tuple[str, ...]:
    """Names with commas or blanks between them."""
    return tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", value))))


def tools(value: str) -> tuple[str, ...]:
    """The tools to offer, also from a JSON list; `all` or `*` for all of them.

    Of no tool that is known, none would be listed: then those of the default are, and calls tell.
    """
    chosen = names(re.sub(r"[\[\]\"']", " ", value).replace("-", "_").lower())
    if {"all", "*"} & set(chosen):
        return TOOL_NAMES
    known = tuple(name for name in chosen if name in TOOL_NAMES)
    unknown = [name for name in chosen if name not in TOOL_NAMES]
    if unknown or not known:
        raise InvalidValueError(
            f"names unknown tools ({', '.join(unknown) or value}); "
            f"there are {', '.join(TOOL_NAMES)}",
            known or None,
        )
    return known


def upload_roots(value: str) -> tuple[Path, ...]:
    """The folders; where one of them is faulty, none is allowed rather than the default."""
    try:
        roots = tuple(expand_path(part.strip()) for part in value.split(os.pathsep) if part.strip())
    except InvalidValueError as fault:
        raise InvalidValueError(str(fault), ()) from None
    for root in roots:
        if not root.is_absolute():
            raise InvalidValueError(f"has a folder that is not an absolute path ({root})", ())
    return roots


def pem_path(value: str) -> Path:
    """A file or a folder of certificates."""
    # A key that was put here by mistake must not be repeated.
    if "-----BEGIN" in value:
        raise InvalidValueError("holds a certificate or a key itself: it must name a file")
    return expand_path(value)


def switch(value: str) -> bool:
    """on or off."""
    match value.lower():
        case "on" | "true" | "yes" | "1":
            return True
        case "off" | "false" | "no" | "0":
            return False
    raise InvalidValueError(f"is {value!r}, which is neither on nor off")


def log_level(value: str) -> LogLevel:
    """A level of the log."""
    levels: tuple[LogLevel, ...] = get_args(LogLevel)
    for level in levels:
        if level == value.lower():
            return level
    raise InvalidValueError(f"is {value!r}; there are {', '.join(levels)}")


def seconds(value: str) -> float:
    """Seconds, up to a day."""
    try:
        seconds = float(value)
    except ValueError:
        raise InvalidValueError(f"is {value!r}, which is not a number of seconds") from None
    if not 0 < seconds <= 86_400:
        raise InvalidValueError(f"is {value}, which is not between 0 and 86400 seconds")
    return seconds


def at_least(least: int) -> Callable[[str], int]:
    """A reader of whole numbers that are not less than `least`."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9][0-9_]{0,17}", value):
            raise InvalidValueError(f"is {value!r}, which is not a whole number")
        if (number := int(value)) < least:
            raise InvalidValueError(f"is {number}, which is less than {least}")
        return number

    return parse


def pattern(pattern: str, fault: str) -> Callable[[str], str]:
    """A reader of texts that fit `pattern`; `fault` says what others are not."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise InvalidValueError(f"is {value!r}, which is not {fault}")
        return value

    return parse
