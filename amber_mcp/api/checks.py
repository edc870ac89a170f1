"""Checks of parameter values: each returns what a value must be, or nothing if it fits."""

import re
from collections.abc import Callable, Sequence

from .types import Json

Check = Callable[[Json], str]
"""Returns the rule that a value breaks, worded to follow "must be"; "" where it breaks none."""

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def number(least: float | None = None, most: float | None = None) -> Check:
    """A number, perhaps within bounds that the API documents."""

    def check(value: Json) -> str:
        fits = (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and (least is None or value >= least)
            and (most is None or value <= most)
        )
        bounds = f" of at least {least:g}" if least is not None else ""
        bounds += f" and at most {most:g}" if most is not None else ""
        return "" if fits else f"a number{bounds}"

    return check


def integer(least: int | None = None) -> Check:
    """A whole number, perhaps with a lower bound that the API documents."""

    def check(value: Json) -> str:
        fits = type(value) is int and (least is None or value >= least)
        return (
            ""
            if fits
            else "a whole number" + (f" of at least {least}" if least is not None else "")
        )

    return check


def boolean(value: Json) -> str:
    """`true` or `false`."""
    return "" if isinstance(value, bool) else "true or false"


def text(value: Json) -> str:
    """Any text."""
    return "" if isinstance(value, str) else "text"


def uuid(value: Json) -> str:
    """A UUID as text."""
    return "" if isinstance(value, str) and _UUID.fullmatch(value) else "a UUID"


def texts(value: Json) -> str:
    """A list of texts."""
    fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return "" if fits else "a list of texts"


def text_or_texts(value: Json) -> str:
    """A text, or a list of texts."""
    return "" if not (text(value) and texts(value)) else "text or a list of texts"


def mapping(value: Json) -> str:
    """An object of any content."""
    return "" if isinstance(value, dict) else "an object"


def text_mapping(value: Json) -> str:
    """An object whose values are all texts."""
    fits = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return "" if fits else "an object of texts"


def text_or_mapping(value: Json) -> str:
    """A text, or an object."""
    return "" if isinstance(value, str | dict) else "text or an object"


def closed(**checks: Check) -> Check:
    """An object with these keys, all of them optional, and no others."""

    def check(value: Json) -> str:
        if not isinstance(value, dict):
            return f"an object with {_named(checks)}"
        for key, item in value.items():
            if key not in checks:
                return f"an object with {_named(checks)}, not `{key}`"
            if rule := checks[key](item):
                return f"an object whose `{key}` is {rule}"
        return ""

    return check


def listed(check_item: Check, most: int | None = None) -> Check:
    """A list whose items all pass a check, perhaps of bounded length."""

    def check(value: Json) -> str:
        if not isinstance(value, list) or (most is not None and len(value) > most):
            return "a list" + (f" of at most {most}" if most is not None else "")
        rules = [rule for item in value if (rule := check_item(item))]
        return f"a list in which each is {rules[0]}" if rules else ""

    return check


def one_of(*choices: str) -> Check:
    """One of a few texts."""
    return lambda value: "" if value in choices else f"one of {_named(choices)}"


def _named(names: Sequence[str] | dict[str, Check]) -> str:
    return ", ".join(f"`{name}`" for name in names)
