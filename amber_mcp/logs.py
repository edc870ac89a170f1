"""What the programs log: one line a record on stderr, `key=value`, without secrets.

A record never waits for its reader: a host that does not read its server's stderr loses lines, and
nothing else.
"""

import logging
import os
import re
import select
import sys
import time
from collections.abc import Iterable

from .config.settings import Settings
from .text.redaction import redact

_LINE_BYTES = 4096
"""What a pipe takes at once or not at all (POSIX: `PIPE_BUF`, on Linux)."""
_TRACEBACK_CHARS = 3000
"""The end of a traceback, which tells most, has to fit into a line."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN = re.compile(r"[\w.:/@%+-]+")
_QUOTED_INPUT = re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL)


def configure_logging(settings: Settings) -> None:
    """Log what `AMBER_LOG_LEVEL` asks for: of other packages, warnings and errors alone.

    Their less important records hold whole messages, and questions with them.
    """
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, StderrHandler)]:
        root.removeHandler(handler)
    handler = StderrHandler()
    handler.setFormatter(Logfmt(settings.secrets))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("amber_mcp").setLevel(settings.log_level.upper())
    # It tells of each retry without saying to whom; `http/retry.py` tells more.
    logging.getLogger("stamina").setLevel(logging.ERROR)


class Logfmt(logging.Formatter):
    """`time=… level=… logger=… event=…` and whatever else a record carries."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """One line, in which everything that does not print is escaped."""
        fields: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            # pydantic quotes what it could not take: arguments, or an answer.
            hidden = _QUOTED_INPUT.sub("input_value={hidden}", traceback)
            # Half a secret would not be found any more.
            fields["traceback"] = redact(hidden, *self._secrets)[-_TRACEBACK_CHARS:]
        shown = (
            f"{name}={_value(redact(str(value), *self._secrets))}" for name, value in fields.items()
        )
        return " ".join(shown)


class StderrHandler(logging.Handler):
    """Writes to stderr, if it can at once."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, cut where a pipe would have to be waited for."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace")
            descriptor = sys.stderr.fileno()
            if _is_writable(descriptor):
                os.write(descriptor, line[: _LINE_BYTES - 1] + b"\n")
        except Exception:  # noqa: BLE001  # whoever logs is not to fail for it
            return  # stderr is closed, none was given, or the record makes no sense.


def _is_writable(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    writable = select.poll()
    writable.register(descriptor, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in writable.poll(0))


def _value(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = "".join(
        char if char.isprintable() and char not in '"\\' else _escaped(char) for char in text
    )
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return {"\n": "\\n", "\t": "\\t"}.get(char) or f"\\u{ord(char):04x}"
