"""What the settings and the readers of variables share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

LogLevel = Literal["debug", "info", "warning", "error"]
SANDBOX: Final = "sandbox"
DEFAULT_TOOLS: Final = ("ask_amber", "web_search", "list_models", "upload_file", "run_agent")
TOOL_NAMES: Final = (*DEFAULT_TOOLS, "chat_completion", "send_feedback")


@dataclass(frozen=True)
class Variable:
    """One environment variable: where its value goes, how it is read, and what it looks like."""

    name: str
    field: str
    parse: Callable[[str], object]
    example: str
    meaning: str


class FaultyValueError(ValueError):
    """A value that cannot be used; `usable` is what is left of it that can."""

    def __init__(self, fault: str, usable: object = None) -> None:
        super().__init__(fault)
        self.usable = usable


def expanded(value: str) -> Path:
    """The path that a value names, which may begin in a home folder (`~`)."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise FaultyValueError("names the home folder of somebody unknown") from None
