"""Arguments validate, whatever the schema: checked with a validator that is not the sandbox's."""

import random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from amber_mcp.sandbox.arguments import SchemaError, make
from amber_mcp.sandbox.mentions import Mentions

QUESTIONS = [
    "",
    "?",
    "What's the weather like in Aachen today?",
    'Send 3 copies of "the report" to Erna Beispiel on 2026-02-03, urgent, red and 12.5 wide',
    "5 5 5 -1 0 1000000 0.25",
]


def schema(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    """Any schema that something fits."""
    kinds = ["string", "integer", "number", "boolean", "null", "enum", "const"]
    if depth < 3:
        kinds += ["object", "object", "array", "anyOf", "types", "allOf"]
    kind = dice.choice(kinds)
    if kind == "enum":
        return {"enum": dice.sample(["red", "blue", 3, 12.5, None, True, "urgent"], 3)}
    if kind == "const":
        return {"const": dice.choice(["fixed", 7, False, None, [1], {"a": 1}])}
    if kind == "types":
        return {"type": dice.sample(["string", "integer", "null", "boolean"], 2)}
    if kind == "anyOf":
        return {"anyOf": [schema(dice, depth + 1) for _ in range(dice.randint(1, 3))]}
    if kind == "allOf":
        return {"allOf": [{"type": "string"}, {"minLength": dice.randint(0, 5)}]}
    if kind == "object":
        return object_schema(dice, depth)
    made: dict[str, Any] = {"type": kind}
    if kind == "string":
        shortest = dice.randint(0, 30)
        made |= dice.choice([{}, {"minLength": shortest}, {"maxLength": shortest}])
        made |= dice.choice([{}, {}, {"format": dice.choice(["date", "email", "uri", "color"])}])
        if "format" not in made and "minLength" not in made and "maxLength" not in made:
            pattern = dice.choice([r"^[A-Z]{3}-\d+$", r"^\d{4}-\d\d-\d\d$", r"\S", r"^[a-z]+$"])
            made |= dice.choice([{}, {"pattern": pattern}, {"default": "usual"}])
    elif kind in ("integer", "number"):
        low = dice.randint(-20, 20)
        made |= dice.choice([{}, {"minimum": low}, {"exclusiveMinimum": low}])
        made |= dice.choice([{}, {"maximum": low + 9}, {"exclusiveMaximum": low + 9}])
        made |= dice.choice([{}, {"multipleOf": dice.choice([1, 2, 3, 4])}])
        if kind == "number":
            made |= dice.choice([{}, {"multipleOf": 0.25}])
    elif kind == "array":
        made |= {"items": schema(dice, depth + 1)}
        made |= dice.choice([{}, {"minItems": dice.randint(0, 3)}, {"maxItems": 1}])
        if dice.random() < 0.2:
            items = {"type": dice.choice(["string", "integer", "number"])}
            made = {"type": "array", "items": items, "minItems": 3, "uniqueItems": True}
        if dice.random() < 0.2:
            made |= {"prefixItems": [schema(dice, depth + 1)]}
            made.pop("maxItems", None)
            made.pop("uniqueItems", None)
    return made


def object_schema(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    names = dice.sample(["query", "location", "count", "unit", "is_urgent", "tags", "from"], 3)
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: schema(dice, depth + 1) for name in names},
        "required": dice.sample(names, dice.randint(0, 3)),
    }
    made |= dice.choice([{}, {"additionalProperties": False}, {"minProperties": 2}])
    if "additionalProperties" not in made and dice.random() < 0.2:
        made["required"] = [*made["required"], "other"]
    return made


@pytest.mark.parametrize("question", QUESTIONS)
def test_arguments_validate(question: str):
    dice = random.Random(7)  # noqa: S311
    for _ in range(400):
        asked = object_schema(dice)
        Draft202012Validator.check_schema(asked)
        made = make(asked, Mentions(question))
        wrong = [error.message for error in Draft202012Validator(asked).iter_errors(made)]
        assert not wrong, (asked, made)


def test_they_hold_what_the_question_says():
    asked = {
        "properties": {
            "query": {"type": "string"},
            "recipient": {"type": "string"},
            "copies": {"type": "integer", "maximum": 10},
            "width": {"type": ["null", "number"]},
            "day": {"type": "string", "format": "date"},
            "color": {"anyOf": [{"enum": ["blue", "red"]}, {"type": "null"}]},
            "names": {"type": "array", "items": {"type": "string"}},
            "urgent": {"type": "boolean"},
            "secret": {"type": "boolean"},
            "unit": {"type": "string", "enum": ["mm", "cm"]},
            "kind": {"const": "letter"},
        },
        "required": ["recipient"],
    }
    question = QUESTIONS[3]
    assert make(asked, Mentions(question)) == {
        "recipient": "the report",
        "query": question,
        "copies": 3,
        "width": 12.5,
        "day": "2026-02-03",
        "color": "red",
        "names": ["Erna Beispiel"],
        "urgent": True,
    }


def test_what_it_does_not_say_is_a_default_an_example_or_the_least():
    asked = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "default": "usual"},
            "b": {"type": "string", "examples": ["such"]},
            "c": {"type": "integer", "minimum": 5},
            "d": {"type": "number", "maximum": -2},
            "e": {"type": "string"},
            "f": {"type": "boolean"},
            "g": {"oneOf": [{"type": "null"}, {"type": "integer"}]},
            "h": {"type": "string", "format": "uuid"},
        },
        "required": [*"abcdefgh"],
    }
    assert make(asked, Mentions("please do it")) == {
        "a": "usual", "b": "such", "c": 5, "d": -2, "e": "please do it", "f": False, "g": 1,
        "h": "00000000-0000-4000-8000-000000000000",
    }  # fmt: skip


def test_references_are_followed_as_deep_as_they_have_to_be():
    asked = {
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/no~1de"}, "lost": {"$ref": "#/$defs/none"}},
        "required": ["tree", "lost"],
        "$defs": {
            "no/de": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/no~1de"}, {"type": "null"}]},
                },
                "required": ["name", "next"],
            }
        },
    }
    made = make(asked, Mentions("Go to Aachen"))
    assert list(Draft202012Validator({**asked, "properties": {}}).iter_errors(made)) == []
    node = made["tree"]
    assert node["name"] == "Aachen"
    while node:
        node = node["next"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"type": "array"},
        {"properties": {"a": False}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "pattern": "["}}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "pattern": "^only this$"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"properties": {"a": {"allOf": 3}}, "required": ["a"]},
        {"properties": {"a": {"type": 3}}, "required": ["a"]},
        {"properties": {"a": {"oneOf": [{}, {"type": "string"}]}}, "required": ["a"]},
    ],
)
def test_what_cannot_be_met_or_understood_still_gives_an_object(asked: dict[str, Any]):
    assert isinstance(make(asked, Mentions("Go to Aachen")), dict)


@pytest.mark.parametrize(
    "asked",
    [
        {"properties": 3, "required": ["a"]},
        {"properties": {"a": {"enum": 3}}},
        {"properties": {"a": {"type": "string", "minLength": "x"}}, "required": ["a"]},
        {"properties": {"a": {"minimum": float("inf")}}, "required": ["a"]},
        {"allOf": [{"$ref": "#"}]},
    ],
)
def test_what_is_no_schema_is_said(asked: dict[str, Any]):
    with pytest.raises(SchemaError):
        make(asked, Mentions("Go to Aachen"))


def test_texts_do_not_grow_without_end():
    asked = {"properties": {"a": {"type": "string", "minLength": 10**12}}, "required": ["a"]}
    assert len(make(asked, Mentions("Go"))["a"]) == 10_000
