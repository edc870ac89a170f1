"""What the variables say of all that outlives a call: where it is stored, and for how long."""

import base64
import binascii
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from .environment import InvalidValueError, expand_path

_SECONDS_OF = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_DAYS = 366
_KEY_BYTES = 32
# Of 32 random bytes, fewer than 16 that differ never come; of a word typed many times, they do.
_LEAST_DIFFERENT = 16


@dataclass(frozen=True)
class StorageLocation:
    """Where state is: in the process, in the SQLite file at `path`, or in Redis at an address.

    As text it holds no password.
    """

    scheme: Literal["memory", "sqlite", "redis", "rediss"] = "memory"
    path: Path = Path()
    host: str = ""
    port: int = 6379
    database: int = 0
    username: str = ""
    password: SecretStr | None = None

    def __str__(self) -> str:
        match self.scheme:
            case "memory":
                return "memory"
            case "sqlite":
                return f"sqlite:{self.path}"
            case _:
                host = f"[{self.host}]" if ":" in self.host else self.host
                return f"{self.scheme}://{host}:{self.port}/{self.database}"

    @property
    def is_redis(self) -> bool:
        """Whether it is a Redis server."""
        return self.scheme.startswith("redis")


@dataclass(frozen=True)
class TimeToLive:
    """For how many seconds each kind is kept after it was last written."""

    conversation: float = 7 * 86_400
    run: float = 86_400
    upload: float = 30 * 86_400

    def __str__(self) -> str:
        return ",".join(f"{each.name}={_text(getattr(self, each.name))}" for each in fields(self))


def storage_location(value: str) -> StorageLocation:
    """Read `memory`, `sqlite:PATH` or `redis://…`. No error repeats the value."""
    scheme, _, rest = value.partition(":")
    match scheme.lower():
        case "memory" if not rest:
            return StorageLocation()
        case "sqlite":
            return _file(rest.removeprefix("//"))
        case "redis" | "rediss":
            return _server(value)
    raise InvalidValueError("is neither memory, nor sqlite:PATH, nor redis://HOST")


def state_keys(value: str) -> tuple[SecretStr, ...]:
    """Read one key, or several with commas between: the first encrypts, all of them decrypt."""
    keys = [part.strip() for part in value.split(",") if part.strip()]
    if not keys or any(len(set(decode_key(key))) < _LEAST_DIFFERENT for key in keys):
        raise InvalidValueError(
            f"is not {_KEY_BYTES} or more random bytes in base64 or hex. Make such a key with: "
            f"openssl rand -base64 {_KEY_BYTES}"
        )
    return tuple(map(SecretStr, keys))


def decode_key(key: str) -> bytes:
    """The bytes of a key in hex or base64; none, where it is neither or too short."""
    try:
        content = bytes.fromhex(key) if re.fullmatch("[0-9a-fA-F]+", key) else _from_base64(key)
    except (ValueError, binascii.Error):
        return b""
    return content if len(content) >= _KEY_BYTES else b""


def time_to_live(value: str) -> TimeToLive:
    """Read `conversation=7d,run=1d`, or one duration for all kinds."""
    kinds = [each.name for each in fields(TimeToLive)]
    if "=" not in value:
        return TimeToLive(*[_duration(value)] * len(kinds))
    given: dict[str, float] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        kind, _, duration = (part.strip() for part in entry.partition("="))
        if kind not in kinds:
            raise InvalidValueError(f"names {kind[:40]!r}; there are {', '.join(kinds)}")
        if kind in given:
            raise InvalidValueError(f"names {kind} twice")
        given[kind] = _duration(duration)
    return TimeToLive(**given)


def _file(value: str) -> StorageLocation:
    path = expand_path(value)
    if not path.is_absolute() or "\0" in value:
        raise InvalidValueError(
            "must name an absolute path after sqlite:, or one that starts with ~/"
        )
    return StorageLocation("sqlite", path)


def _server(value: str) -> StorageLocation:
    try:
        url = urlsplit(value)
        host, port = url.hostname or "", 6379 if url.port is None else url.port
    except ValueError:
        raise InvalidValueError(
            "is not a URL (in a password, / # ? and @ are written as %2F %23 %3F and %40)"
        ) from None
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*", host) or not port:
        raise InvalidValueError("names no valid host and port")
    if url.query or url.fragment:
        raise InvalidValueError("must end after the number of the database: it has a query")
    database = url.path.strip("/")
    if not re.fullmatch("[0-9]{0,4}", database):
        raise InvalidValueError("must end after the number of the database, such as /0")
    return StorageLocation(
        "rediss" if url.scheme == "rediss" else "redis",
        host=host,
        port=port,
        database=int(database or 0),
        username=unquote(url.username or ""),
        password=SecretStr(unquote(url.password)) if url.password else None,
    )


def _from_base64(key: str) -> bytes:
    key = key.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(key + "=" * (-len(key) % 4), validate=True)


def _duration(value: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) *([smhdw]?)", value.strip().lower())
    if not found:
        raise InvalidValueError(
            f"has {value[:40]!r}, which is not a duration such as 90s, 12h or 7d"
        )
    seconds = float(found[1]) * _SECONDS_OF[found[2] or "s"]
    if not 1 <= seconds <= _LONGEST_DAYS * 86_400:
        raise InvalidValueError(
            f"has {value[:40]!r}, which is not between a second and {_LONGEST_DAYS} days"
        )
    return seconds


def _text(seconds: float) -> str:
    unit = next(unit for unit in "dhms" if unit == "s" or seconds % _SECONDS_OF[unit] == 0)
    return f"{seconds / _SECONDS_OF[unit]:g}{unit}"
