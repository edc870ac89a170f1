"""Function calls: which functions a question is about, and with which arguments.

A function is called where the question has a word of its name (one of four letters or more, or
all of them) and otherwise, of those whose description shares two words of five letters or more
with the question, the closest. Words are the same if one begins with the other.

Arguments are filled by the type that the schema gives them: numbers, values of an enum, quoted
texts and capitalised names from the question, each used once. What the question does not have is
the schema's own constant, example or default, or its least value; for a text, the question
itself. Optional arguments are given only where the question has something for them. The result is
checked against the schema.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from .bodies import Function

_NUMBER = re.compile(r"(?<![\w.,:-])-?\d+(?:\.\d+)?(?![\w:-]|[.,]\d)")
_QUOTED = re.compile(r'"([^"]+)"|„([^“”"]+)[“”"]|“([^”]+)”|«([^»]+)»|`([^`]+)`')
_NAME = re.compile(r"(?<=[\w,;] )[A-ZÄÖÜ]\w+(?: [A-ZÄÖÜ]\w+)*")
_FORMATS = {
    "date": (r"\b\d{4}-\d\d-\d\d\b", "2026-01-01"),
    "date-time": (r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)", "2026-01-01T00:00:00Z"),
    "time": (r"\b\d\d:\d\d:\d\dZ", "00:00:00Z"),
    "email": (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>]+[^\s\"'<>.,!?]", "https://example.com/"),
    "uuid": (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", f"{UUID(int=0)}"),
}
_DEEPEST = 8
_MOST_ITEMS = 20
_NOTHING = object()


class SchemaError(Exception):
    """The schema is none, or nothing was found that fits it; the message says which."""


def choose(functions: Sequence[Function], question: str) -> list[Function]:
    """The functions that a question is about."""
    asked = _words(question)

    def is_named(function: Function) -> bool:
        name = _words(function.name)
        said = [word for word in name if _has(asked, word)]
        return bool(name) and (said == name or any(len(word) > 3 for word in said))

    def shared(function: Function) -> int:
        words = set(_words(function.description or ""))
        return sum(len(word) > 4 and _has(asked, word) for word in words)

    if named := [function for function in functions if is_named(function)]:
        return named
    closest = max(functions, key=shared, default=None)
    return [closest] if closest and shared(closest) > 1 else []


def calls(
    functions: Sequence[Function], choice: str, question: str, is_answered: bool
) -> list[dict[str, Any]]:
    """The calls that a question leads to, in OpenAI's format.

    `choice` is `auto`, `none`, `required` or the name of a function; with `auto`, nothing is
    called once the last message is a function's result.

    Raises:
        SchemaError: as `fill`.
    """
    chosen = [each for each in functions if each.name == choice][:1]
    if not chosen and choice != "none" and (choice == "required" or not is_answered):
        chosen = choose(functions, question)
    if not chosen and choice == "required":
        chosen = list(functions[:1])
    return [
        {
            "id": f"call_{uuid4().hex[:24]}",
            "type": "function",
            "function": {
                "name": each.name,
                "arguments": fill(each.parameters or {}, question),
            },
        }
        for each in chosen
    ]


def fill(schema: Mapping[str, Any], question: str) -> str:
    """A JSON object that the schema allows, as a text.

    Raises:
        SchemaError: the schema is none, or what was filled in does not fit it.
    """
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    whole = {**schema, "type": "object"}
    # A registry of its own: the default one would fetch the addresses of a schema.
    validator = jsonschema.Draft202012Validator(whole, registry=Registry())
    try:
        validator.check_schema(whole)
        value = _Filler(validator, question).value(whole, required=True)
        problem = next(validator.iter_errors(value), None)
    except jsonschema.SchemaError as error:
        raise SchemaError(f"no JSON schema: {error.message}") from error
    except (LookupError, TypeError, RecursionError, Unresolvable, re.error) as error:
        raise SchemaError("no JSON schema that can be followed") from error
    if problem is not None:
        raise SchemaError(f"the sandbox finds nothing that fits: {problem.message}")
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


class _Filler:
    """Values for one question: what it mentions, in its order, each given away once."""

    def __init__(self, validator: Any, question: str) -> None:
        self._validator = validator
        self._question = " ".join(question.split())
        self._words = _words(question)
        quoted = ["".join(groups) for groups in _QUOTED.findall(question)]
        names = _NAME.findall(_QUOTED.sub(".", question))
        self._mentioned = [*map(json.loads, _NUMBER.findall(question)), *quoted, *names]

    def value(self, schema: Any, *, required: bool, depth: int = 0) -> Any:
        """The first value that fits, or `_NOTHING` where it is not required and none is told."""
        if depth > _DEEPEST:
            return _NOTHING
        schema = self._resolved(schema)
        tries = [*self._told(schema), *self._composed(schema, required, depth + 1)]
        if required:
            tries += self._made_up(schema)
        fits = self._validator.evolve(schema=schema).is_valid
        fitting = (each for each in tries if each is not _NOTHING and fits(each))
        value = next(fitting, next(iter(tries), None) if required else _NOTHING)
        for at, each in enumerate(self._mentioned):
            if each is value:
                del self._mentioned[at]
                break
        return value

    def _told(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        """What the question has for a plain value."""
        kinds = _kinds(schema)
        if "enum" in schema:
            for each in schema["enum"]:
                words = _words(str(each))
                if words and all(_has(self._words, word) for word in words):
                    yield each
        elif schema.get("format") in _FORMATS:
            yield from re.findall(_FORMATS[schema["format"]][0], self._question)
        elif kinds & {"string", "integer", "number"}:
            yield from self._mentioned

    def _composed(self, schema: Mapping[str, Any], required: bool, below: int) -> Iterator[Any]:
        """Branches of a choice, objects and lists, made of values of their own."""
        for word in ("anyOf", "oneOf", "allOf"):
            rest = {key: each for key, each in schema.items() if key not in (word, "default")}
            for branch in schema.get(word, []):
                merged = {**rest, **self._resolved(branch)}
                yield self.value(merged, required=required, depth=below)
        if "object" in _kinds(schema) or "properties" in schema:
            names: Sequence[str] = schema.get("required", [])
            properties = {**{name: {} for name in names}, **schema.get("properties", {})}
            made = {
                name: self.value(properties[name], required=name in names, depth=below)
                for name in sorted(properties, key=lambda name: name not in names)
            }
            told = {name: each for name, each in made.items() if each is not _NOTHING}
            yield told if told or required else _NOTHING
        elif "array" in _kinds(schema):
            items = [schema.get("items", {})] * min(max(1, schema.get("minItems", 0)), _MOST_ITEMS)
            made_items = [self.value(each, required=required, depth=below) for each in items]
            listed = [each for each in made_items if each is not _NOTHING]
            yield listed if listed or required else _NOTHING

    def _made_up(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        """What the schema itself has for a value, and the least that its types allow."""
        yield from (schema[key] for key in ("const", "default") if key in schema)
        yield from [*schema.get("examples", []), *schema.get("enum", [])]
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        text = _FORMATS.get(schema.get("format", ""), ("", self._question))[1]
        text = text[: schema.get("maxLength")].ljust(min(schema.get("minLength", 0), 1000), ".")
        by_type = {"string": text, "integer": low, "number": low, "boolean": False, "null": None}
        kinds = _kinds(schema) or {"string"}
        yield from (each for kind, each in by_type.items() if kind in kinds)
        yield from self._question.split()

    def _resolved(self, schema: Any) -> dict[str, Any]:
        """A schema with what it refers to, below `#`, in its place."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            found = self._validator.schema
            for step in schema["$ref"].removeprefix("#").split("/")[1:]:
                found = found[step.replace("~1", "/").replace("~0", "~")]
            schema = {**{key: schema[key] for key in schema if key != "$ref"}, **found}
        return schema if isinstance(schema, dict) else {}


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _words(text: str) -> list[str]:
    """The words of a text, or of a name_like_this or likeThis, in small letters."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
    return [word.lower() for word in re.findall(r"\w+", apart)]


def _has(words: Sequence[str], wanted: str) -> bool:
    """Whether a word is among others, or begins one of four letters or more, or the reverse."""
    for word in words:
        short, long = sorted((word, wanted), key=len)
        if word == wanted or (len(short) > 3 and long.startswith(short)):
            return True
    return False
