"""The pieces of a completion, put together: what a stream says in parts becomes one body.

The wire's names stay as they are, and fields that are not known here are kept: a caller of the
API gets all that it said.
"""

from collections.abc import Mapping

from .json_text import mended_json
from .types import Json

_JOINED = frozenset({"content", "refusal", "arguments", "reasoning_content"})
_OF_CHUNKS = frozenset({"object", "choices", "usage"})
_USAGES = ("usage", "usage_from_provider", "usage_from_consumer")


class Gathered:
    """A completion in the making. Feed it chunks, or the one body of an answer in one piece."""

    def __init__(self) -> None:
        self._body: dict[str, Json] = {}
        self._choices: dict[int, dict[str, Json]] = {}
        self._usage: dict[str, Json] = {}

    def add(self, chunk: Mapping[str, Json]) -> None:
        """Take in a chunk. Empty text never overwrites (a quirk of Morpheus: later ids are "")."""
        for key, value in chunk.items():
            if key not in _OF_CHUNKS and key not in _USAGES and value is not None:
                self._body[key] = value
        for key in _USAGES:
            if isinstance(usage := chunk.get(key), dict):
                self._usage = usage
        choices = chunk.get("choices")
        for place, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict):
                self._add_choice(place, choice)

    def body(self) -> dict[str, Json]:
        """The completion so far, in the form of an answer that was not streamed."""
        choices: list[Json] = [mended_json(self._choices[index]) for index in sorted(self._choices)]
        return {**self._body, "choices": choices, "usage": self._usage}

    def _add_choice(self, place: int, choice: dict[str, Json]) -> None:
        index = choice.get("index")
        number = index if type(index) is int else place
        # A stream need not say whose message it is (seed 002's does not): there is one answer.
        known = self._choices.setdefault(
            number, {"index": number, "message": {"role": "assistant"}}
        )
        piece = choice.get("delta") or choice.get("message")
        for key, value in choice.items():
            if key not in ("delta", "message", "index") and value is not None:
                known[key] = value
        message = known["message"]
        if isinstance(piece, dict) and isinstance(message, dict):
            _merge(message, piece)


def _merge(known: dict[str, Json], piece: Mapping[str, Json]) -> None:
    for key, value in piece.items():
        if value is None and key != "content":
            continue  # It says nothing; of `content` it says that there is none.
        before = known.get(key)
        if key == "tool_calls" and isinstance(value, list):
            known[key] = _merged_calls(before if isinstance(before, list) else [], value)
        elif isinstance(value, dict) and isinstance(before, dict):
            _merge(before, value)
        elif key in _JOINED and isinstance(value, str) and isinstance(before, str):
            known[key] = before + value
        elif value or key not in known:
            known[key] = {**value} if isinstance(value, dict) else value


def _merged_calls(known: list[Json], pieces: list[Json]) -> list[Json]:
    """Tool calls by their index; one without an index counts by its place."""
    calls = {place: call for place, call in enumerate(known) if isinstance(call, dict)}
    for place, piece in enumerate(pieces):
        if isinstance(piece, dict):
            index = piece.get("index")
            call = calls.setdefault(index if type(index) is int else place, {})
            _merge(call, {key: value for key, value in piece.items() if key != "index"})
    return [calls[place] for place in sorted(calls)]
