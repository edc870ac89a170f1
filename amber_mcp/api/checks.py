"""Checks of values: each returns what a value must be, or nothing if it fits."""

import math
import re
from collections.abc import Callable, Iterable, Mapping

from .types import Json

Check = Callable[[Json], str]
"""Returns the rule that a value breaks, worded to follow "must be"; "" where it breaks none."""

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def anything(value: Json) -> str:  # noqa: ARG001  # the form of a check
    """Any value: the API documents no type."""
    return ""


def number(least: float | None = None, most: float | None = None) -> Check:
    """A finite number, perhaps within bounds that the API documents."""
    rule = _bounded("a number", least, most)

    def check(value: Json) -> str:
        fits = type(value) is int or (type(value) is float and math.isfinite(value))
        return "" if fits and _is_within(value, least, most) else rule

    return check


def integer(least: int | None = None, most: int | None = None) -> Check:
    """A whole number, perhaps within bounds that the API documents."""
    rule = _bounded("a whole number", least, most)

    def check(value: Json) -> str:
        return "" if type(value) is int and _is_within(value, least, most) else rule

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


def one_of(*choices: str) -> Check:
    """One of a few texts."""
    rule = f"one of {_named(choices)}" if len(choices) > 1 else _named(choices)
    return lambda value: "" if value in choices else rule


def either(*checks: Check) -> Check:
    """What one of several checks lets pass."""

    def check(value: Json) -> str:
        rules = [rule(value) for rule in checks]
        return "" if "" in rules else " or ".join(rules)

    return check


def listed(check_item: Check, most: int | None = None) -> Check:
    """A list whose items all pass a check, perhaps of bounded length."""
    rule = "a list" if most is None else f"a list of at most {most}"

    def check(value: Json) -> str:
        if not isinstance(value, list) or (most is not None and len(value) > most):
            return rule
        rules = (broken for item in value if (broken := check_item(item)))
        return next((f"a list in which each is {broken}" for broken in rules), "")

    return check


def mapping(value: Json) -> str:
    """An object of any content."""
    return "" if isinstance(value, dict) else "an object"


def mapped(check_value: Check) -> Check:
    """An object whose values all pass a check."""

    def check(value: Json) -> str:
        if not isinstance(value, dict):
            return "an object"
        rules = (broken for item in value.values() if (broken := check_value(item)))
        return next((f"an object in which each is {broken}" for broken in rules), "")

    return check


def closed(*required: str, **checks: Check) -> Check:
    """An object with these keys and no others; those that are not required may be null."""
    return lambda value: _broken_by(value, required, checks, is_open=False)


def opened(*required: str, **checks: Check) -> Check:
    """An object with these keys, and perhaps others."""
    return lambda value: _broken_by(value, required, checks, is_open=True)


def kinds(**by_type: Check) -> Check:
    """An object whose `type` says which check it has to pass."""
    types = one_of(*by_type)

    def check(value: Json) -> str:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in by_type:
            return f"an object whose `type` is {types(None)}"
        return by_type[kind](value)

    return check


def _broken_by(
    value: Json, required: tuple[str, ...], checks: Mapping[str, Check], *, is_open: bool
) -> str:
    if not isinstance(value, dict):
        return f"an object with {_named(checks)}"
    for key in required:
        if value.get(key) is None:
            return f"an object with `{key}`"
    for key, item in value.items():
        if key not in checks:
            if not is_open:
                return f"an object with {_named(checks)}, not `{key[:80]}`"
        elif item is not None and (rule := checks[key](item)):
            return f"an object whose `{key}` is {rule}"
    return ""


def _is_within(value: Json, least: float | None, most: float | None) -> bool:
    return isinstance(value, int | float) and not (
        (least is not None and value < least) or (most is not None and value > most)
    )


def _bounded(kind: str, least: float | None, most: float | None) -> str:
    bounds = [f"at least {least}"] if least is not None else []
    bounds += [f"at most {most}"] if most is not None else []
    return f"{kind} of {' and '.join(bounds)}" if bounds else kind


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
