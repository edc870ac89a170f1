"""The pieces of a completion, put together: what a stream says in parts becomes one body.

The wire's names stay as they are, and fields that are not known here are kept: a caller of the
API gets all that it said. Text is kept in pieces until it is asked for: to join it as it comes
takes time that grows with the square of its length.
"""

from collections.abc import Mapping
from io import StringIO

from amber_mcp.errors import TooLarge
from amber_mcp.text.json_values import well_formed

from .choices import choices_of, index_in, message_of, number_of, text_of
from .types import Json

_USAGES = ("usage", "usage_from_provider", "usage_from_consumer")
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
"""The texts of a message that a stream cuts up; any other text comes in one piece."""

_VALUE_SIZE = 40
_LARGE_SIZE = 80_000
_MAX_SIZE = 1_000_000
_Partial = dict[str, object]
"""An object in the making, of which `_as_json` makes JSON."""


class CompletionAccumulator:
    """A completion in the making. Feed it chunks, or the one body of an answer in one piece."""

    def __init__(self) -> None:
        self._size = 0
        self._body: _Partial = {}
        self._choices: dict[int, _Partial] = {}
        self._usage: Json = {}

    def add(self, chunk: Mapping[str, Json]) -> None:
        """Take in a chunk. What is empty never overwrites (a quirk of Morpheus: later ids).

        Raises:
            TooLarge: if the completion comes to be larger than can be handed on.
        """
        for key, value in chunk.items():
            if key in _USAGES:
                self._usage = value if isinstance(value, dict) and value else self._usage
            elif key != "choices":
                self._size += _keep(self._body, key, value)
        for position, choice in enumerate(choices_of(chunk)):
            if choice:
                self._add_choice(position, choice)
        if self._size > _MAX_SIZE:
            raise TooLarge(
                f"the completion is too large to be handed on: {_MAX_SIZE:,} characters are the "
                f"most, and each of its values counts for {_VALUE_SIZE}",
                advice="Ask for less at once: fewer choices (`n`) or `top_logprobs`, less audio.",
            )

    @property
    def is_large(self) -> bool:
        """Whether `body` takes longer than the event loop should wait: use a worker thread."""
        return self._size > _LARGE_SIZE

    def body(self) -> dict[str, Json]:
        """The completion so far, in the form of an answer that was not streamed."""
        body = dict(self._body)
        finished = body.pop("finish_reason", None)  # Adaptive may tell it outside the choices.
        if body.get("object") == "chat.completion.chunk":
            body["object"] = "chat.completion"
        choices = [
            _as_json({"finish_reason": finished, **choice} if finished else choice)
            for _, choice in sorted(self._choices.items())
        ]
        return {
            **{well_formed(key): _as_json(value) for key, value in body.items()},
            "choices": choices,
            "usage": _as_json(self._usage),
        }

    def _add_choice(self, position: int, choice: Mapping[str, Json]) -> None:
        number = number_of(choice, position)
        # A stream need not say whose message it is (seed 002's does not): it is the assistant's.
        message: _Partial = {"role": "assistant"}
        if number not in self._choices:
            self._choices[number] = {"index": number, "message": message}
            self._size += 3 * _VALUE_SIZE
        known = self._choices[number]
        for key, value in choice.items():
            if key == "logprobs":
                self._size += _merge(known, {key: value})
            elif key not in ("delta", "message", "index"):
                self._size += _keep(known, key, value)
        message = known["message"]  # type: ignore[assignment]  # as it was put there
        piece = message_of(choice)
        if choice.get("delta"):
            self._size += _merge(message, piece)
        elif piece:
            self._size += _merge(message, {**piece, "tool_calls": None})
            self._size += _keep(message, "tool_calls", piece.get("tool_calls"))
        elif text := text_of(choice):
            for key in ("text", "content"):
                known.pop(key, None)
            self._size += _merge(message, {"content": text})


class _ToolCalls:
    """Calls of functions, told apart by their index; where they share one, by ids or by names."""

    def __init__(self) -> None:
        self._by_index: dict[int, list[_Partial]] = {}
        self._known: dict[tuple[int, str, str], _Partial] = {}
        self._latest: _Partial | None = None

    def add(self, pieces: list[Json]) -> int:
        """Take in the pieces of one chunk; one without an index counts by its position.

        One of an index that no call has belongs to the latest call, if it says of no other.
        """
        size = 0
        for position, piece in enumerate(pieces):
            if not isinstance(piece, dict):
                continue
            number = index_in(piece.get("index"), position)
            call = self._call(number, piece)
            if call is None:
                call = {}
                self._by_index.setdefault(number, []).append(call)
                size += _VALUE_SIZE
            kept = {**piece, "index": None} if "index" in call else piece
            size += _merge(call, kept, "tool_calls.")
            self._latest = call
            self._known[number, "id", _id_of(call)] = call
            self._known[number, "name", _name_of(call)] = call
        return size

    def in_order(self) -> list[_Partial]:
        """The calls, by their index."""
        return [call for index in sorted(self._by_index) for call in self._by_index[index]]

    def _call(self, number: int, piece: Mapping[str, object]) -> _Partial | None:
        """The call at this index with the id of a piece, or else its name, or the latest one."""
        call_id, name = _id_of(piece), _name_of(piece)
        key = ("id", call_id) if call_id else ("name", name)
        if (call_id or name) and (number, *key) in self._known:
            return self._known[number, *key]
        if number not in self._by_index:
            return None if call_id or name else self._latest
        latest = self._by_index[number][-1]
        is_another = (call_id and _id_of(latest)) or (name and _name_of(latest) not in ("", name))
        return None if is_another else latest


def _id_of(call: Mapping[str, object]) -> str:
    call_id = call.get("id")
    return call_id if isinstance(call_id, str) else ""


def _name_of(call: Mapping[str, object]) -> str:
    """The name of the function, or of the custom tool, that a call or a piece of it is of."""
    called = call.get("function") or call.get("custom")
    name = called.get("name") if isinstance(called, dict) else None
    return name if isinstance(name, str) else ""


def _merge(known: _Partial, piece: Mapping[str, Json], path: str = "") -> int:
    """Add `piece` to `known`: texts of `_JOINED` and lists grow, anything else is replaced.

    Returns:
        By how much it is larger.
    """
    size = 0
    for key, value in piece.items():
        before, place = known.get(key), path + key
        match value:
            case None if key == "content":
                known.setdefault(key, None)  # `null` says that there is none.
            case None:
                pass
            case list() if place == "tool_calls":
                known[key] = calls = before if isinstance(before, _ToolCalls) else _ToolCalls()
                size += calls.add(value)
            case list() if isinstance(before, StringIO):
                known[key] = [_text_part(before.getvalue()), *value]
                size += _size(value)
            case list() if isinstance(before, list):
                before.extend(value)
                size += _size(value)
            case list():
                known[key] = [*value]
                size += _size(value)
            case dict():
                known[key] = inside = before if isinstance(before, dict) else {}
                size += _VALUE_SIZE * (inside is not before) + _merge(inside, value, f"{place}.")
            case str() if place in _JOINED and isinstance(before, list):
                before.append(_text_part(value))
                size += _VALUE_SIZE + len(value)
            case str() if place in _JOINED:
                known[key] = text = before if isinstance(before, StringIO) else StringIO()
                size += text.write(value)
            case _:
                size += _keep(known, key, value)
    return size


def _keep(known: _Partial, key: str, value: Json) -> int:
    """Set a value that comes in one piece; what is empty never overwrites.

    Returns:
        By how much it is larger.
    """
    if value is None or (value in ("", [], {}) and key in known):
        return 0
    more = _size(value) - _size(known[key]) if key in known else len(key) + _size(value)
    known[key] = value
    return more


def _size(value: object) -> int:
    """How large a value is, in characters; each value in it has `_VALUE_SIZE` besides its own."""
    match value:
        case str():
            return _VALUE_SIZE + len(value)
        case list():
            return _VALUE_SIZE + sum(map(_size, value))
        case dict():
            return _VALUE_SIZE + sum(len(key) + _size(each) for key, each in value.items())
        case _:
            return _VALUE_SIZE


def _text_part(text: str) -> Json:
    return {"type": "text", "text": text}


def _as_json(value: object) -> Json:
    """What was merged, as JSON whose texts can be written as UTF-8."""
    match value:
        case StringIO():
            return well_formed(value.getvalue())
        case str():
            return well_formed(value)
        case _ToolCalls():
            return [_as_json(call) for call in value.in_order()]
        case list():
            return [_as_json(item) for item in value]
        case dict():
            return {well_formed(key): _as_json(item) for key, item in value.items()}
        case bool() | int() | float():
            return value
        case _:
            return None
