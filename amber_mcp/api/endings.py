"""What a stream must have said before it may end."""

from collections.abc import Mapping

from .types import Json

_LAST = ("stop", "length", "content_filter")
"""The reasons after which nothing comes; after a call of a tool, a server may run it and go on."""


class Ending:
    """The choices that a stream began, and which of them have their finish reason."""

    def __init__(self) -> None:
        self._has_ended: dict[int, bool] = {}
        self._all_ended = False
        self._may_go_on = False

    def add(self, chunk: Mapping[str, Json]) -> None:
        """Take in a chunk. A finish reason outside the choices is that of all (Adaptive)."""
        self._all_ended = self._all_ended or bool(chunk.get("finish_reason"))
        choices = chunk.get("choices")
        for place, choice in enumerate(choices if isinstance(choices, list) else ()):
            fields = choice if isinstance(choice, dict) else {}
            index = fields.get("index")
            number = index if type(index) is int else place
            reason = fields.get("finish_reason")
            self._may_go_on = self._may_go_on or (bool(reason) and reason not in _LAST)
            self._has_ended[number] = self._has_ended.get(number, False) or bool(reason)

    @property
    def has_choices(self) -> bool:
        """Whether any choice has begun."""
        return bool(self._has_ended)

    def has_all(self, choices: int) -> bool:
        """Whether so many choices have ended for good, and no other has begun."""
        if self._may_go_on:
            return False
        return self.is_complete and (self._all_ended or len(self._has_ended) >= choices)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, though the stream may not say that it has ended."""
        return self._all_ended or (self.has_choices and all(self._has_ended.values()))
