"""JSON Schema, as far as functions describe their parameters with it: does a value fit?

`not`, `if`, `dependent…`, `contains` and `unevaluated…` are not looked at, nor is `format`.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Schema = Mapping[str, Any]
_DEEPEST = 40


def kinds(schema: Schema) -> list[str]:
    """The types that a schema allows, or what its other keywords speak of."""
    stated = schema.get("type")
    if isinstance(stated, str):
        return [stated]
    if isinstance(stated, list):
        return [each for each in stated if isinstance(each, str)]
    for kind, marks in (
        ("object", ("properties", "required", "additionalProperties", "minProperties")),
        ("array", ("items", "prefixItems", "minItems", "maxItems")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if any(mark in schema for mark in marks):
            return [kind]
    return ["string"]


def resolved(schema: object, root: Schema) -> Schema:
    """A schema with its `$ref` followed and its `allOf` put together."""
    found: dict[str, Any] = dict(schema) if isinstance(schema, Mapping) else {}
    for _ in range(_DEEPEST):
        if "$ref" in found:
            target = _at(str(found.pop("$ref")), root)
            found = {**target, **found}
        elif "allOf" in found:
            parts = found.pop("allOf")
            for part in parts if isinstance(parts, list) else []:
                found = _merged(found, resolved(part, root))
        else:
            break
    return found


def fits(value: object, schema: object, root: Schema, depth: int = 0) -> bool:
    """Whether a value is what a schema asks for."""
    if schema is False or depth > _DEEPEST:
        return False
    asked = resolved(schema, root)
    if "enum" in asked and not any(_is_equal(value, each) for each in asked["enum"]):
        return False
    if "const" in asked and not _is_equal(value, asked["const"]):
        return False
    if "type" in asked and not any(_is_kind(value, kind) for kind in kinds(asked)):
        return False
    for word, most in (("anyOf", math.inf), ("oneOf", 1)):
        if word in asked:
            fitting = sum(fits(value, each, root, depth + 1) for each in asked[word])
            if not 1 <= fitting <= most:
                return False
    if isinstance(value, str):
        return _fits_text(value, asked)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _fits_number(value, asked)
    if isinstance(value, list):
        return _fits_list(value, asked, root, depth)
    return not isinstance(value, dict) or _fits_object(value, asked, root, depth)


def _at(pointer: str, root: Schema) -> Schema:
    """Where a `#/…` pointer points; nothing for every other."""
    found: Any = root
    for step in pointer.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) and pointer.startswith("#") else {}


def _merged(one: Schema, other: Schema) -> dict[str, Any]:
    properties = {**one.get("properties", {}), **other.get("properties", {})}
    required = [*one.get("required", []), *other.get("required", [])]
    return {
        **one,
        **other,
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
    }


def _is_equal(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_kind(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and float(value).is_integer())
    names = {str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value)) == kind


def _fits_text(value: str, asked: Schema) -> bool:
    if not asked.get("minLength", 0) <= len(value) <= asked.get("maxLength", len(value)):
        return False
    try:
        return "pattern" not in asked or re.search(asked["pattern"], value) is not None
    except re.error:
        return True


def _fits_number(value: float, asked: Schema) -> bool:
    step = asked.get("multipleOf")
    return (
        value >= asked.get("minimum", value)
        and value <= asked.get("maximum", value)
        and ("exclusiveMinimum" not in asked or value > asked["exclusiveMinimum"])
        and ("exclusiveMaximum" not in asked or value < asked["exclusiveMaximum"])
        and (not step or Fraction(str(value)) % Fraction(str(step)) == 0)
    )


def _fits_list(value: list[object], asked: Schema, root: Schema, depth: int) -> bool:
    if not asked.get("minItems", 0) <= len(value) <= asked.get("maxItems", len(value)):
        return False
    if asked.get("uniqueItems") and any(
        _is_equal(one, other) for at, one in enumerate(value) for other in value[:at]
    ):
        return False
    first = asked.get("prefixItems", [])
    each_asked = [*first, *[asked.get("items", True)] * max(0, len(value) - len(first))]
    return all(
        fits(each, one, root, depth + 1) for each, one in zip(value, each_asked, strict=False)
    )


def _fits_object(value: dict[str, object], asked: Schema, root: Schema, depth: int) -> bool:
    properties = asked.get("properties", {})
    others = asked.get("additionalProperties", True)
    return (
        all(name in value for name in asked.get("required", []))
        and asked.get("minProperties", 0) <= len(value)
        and len(value) <= asked.get("maxProperties", len(value))
        and all(
            fits(each, properties.get(name, others), root, depth + 1)
            for name, each in value.items()
        )
    )
