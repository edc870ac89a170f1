"""What a stream must have said before it may end."""

from collections.abc import Mapping

from .types import Json


class Ending:
    """The choices that a stream began, and which of them have their finish reason."""

    def __init__(self) -> None:
        self._has_ended: dict[int, bool] = {}
        self._all_ended = False

    def add(self, chunk: Mapping[str, Json]) -> None:
        """Take in a chunk. A finish reason outside the choices is that of all (Adaptive)."""
        self._all_ended = self._all_ended or bool(chunk.get("finish_reason"))
        choices = chunk.get("choices")
        for place, choice in enumerate(choices if isinstance(choices, list) else ()):
            fields = choice if isinstance(choice, dict) else {}
            index = fields.get("index")
            number = index if type(index) is int else place
            ended = self._has_ended.get(number, False)
            self._has_ended[number] = ended or bool(fields.get("finish_reason"))

    @property
    def has_choices(self) -> bool:
        """Whether any choice has begun."""
        return bool(self._has_ended)

    def has_all(self, choices: int) -> bool:
        """Whether so many choices have ended, and no other has begun."""
        return self.is_complete and (self._all_ended or len(self._has_ended) >= choices)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, though the stream may not say that it has ended."""
        return self._all_ended or (self.has_choices and all(self._has_ended.values()))
