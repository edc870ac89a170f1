"""The pieces of a message, merged: what a stream cuts up is joined, and what is empty says nothing.

Text is kept in pieces until it is asked for: to join it as it comes takes time that grows with
the square of its length.
"""

from collections.abc import Mapping
from io import StringIO

from .json_text import mended
from .types import Json

_JOINED = frozenset(
    {
        "content",
        "refusal",
        "reasoning",
        "reasoning_content",
        "thinking",
        "audio.data",
        "audio.transcript",
        "function_call.arguments",
        "tool_calls.function.arguments",
        "tool_calls.custom.input",
    }
)
Merged = dict[str, object]
"""An object in the making, which `rendered` makes JSON of."""


def merge(known: Merged, piece: Mapping[str, Json], path: str = "") -> None:
    """Add what `piece` says to `known`: texts of `_JOINED` and lists grow, the rest is replaced."""
    for key, value in piece.items():
        before, place = known.get(key), path + key
        match value:
            case None if key == "content":
                known.setdefault(key, None)  # `null` says that there is none.
            case None:
                pass
            case list() if place == "tool_calls":
                known[key] = calls = before if isinstance(before, ToolCalls) else ToolCalls()
                calls.add(value)
            case list() if isinstance(before, StringIO):
                known[key] = [_part(before.getvalue()), *value]
            case list() if isinstance(before, list):
                before.extend(value)
            case list():
                known[key] = [*value]
            case dict():
                known[key] = inside = before if isinstance(before, dict) else {}
                merge(inside, value, f"{place}.")
            case str() if place in _JOINED and isinstance(before, list):
                before.append(_part(value))
            case str() if place in _JOINED:
                known[key] = text = before if isinstance(before, StringIO) else StringIO()
                text.write(value)
            case _:
                keep(known, key, value)


def keep(known: Merged, key: str, value: Json) -> None:
    """Note a value that comes in one piece; what is empty never overwrites."""
    if value is not None and (value not in ("", [], {}) or key not in known):
        known[key] = value


def rendered(value: object) -> Json:
    """What was merged, as JSON whose texts can be written."""
    match value:
        case StringIO():
            return mended(value.getvalue())
        case str():
            return mended(value)
        case ToolCalls():
            return [rendered(call) for call in value.in_order()]
        case list():
            return [rendered(item) for item in value]
        case dict():
            return {mended(key): rendered(item) for key, item in value.items()}
        case bool() | int() | float():
            return value
        case _:
            return None


class ToolCalls:
    """Calls of functions, told apart by their index, and by their ids where an index is shared."""

    def __init__(self) -> None:
        self._by_index: dict[int, list[Merged]] = {}

    def add(self, pieces: list[Json]) -> None:
        """Take in the pieces that came together; one without an index counts by its place."""
        for place, piece in enumerate(pieces):
            if isinstance(piece, dict):
                index = piece.get("index")
                calls = self._by_index.setdefault(index if type(index) is int else place, [])
                merge(_meant(calls, piece.get("id")), piece, "tool_calls.")

    def in_order(self) -> list[Merged]:
        """The calls, by their index."""
        return [call for index in sorted(self._by_index) for call in self._by_index[index]]


def _meant(calls: list[Merged], call_id: Json) -> Merged:
    """The call that has an id, or the latest where none is told; else a new one."""
    for call in reversed(calls):
        if not call_id or (call.get("id") or call_id) == call_id:
            return call
    calls.append({})
    return calls[-1]


def _part(text: str) -> Json:
    return {"type": "text", "text": text}
