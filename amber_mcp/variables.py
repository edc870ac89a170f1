"""The environment variables: how each is read, what it looks like, and what it means."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from .addresses import is_loopback
from .keeping import home, lifetimes, state_keys
from .values import FaultyValueError, expanded

LogLevel = Literal["debug", "info", "warning", "error"]
SANDBOX: Final = "sandbox"
DEFAULT_TOOLS: Final = ("ask_amber", "web_search", "list_models", "upload_file", "run_agent")
TOOL_NAMES: Final = (*DEFAULT_TOOLS, "chat_completion", "send_feedback")

_MAX_KEY_FILE_BYTES = 16 * 1024


@dataclass(frozen=True)
class Variable:
    """One environment variable: where its value goes, how it is read, and what it looks like."""

    name: str
    field: str
    parse: Callable[[str], object]
    example: str
    meaning: str


def _tenant(value: str) -> str:
    if value.lower() == SANDBOX:
        return SANDBOX
    return _without(r"(/api/(beta|oauth|indexing)(/.*)?|/mcp/?)$", _address(value))


def _gateway(value: str) -> str:
    return _without(r"/api(/v1(/.*)?)?$", _address(value))


def _without(end: str, address: str) -> str:
    return re.sub(end, "", address).rstrip("/")


def _address(value: str) -> str:
    try:
        url = urlsplit(value if "://" in value else f"https://{value}")
        host, port = url.hostname or "", url.port
    except ValueError:
        raise FaultyValueError("is not a URL") from None
    if url.username is not None or url.password is not None:
        raise FaultyValueError("must not hold a user name or a password")
    if url.query or url.fragment:
        raise FaultyValueError("must end after its path: it has a query or a fragment")
    if url.scheme not in ("http", "https"):
        raise FaultyValueError(f"starts with {url.scheme}://, which is not https://")
    if port == 0:
        raise FaultyValueError("names port 0, which nobody listens on")
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*", host):
        raise FaultyValueError(f"names no valid host ({host!r})")
    if host.startswith("customerdomain."):
        raise FaultyValueError("still holds the placeholder customerDomain")
    if url.scheme == "http" and not is_loopback(host):
        raise FaultyValueError(f"is plain http, which is allowed to this machine alone ({host})")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{bracketed}{f':{port}' if port else ''}{url.path.rstrip('/')}"


def _api_key(value: str) -> SecretStr:
    key = re.sub(r"(?i)^bearer\s+", "", value).strip()
    if not key or key.lower() == "bearer":
        raise FaultyValueError("holds no key after 'Bearer'")
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise FaultyValueError("holds a space, a line break or a character that no key has")
    return SecretStr(key)


def _api_key_file(value: str) -> SecretStr:
    # A key that was put here by mistake must not be repeated.
    shown = value if re.match(r"[/~.\\]|[A-Za-z]:[/\\]", value) else "it"
    path = expanded(value)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_KEY_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise FaultyValueError(f"names no file that can be read: {shown}: {reason}") from None
    if len(content) > _MAX_KEY_FILE_BYTES:
        raise FaultyValueError(f"names a file too long for a key: {shown}")
    try:
        return _api_key(content.decode("utf-8-sig").strip())
    except UnicodeDecodeError:
        raise FaultyValueError(f"names a file that is not text: {shown}") from None


def _agents(value: str) -> dict[str, str]:
    agents: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        name, equals, agent_id = (part.strip() for part in entry.partition("="))
        if not (name and equals and agent_id):
            raise FaultyValueError(f"has an entry that is not name=id (number {len(agents) + 1})")
        if name.casefold() in map(str.casefold, agents):
            raise FaultyValueError(f"names the agent {name!r} twice")
        agents[name] = agent_id
    return agents


def _names(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", value))))


def _tools(value: str) -> tuple[str, ...]:
    names = _names(value)
    known = tuple(name for name in names if name in TOOL_NAMES)
    if unknown := [name for name in names if name not in TOOL_NAMES]:
        raise FaultyValueError(
            f"names unknown tools ({', '.join(unknown)}); there are {', '.join(TOOL_NAMES)}", known
        )
    return known


def _upload_roots(value: str) -> tuple[Path, ...]:
    """The folders; where one of them is faulty, none is allowed rather than the default."""
    try:
        roots = tuple(expanded(part.strip()) for part in value.split(os.pathsep) if part.strip())
    except FaultyValueError as fault:
        raise FaultyValueError(str(fault), ()) from None
    for root in roots:
        if not root.is_absolute():
            raise FaultyValueError(f"has a folder that is not an absolute path ({root})", ())
    return roots


def _pem_path(value: str) -> Path:
    # A key that was put here by mistake must not be repeated.
    if "-----BEGIN" in value:
        raise FaultyValueError("holds a certificate or a key itself: it must name a file")
    return expanded(value)


def _switch(value: str) -> bool:
    match value.lower():
        case "on" | "true" | "yes" | "1":
            return True
        case "off" | "false" | "no" | "0":
            return False
    raise FaultyValueError(f"is {value!r}, which is neither on nor off")


def _log_level(value: str) -> LogLevel:
    levels: tuple[LogLevel, ...] = get_args(LogLevel)
    for level in levels:
        if level == value.lower():
            return level
    raise FaultyValueError(f"is {value!r}; there are {', '.join(levels)}")


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise FaultyValueError(f"is {value!r}, which is not a number of seconds") from None
    if not 0 < seconds <= 86_400:
        raise FaultyValueError(f"is {value}, which is not between 0 and 86400 seconds")
    return seconds


def _at_least(least: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9][0-9_]{0,17}", value):
            raise FaultyValueError(f"is {value!r}, which is not a whole number")
        if (number := int(value)) < least:
            raise FaultyValueError(f"is {number}, which is less than {least}")
        return number

    return parse


def _pattern(pattern: str, fault: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise FaultyValueError(f"is {value!r}, which is not {fault}")
        return value

    return parse


VARIABLES: Final = (
    Variable(
        "AMBER_BASE_URL",
        "base_url",
        _tenant,
        "https://yourcompany.ambersearch.de",
        "Your tenant's address; `sandbox` starts the embedded amber",
    ),
    Variable("AMBER_API_KEY", "api_key", _api_key, "ambrs-…", "Your API key"),
    Variable(
        "AMBER_API_KEY_FILE",
        "api_key",
        _api_key_file,
        "/run/secrets/amber_key",
        "A file that holds the key, instead of `AMBER_API_KEY`",
    ),
    Variable(
        "AMBER_OPENAI_MODELS",
        "openai_models",
        _names,
        "azure/gpt-5.4",
        "Models of the tenant's OpenAI-format API, which lists none itself",
    ),
    Variable(
        "MORPHEUS_BASE_URL",
        "morpheus_base_url",
        _gateway,
        "https://api.mor.org",
        "The Morpheus API Gateway, for `chat_completion`",
    ),
    Variable("MORPHEUS_API_KEY", "morpheus_api_key", _api_key, "sk-…", "The gateway's key"),
    Variable(
        "ADAPTIVE_BASE_URL",
        "adaptive_base_url",
        _gateway,
        "https://adaptive.yourcompany.example",
        "An Adaptive Engine, for `chat_completion` and `send_feedback`",
    ),
    Variable("ADAPTIVE_API_KEY", "adaptive_api_key", _api_key, "…", "The engine's key"),
    Variable(
        "ADAPTIVE_MODELS",
        "adaptive_models",
        _names,
        "support/llama-3,support",
        "The engine's models, as `project/model` or `project`; it lists none itself",
    ),
    Variable(
        "AMBER_MODEL",
        "model",
        _pattern(r"\S+", "a model id: it holds a space"),
        "azure-gpt-4o",
        "The model; unset: the first that the tenant lists",
    ),
    Variable(
        "AMBER_LANGUAGE",
        "language",
        _pattern(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language code"),
        "de",
        "The language of questions and answers",
    ),
    Variable(
        "AMBER_AGENTS",
        "agents",
        _agents,
        "hr=9676b2b0-9fdd-40b1-8a0a-0debe64b29ac,legal=…",
        "Names for agents, as `name=id` pairs with commas between them",
    ),
    Variable(
        "AMBER_TOOLS",
        "tools",
        _tools,
        "ask_amber,web_search",
        "The tools to offer, and no others; `chat_completion`, `send_feedback` need it",
    ),
    Variable(
        "AMBER_UPLOAD_ROOTS",
        "upload_roots",
        _upload_roots,
        f"/home/me/Documents{os.pathsep}/home/me/Desktop",
        "Folders for `upload_file` and images of `chat_completion`; `:` (Windows: `;`) between",
    ),
    Variable(
        "AMBER_UPLOAD_FIELD",
        "upload_field",
        _pattern(r"[A-Za-z0-9_.\[\]-]+", "a form field's name"),
        "file",
        "The form field in which amber expects a file",
    ),
    Variable(
        "AMBER_STREAM",
        "stream",
        _switch,
        "off",
        "`off` asks amber for whole answers instead of streams",
    ),
    Variable(
        "AMBER_STRUCTURED",
        "structured",
        _switch,
        "off",
        "`off` leaves out structured results, for hosts that choke on them",
    ),
    Variable(
        "AMBER_STATE",
        "state",
        home,
        "sqlite:~/.amber-mcp/state.db",
        "Where conversations are kept: `memory`, `sqlite:PATH` or `redis://…`",
    ),
    Variable(
        "AMBER_STATE_KEY",
        "state_keys",
        state_keys,
        "…",
        "Seals what is kept in Redis: `openssl rand -base64 32`; of several, the first seals",
    ),
    Variable(
        "AMBER_STATE_TTL",
        "state_ttl",
        lifetimes,
        "conversation=30d,run=12h",
        "How long each kind is kept after it was last written, or one duration for all",
    ),
    Variable(
        "AMBER_CA_BUNDLE",
        "ca_bundle",
        _pem_path,
        "/etc/ssl/yourcompany-ca.pem",
        "Authorities to trust besides the system's: a PEM file, or a folder of them",
    ),
    Variable(
        "AMBER_CLIENT_CERT",
        "client_cert",
        _pem_path,
        "/etc/ssl/client.pem",
        "A client certificate (PEM), for networks that ask for one",
    ),
    Variable(
        "AMBER_CLIENT_KEY",
        "client_key",
        _pem_path,
        "/etc/ssl/client.key",
        "Its private key (PEM); unset: in the same file",
    ),
    Variable(
        "AMBER_CLIENT_KEY_PASSWORD",
        "client_key_password",
        SecretStr,
        "…",
        "The password of that key, where it is encrypted",
    ),
    Variable(
        "AMBER_CONNECT_TIMEOUT",
        "connect_timeout",
        _seconds,
        "10",
        "Seconds until a connection must stand",
    ),
    Variable(
        "AMBER_READ_TIMEOUT", "read_timeout", _seconds, "120", "Seconds that amber may stay silent"
    ),
    Variable(
        "AMBER_CALL_TIMEOUT",
        "call_timeout",
        _seconds,
        "50",
        "Seconds that one tool call may take; keep it below the host's own limit",
    ),
    Variable(
        "AMBER_MAX_ANSWER_CHARS",
        "max_answer_chars",
        _at_least(200),
        "40000",
        "Characters of an answer that the assistant gets to see",
    ),
    Variable(
        "AMBER_MAX_HISTORY_CHARS",
        "max_history_chars",
        _at_least(0),
        "60000",
        "Characters of a conversation's earlier turns that go to amber; the oldest are left out",
    ),
    Variable(
        "AMBER_WEB_WITH_COMPANY",
        "web_with_company",
        _switch,
        "on",
        "`on` lets `web_search` send a conversation's company answers along",
    ),
    Variable(
        "AMBER_MAX_UPLOAD_BYTES",
        "max_upload_bytes",
        _at_least(1),
        "2147483648",
        "The largest file that is uploaded",
    ),
    Variable(
        "AMBER_MAX_BODY_BYTES",
        "max_body_bytes",
        _at_least(1024),
        "33554432",
        "The largest message that the server takes",
    ),
    Variable(
        "AMBER_RETRIES",
        "retries",
        _at_least(0),
        "3",
        "How often a request is made again that found no connection, or HTTP 429 or 503",
    ),
    Variable(
        "AMBER_MAX_CONCURRENT_REQUESTS",
        "max_concurrent_requests",
        _at_least(1),
        "32",
        "Requests to one host at a time; others wait, and fail as `overloaded` in the end",
    ),
    Variable(
        "AMBER_MAX_RESPONSE_BYTES",
        "max_response_bytes",
        _at_least(1024),
        "33554432",
        "The longest answer that is read from amber",
    ),
    Variable(
        "AMBER_MAX_EVENT_BYTES",
        "max_event_bytes",
        _at_least(1024),
        "4194304",
        "The longest event of a streamed answer",
    ),
    Variable(
        "AMBER_MAX_ERROR_CHARS",
        "max_error_chars",
        _at_least(0),
        "600",
        "Characters of amber's own words in an error",
    ),
    Variable(
        "AMBER_MAX_LIST_ENTRIES",
        "max_list_entries",
        _at_least(1),
        "100",
        "Sources of an answer, and models, that the assistant gets to see",
    ),
    Variable(
        "AMBER_LOG_LEVEL",
        "log_level",
        _log_level,
        "info",
        "What is logged on stderr: `debug`, `info`, `warning` or `error`",
    ),
    Variable(
        "AMBER_LOG_CONTENT",
        "log_content",
        _switch,
        "on",
        "`on` logs arguments and answers as well, at the level `info`",
    ),
)
