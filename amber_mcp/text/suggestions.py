"""Names in the order in which somebody may have meant them."""

from collections.abc import Iterable
from difflib import get_close_matches

from .sanitise import truncate

MOST_SHOWN = 20
_MOST_COMPARED = 200
_LONGEST_COMPARED = 80


def rank_by_similarity(meant: str, names: Iterable[str]) -> tuple[str, ...]:
    """All `names`: first those that hold `meant`, then those that resemble it, then the others."""
    wanted = meant.strip().casefold()[:_LONGEST_COMPARED]
    given = tuple(dict.fromkeys(names))
    if not wanted:
        return given
    short = [name for name in given if len(name) <= _LONGEST_COMPARED][:_MOST_COMPARED]
    by_form = {name.casefold(): name for name in reversed(short)}
    holding = [name for name in given if wanted in name.casefold()]
    alike = [by_form[form] for form in get_close_matches(wanted, by_form, n=MOST_SHOWN)]
    return tuple(dict.fromkeys([*holding, *alike, *given]))


def list_names(names: tuple[str, ...]) -> str:
    """The first of them for an error, and how many more there are."""
    shown = ", ".join(map(truncate, names[:MOST_SHOWN]))
    more = len(names) - MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
