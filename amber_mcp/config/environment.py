"""Environment variables: how one is declared, and what counts as a value of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amber_mcp.text.redaction import redact

_TEMPLATE = re.compile(
    r"\$\{[^{}]*\}|\$?\{\{[^{}]*\}\}|\$\(\w+\)|\$(env:)?[A-Z][A-Z0-9_]*|%[A-Z][A-Z0-9_]*%"
)
"""What hosts and shells fill in. Names without brackets in capitals alone: a password may begin
with `$`.
"""


@dataclass(frozen=True)
class Env:
    """A variable that fills a setting: how it is read, and an example (without: the default).

    It means what the setting's docstring says, unless `meaning` is given.
    """

    name: str
    parse: Callable[[str], object]
    example: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable of the environment, and the field of the settings that it fills."""

    name: str
    field: str
    parse: Callable[[str], object]
    example: str
    meaning: str


class InvalidValueError(ValueError):
    """A value that cannot be used; `usable` is what is left of it that can."""

    def __init__(self, fault: str, usable: object = None) -> None:
        super().__init__(fault)
        self.usable = usable


def problem(variable: Variable, fault: object) -> str:
    """What is wrong with a variable, with an example; no secret is repeated."""
    return redact(f"{variable.name} {fault}. Example: {variable.example}")


def variable_value(value: str) -> str:
    """What a variable is set to, without the quotes around it, which a shell would take off."""
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if quoted else value


def is_template(value: str) -> bool:
    """Whether a value is a template, such as `${user_config.api_key}`, and nothing else.

    Hosts leave it as it is where the user, or their own environment, has nothing to fill in.
    """
    return bool(_TEMPLATE.fullmatch(value))


def expand_path(value: str) -> Path:
    """The path that a value names, which may begin in a home folder (`~`).

    Raises:
        InvalidValueError: if there is no such home folder.
    """
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise InvalidValueError("names the home folder of somebody unknown") from None
