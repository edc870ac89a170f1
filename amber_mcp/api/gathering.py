"""The pieces of a completion, put together: what a stream says in parts becomes one body.

The wire's names stay as they are, and fields that are not known here are kept: a caller of the
API gets all that it said.
"""

from collections.abc import Mapping

from .merging import Merged, keep, merge, rendered
from .types import Json

_USAGES = ("usage", "usage_from_provider", "usage_from_consumer")


class Gathered:
    """A completion in the making. Feed it chunks, or the one body of an answer in one piece."""

    def __init__(self) -> None:
        self._body: Merged = {}
        self._choices: dict[int, Merged] = {}
        self._usage: Json = {}

    def add(self, chunk: Mapping[str, Json]) -> None:
        """Take in a chunk. What is empty never overwrites (a quirk of Morpheus: later ids)."""
        for key, value in chunk.items():
            if key in _USAGES:
                self._usage = value if isinstance(value, dict) and value else self._usage
            elif key != "choices":
                keep(self._body, key, value)
        choices = chunk.get("choices")
        for place, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict):
                self._add_choice(place, choice)
            elif isinstance(choice, str):  # Seed 000 leaves the form of a choice open.
                self._add_choice(place, {"text": choice})

    def body(self) -> dict[str, Json]:
        """The completion so far, in the form of an answer that was not streamed."""
        body = dict(self._body)
        ended = body.pop("finish_reason", None)  # Adaptive may tell it apart from the choices.
        choices = [
            rendered({"finish_reason": ended, **choice} if ended else choice)
            for _, choice in sorted(self._choices.items())
        ]
        if body.get("object") == "chat.completion.chunk":
            body["object"] = "chat.completion"
        return {
            **{key: rendered(value) for key, value in body.items()},
            "choices": choices,
            "usage": rendered(self._usage),
        }

    def _add_choice(self, place: int, choice: Mapping[str, Json]) -> None:
        index = choice.get("index")
        number = index if type(index) is int else place
        # A stream need not say whose message it is (seed 002's does not): there is one answer.
        message: Merged = {"role": "assistant"}
        known = self._choices.setdefault(number, {"index": number, "message": message})
        for key, value in choice.items():
            if key == "logprobs":
                merge(known, {key: value})
            elif key not in ("delta", "message", "index"):
                keep(known, key, value)
        message = known["message"]  # type: ignore[assignment]  # as it was put there
        delta, whole, text = (choice.get(key) for key in ("delta", "message", "text"))
        if isinstance(delta, dict) and delta:
            merge(message, delta)
        elif isinstance(whole, dict):
            merge(message, {**whole, "tool_calls": None})
            keep(message, "tool_calls", whole.get("tool_calls"))
        elif isinstance(text, str):
            known.pop("text")
            merge(message, {"content": text})
