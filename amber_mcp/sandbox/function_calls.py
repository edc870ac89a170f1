"""Function calls: which functions a question is about, and with which arguments.

A function is called where the question has a word of its name (one of four letters or more, or
all of them) and otherwise, of those whose description shares two words of four letters or more
with the question, the closest. Words are the same if their stems are.

Arguments are filled by the type that the schema gives them: numbers, values of an enum, quoted
texts and capitalised names from the question, each used once. What the question does not have is
the schema's constant, default or example, or its least value; for a text, the question itself.
Optional arguments are given only where the question has something for them, and of a choice of
schemas the first that is not `null` counts. The result is checked against the schema.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from .messages import Function, invalid
from .search import stem

_NUMBER = re.compile(r"(?<![\w.,:-])-?\d+(?:\.\d+)?(?![\w:-]|[.,]\d)")
_QUOTED = re.compile(r'"([^"]+)"|„([^“”"]+)[“”"]|“([^”]+)”|`([^`]+)`')
_NAME = re.compile(r"(?<=[\w,;] )[A-ZÄÖÜ]\w+(?: [A-ZÄÖÜ]\w+)*")
_FORMATS = {
    "date": (r"\b\d{4}-\d\d-\d\d\b", "2026-01-01"),
    "date-time": (r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)", "2026-01-01T00:00:00Z"),
    "email": (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>]+[^\s\"'<>.,!?]", "https://example.com/"),
    "uuid": (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", f"{UUID(int=0)}"),
}
_DEEPEST = 8
_NOTHING = object()


def choose(functions: Sequence[Function], question: str) -> list[Function]:
    """The functions that a question is about."""
    asked = _stems(question)

    def is_named(function: Function) -> bool:
        name = _stems(function.name)
        return any(len(word) > 3 for word in name & asked) or set() < name <= asked

    def shared(function: Function) -> int:
        return sum(len(word) > 3 for word in _stems(function.description or "") & asked)

    if named := [function for function in functions if is_named(function)]:
        return named
    closest = max(functions, key=shared, default=None)
    return [closest] if closest and shared(closest) > 1 else []


def calls(
    functions: Sequence[Function], choice: object, question: str, is_answered: bool
) -> list[dict[str, Any]]:
    """The calls that a question leads to, in OpenAI's format.

    `choice` is `none`, `required`, the name of a function or, as anything else, `auto`: then,
    nothing is called once the last message is a function's result.
    """
    chosen = [each for each in functions if each.name == choice][:1]
    if not chosen and choice != "none" and (choice == "required" or not is_answered):
        chosen = choose(functions, question)
    if not chosen and choice == "required":
        chosen = list(functions[:1])
    made = [(each.name, fill(each.parameters or {}, question, "tools")) for each in chosen]
    return [
        {
            "index": index,
            "id": f"call_{uuid4().hex[:24]}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for index, (name, arguments) in enumerate(made)
    ]


def fill(schema: Mapping[str, Any], question: str, place: str) -> str:
    """A JSON object that the schema allows, as a text.

    Raises:
        RequestValidationError: the schema, found at `place` in the body, is none, or what was
            filled in does not fit it.
    """
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    whole = {**schema, "type": "object"}
    # A registry of its own: the default one would fetch the addresses of a schema.
    validator = jsonschema.Draft202012Validator(whole, registry=Registry())
    try:
        validator.check_schema(whole)
        value = _Filler(validator, question).value(whole)
        validator.validate(value)
    except jsonschema.SchemaError as error:
        raise invalid(place, f"no JSON schema: {error.message}") from error
    except jsonschema.ValidationError as error:
        raise invalid(place, f"the sandbox finds nothing that fits: {error.message}") from error
    except (LookupError, TypeError, RecursionError, Unresolvable, re.error) as error:
        raise invalid(place, "no JSON schema that can be followed") from error
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Filler:
    """Values for one question: what it mentions, in its order, each given away once."""

    def __init__(self, validator: Any, question: str) -> None:
        self._validator = validator
        self._question = " ".join(question.split())
        self._asked = _stems(question)
        quoted = ["".join(groups) for groups in _QUOTED.findall(question)]
        names = _NAME.findall(_QUOTED.sub(".", question))
        self._mentioned = [*map(json.loads, _NUMBER.findall(question)), *quoted, *names]

    def value(self, schema: Any, *, is_required: bool = True, depth: int = 0) -> Any:
        """What the question has for a schema, or else, if it is required, what the schema has."""
        schema = self._resolved(schema)
        value = self._from_question(schema, depth + 1) if depth <= _DEEPEST else _NOTHING
        return self._from_schema(schema) if value is _NOTHING and is_required else value

    def _from_question(self, schema: Mapping[str, Any], depth: int) -> Any:
        if "enum" in schema:
            said = (each for each in schema["enum"] if set() < _stems(str(each)) <= self._asked)
            return next(said, _NOTHING)
        if schema.get("type") == "object" or "properties" in schema:
            required = schema.get("required", [])
            others = schema.get("properties", {})
            made = {
                name: self.value(others.get(name, {}), is_required=name in required, depth=depth)
                for name in dict.fromkeys([*required, *others])
            }
            return {name: each for name, each in made.items() if each is not _NOTHING} or _NOTHING
        if schema.get("type") == "array":
            least = min(schema.get("minItems", 0), _DEEPEST)
            items = [
                self.value(schema.get("items", {}), is_required=at < least, depth=depth)
                for at in range(max(1, least))
            ]
            return [each for each in items if each is not _NOTHING] or _NOTHING
        if schema.get("format") in _FORMATS:
            found = re.search(_FORMATS[schema["format"]][0], self._question)
            return found[0] if found else _NOTHING
        fits = self._validator.evolve(schema=schema).is_valid
        at = next((at for at, each in enumerate(self._mentioned) if fits(each)), None)
        return _NOTHING if at is None else self._mentioned.pop(at)

    def _from_schema(self, schema: Mapping[str, Any]) -> Any:
        """What a schema itself has for a value, or the least that its type allows."""
        known = [schema[key] for key in ("const", "default") if key in schema]
        if known := [*known, *schema.get("examples", []), *schema.get("enum", [])]:
            return known[0]
        kinds = schema.get("type", "string")
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        text = _FORMATS.get(schema.get("format", ""), ("", self._question))[1]
        text = text[: schema.get("maxLength")].ljust(min(schema.get("minLength", 0), 1000), ".")
        least = {"integer": low, "number": low, "boolean": False, "null": None, "string": text}
        return {**least, "array": [], "object": {}}[kinds if isinstance(kinds, str) else kinds[0]]

    def _resolved(self, schema: Any) -> dict[str, Any]:
        """A schema with what it refers to, below `#`, and its first branch in their place."""
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            found = self._validator.schema
            for step in schema["$ref"].removeprefix("#").split("/")[1:]:
                found = found[step.replace("~1", "/").replace("~0", "~")]
            return self._resolved({**{k: v for k, v in schema.items() if k != "$ref"}, **found})
        for word in {"anyOf", "oneOf", "allOf"} & set(schema):
            rest = {key: each for key, each in schema.items() if key != word}
            branches = [self._resolved(each) for each in schema[word]]
            branch = next((each for each in branches if each.get("type") != "null"), {})
            return self._resolved({**rest, **branch})
        return schema


def _stems(text: str) -> set[str]:
    """The stems of a text's words, or of a name_like_this or likeThis."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
    return {stem(word) for word in re.findall(r"\w+", apart.lower())}
