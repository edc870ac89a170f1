"""Arguments: an object that a function's schema allows, with what its question says in it.

Required properties are always there, the others where the question has something for them:
values of an enum that occur in it, numbers, dates and addresses, quoted texts, names. What the
question does not have is the schema's own default or example, or the least that fits. A text that
asks for words (`query`, `question`, …) is the whole question. `pattern` is met by what occurs in
the question or by a few stock values, or not at all.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .mentions import Mentions, plain, words
from .schema import Schema, fits, kinds, resolved

_DEEPEST = 8
_LONGEST = 10_000
_ASKS_FOR_WORDS = re.compile(
    r"query|question|prompt|text|message|request|search|input|content|task|frage|suche"
)
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
}
_STOCK = ("a", "A", "0", "1", "abc", "ABC", "123", "A1", "ABC-123", "00000", *_FORMATS.values())


class SchemaError(Exception):
    """The schema is none."""


class _Nothing:
    """The question says nothing for a value."""


_NOTHING = _Nothing()


def make(schema: Schema, mentions: Mentions) -> dict[str, Any]:
    """The arguments for one function's `parameters`.

    Raises:
        SchemaError: its keywords do not have the types that JSON Schema gives them.
    """
    try:
        made = _Maker(schema, mentions).value({"type": "object", **schema})
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise SchemaError("the parameters are no JSON schema") from error
    return made if isinstance(made, dict) else {}


class _Maker:
    def __init__(self, root: Schema, mentions: Mentions) -> None:
        self._root = root
        self._mentions = mentions

    def value(self, schema: object, name: str = "", depth: int = 0) -> object:
        """A value that fits, from the question or made up."""
        asked = resolved(schema, self._root)
        told = self._told(asked, name, depth)
        return self._made_up(asked, name, depth) if isinstance(told, _Nothing) else told

    def _made_up(self, asked: Schema, name: str, depth: int, nth: int = 0) -> object:
        """A value that the question does not have; the `nth` of several differs."""
        tries = self._tries(asked, name, depth, nth)
        first = next(tries)
        if fits(first, asked, self._root):
            return first
        return next((each for each in tries if fits(each, asked, self._root)), first)

    def _told(self, asked: Schema, name: str, depth: int) -> object:
        """What the question says for a value, if that fits."""

        def fit(value: object) -> bool:
            return fits(value, asked, self._root)

        found: object = _NOTHING
        if "const" in asked or depth > _DEEPEST:
            return _NOTHING
        if "enum" in asked:
            occurring = (each for each in asked["enum"] if self._mentions.has(str(each)))
            return next((each for each in occurring if fit(each)), _NOTHING)
        for word in ("anyOf", "oneOf"):
            for branch in asked.get(word, []):
                inner = self._told(self._branch(asked, word, branch), name, depth + 1)
                if not isinstance(inner, _Nothing) and fit(inner):
                    return inner
            if word in asked:
                return _NOTHING
        for kind in kinds(asked):
            if kind == "string":
                found = self._told_text(asked, name)
            elif kind in ("integer", "number"):
                number = self._mentions.number(fit)
                found = _NOTHING if number is None else number
            elif kind == "boolean" and name and self._mentions.has(name):
                found = True
            elif kind == "array" and isinstance(asked.get("items"), dict):
                one = self._told(resolved(asked["items"], self._root), name, depth + 1)
                found = _NOTHING if isinstance(one, _Nothing) or not fit([one]) else [one]
            if not isinstance(found, _Nothing):
                return found
        return _NOTHING

    def _told_text(self, asked: Schema, name: str) -> object:
        def fit(value: object) -> bool:
            return fits(value, asked, self._root)

        form = str(asked.get("format", ""))
        if form:
            return self._mentions.formatted(form, fit) or _NOTHING
        question = self._mentions.question
        asks_for_words = any(_ASKS_FOR_WORDS.fullmatch(each) for each in words(name)[-1:])
        if asks_for_words and question and fit(question):
            return question
        return self._mentions.text(fit) or _NOTHING

    def _tries(self, asked: Schema, name: str, depth: int, nth: int) -> Iterator[object]:
        """What may fit, the likeliest first."""
        if "const" in asked:
            yield asked["const"]
        if "default" in asked and nth == 0:
            yield asked["default"]
        for several in (asked.get("enum", []), asked.get("examples", [])):
            if isinstance(several, list):
                yield from [*several[nth:], *several[:nth]]
        for word in ("anyOf", "oneOf"):
            branches = asked.get(word, []) if depth <= _DEEPEST else []
            for branch in sorted(branches, key=_is_null):
                yield self._made_up(self._branch(asked, word, branch), name, depth + 1, nth)
        for kind in kinds(asked):
            if kind == "object":
                yield self._object(asked, depth)
            elif kind == "array":
                yield self._list(asked, name, depth)
            elif kind in ("integer", "number"):
                yield from _numbers(asked, kind == "integer", nth)
            elif kind == "boolean":
                yield from ([False, True] if nth == 0 else [True, False])
            elif kind == "string":
                yield from _texts(asked, self._mentions, nth)
        yield None

    def _branch(self, asked: Schema, word: str, branch: object) -> dict[str, Any]:
        """One way of a choice, with what holds for all of them."""
        rest = {key: value for key, value in asked.items() if key not in (word, "default")}
        return {**rest, **resolved(branch, self._root)}

    def _object(self, asked: Schema, depth: int) -> dict[str, object]:
        properties: Schema = asked.get("properties", {})
        required: Sequence[str] = asked.get("required", [])
        others = asked.get("additionalProperties", True)
        made: dict[str, object] = {}
        if depth > _DEEPEST:
            return made
        in_order = [name for name in properties if name in required]
        for name in [*in_order, *(name for name in required if name not in properties)]:
            made[name] = self.value(properties.get(name, others), name, depth + 1)
        for name, one in properties.items():
            told = _NOTHING if name in made else self._told(resolved(one, self._root), name, depth)
            if not isinstance(told, _Nothing) and len(made) < asked.get("maxProperties", math.inf):
                made[name] = told
        spare = [*(name for name in properties if name not in made)]
        spare += [f"property{number}" for number in range(asked.get("minProperties", 0))]
        for name in spare[: max(0, asked.get("minProperties", 0) - len(made))]:
            made[name] = self.value(properties.get(name, others), name, depth + 1)
        return made

    def _list(self, asked: Schema, name: str, depth: int) -> list[object]:
        first = asked.get("prefixItems", [])
        many = min(asked.get("minItems", 0), 100) if depth <= _DEEPEST else 0
        each_asked = [*first, *[asked.get("items", {})] * many][: max(many, len(first))]
        made: list[object] = []
        for one in each_asked[: asked.get("maxItems", len(each_asked))]:
            value = self.value(one, name, depth + 1)
            if asked.get("uniqueItems") and value in made:
                others = resolved(one, self._root)
                more = (self._made_up(others, name, depth + 1, nth) for nth in range(2 * many))
                value = next((each for each in more if each not in made), value)
            made.append(value)
        return made


def _is_null(branch: object) -> bool:
    return isinstance(branch, dict) and branch.get("type") == "null"


def _numbers(asked: Schema, is_whole: bool, nth: int) -> Iterator[float]:
    """The least number that may fit, the greatest, or one between; 1 where nothing is said."""
    step = asked.get("multipleOf") or 1
    low = max(asked.get("minimum", -math.inf), asked.get("exclusiveMinimum", -math.inf))
    high = min(asked.get("maximum", math.inf), asked.get("exclusiveMaximum", math.inf))
    least = low if low > -math.inf else 1
    for steps in (nth, nth + 1):
        yield plain(round((math.ceil(least / step) + steps) * step, 9))
    if high < math.inf:
        for steps in (nth, nth + 1):
            yield plain(round((math.floor(high / step) - steps) * step, 9))
    if not is_whole:
        top = high if high < math.inf else least + 1
        yield least + (top - least) / (nth + 2)


def _texts(asked: Schema, mentions: Mentions, nth: int) -> Iterator[str]:
    form = str(asked.get("format", ""))
    text = _FORMATS.get(form, mentions.question)
    text = f"{text} {nth + 1}" if nth else text
    shortest = min(asked.get("minLength", 0), _LONGEST)
    yield text[: asked.get("maxLength", len(text))].ljust(shortest, ".")
    yield str(nth + 1).rjust(shortest, "0")
    yield from mentions.question.split()
    yield from _STOCK
