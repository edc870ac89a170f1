"""Functions are chosen and filled by the rule that `function_calls` tells."""

import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from jsonschema import Draft202012Validator

from amber_mcp.sandbox.function_calls import calls, choose, fill
from amber_mcp.sandbox.messages import Function

from .conftest import TRAIN, WEATHER

FUNCTIONS = [Function.model_validate(each["function"]) for each in (WEATHER, TRAIN)]
WEATHER_IN_AACHEN = "What's the weather like in Aachen today?"
LETTER = 'Send 3 copies of "the report" to Erna Beispiel on 2026-02-03, red and 12.5 wide'
LEAST: dict[str, Any] = {"type": "string"}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (WEATHER_IN_AACHEN, ["get_current_weather"]),
        ("Which trains go from Aachen to Bonn?", ["find_train"]),
        ("The weather in Bonn and a train to Aachen", ["get_current_weather", "find_train"]),
        ("Look for connections, please: how about a railway", ["find_train"]),
        ("Give me the number of connections", []),
        ("Tell me a joke", []),
        ("", []),
    ],
)
def test_functions_are_called_where_the_question_is_about_them(question: str, expected: list[str]):
    described = FUNCTIONS[1].model_copy(update={"description": "Railway connections, looked up"})
    assert [each.name for each in choose([FUNCTIONS[0], described], question)] == expected


def test_a_short_name_is_meant_where_all_of_it_is_said():
    add, ping = Function(name="add"), Function(name="doIt")
    assert choose([add, ping], "Add 2 and 3") == [add]
    assert choose([add, ping], "do it") == [ping]
    assert choose([ping], "what to do?") == []


@pytest.mark.parametrize(
    ("question", "choice", "is_answered", "expected"),
    [
        (WEATHER_IN_AACHEN, "auto", False, ["get_current_weather"]),
        (WEATHER_IN_AACHEN, "auto", True, []),
        (WEATHER_IN_AACHEN, "none", False, []),
        (WEATHER_IN_AACHEN, "find_train", True, ["find_train"]),
        (WEATHER_IN_AACHEN, "unknown", False, ["get_current_weather"]),
        ("Tell me a joke", "required", True, ["get_current_weather"]),
        ("A train to Bonn", "required", True, ["find_train"]),
    ],
)
def test_the_choice_decides_before_the_question(
    question: str, choice: str, is_answered: bool, expected: list[str]
):
    made = calls(FUNCTIONS, choice, question, is_answered)
    assert [call["function"]["name"] for call in made] == expected
    assert calls([], choice, question, is_answered) == []


def test_arguments_hold_what_the_question_says():
    schema = {
        "properties": {
            "recipient": {"type": "string"},
            "title": {"type": "string"},
            "copies": {"type": "integer", "maximum": 10},
            "width": {"type": ["null", "number"]},
            "day": {"type": "string", "format": "date"},
            "color": {"anyOf": [{"enum": ["blue", "red"]}, {"type": "null"}]},
            "names": {"type": "array", "items": {"type": "string"}},
            "urgent": {"type": "boolean"},
            "kind": {"const": "letter"},
            "paper": {"$ref": "#/$defs/paper"},
        },
        "required": ["recipient", "kind"],
        "$defs": {"paper": {"type": "object", "properties": {"width": {"type": "number"}}}},
    }
    assert json.loads(fill(schema, LETTER, "tools")) == {
        "recipient": "the report",
        "kind": "letter",
        "title": "Erna Beispiel",
        "copies": 3,
        "width": 12.5,
        "day": "2026-02-03",
        "color": "red",
    }


@pytest.mark.parametrize(
    ("schema", "question", "expected"),
    [
        (LEAST, "How are you?", "How are you?"),
        ({**LEAST, "maxLength": 3}, "How are you?", "How"),
        ({**LEAST, "minLength": 5}, "", "....."),
        ({**LEAST, "default": "usual"}, "How are you?", "usual"),
        ({**LEAST, "examples": ["such"]}, "How are you?", "such"),
        ({**LEAST, "format": "email"}, "Who?", "someone@example.com"),
        ({**LEAST, "format": "email"}, "Ask erna@example.org.", "erna@example.org"),
        ({"enum": ["mm", "cm"]}, "How wide?", "mm"),
        ({"enum": ["mm", "cm"]}, "How wide in cm?", "cm"),
        ({"type": "integer"}, "How many?", 0),
        ({"type": "integer", "minimum": 3}, "2 or 5?", 5),
        ({"type": "integer", "exclusiveMinimum": 3}, "2?", 4),
        ({"type": "number"}, "-4.5 degrees", -4.5),
        ({"type": "boolean"}, "Is it?", False),
        ({"type": ["integer", "null"]}, "How many?", 0),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "2?", 2),
        ({"allOf": [{"type": "string"}, {"minLength": 1}]}, "Why?", "Why?"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, "1, 2 and 3", [1, 2]),
        ({"type": "array", "items": {"type": "integer"}}, "How many?", []),
        ({"type": "object", "required": ["a"]}, "Why?", {"a": "Why?"}),
        ({}, "Why?", "Why?"),
    ],
)
def test_what_is_required_is_there(schema: dict[str, Any], question: str, expected: object):
    whole = {"properties": {"x": schema}, "required": ["x"]}
    made = json.loads(fill(whole, question, "tools"))
    Draft202012Validator(whole).validate(made)
    assert made == {"x": expected}


def test_every_mention_is_used_once():
    names = ("origin", "destination", "via")
    properties = {name: {"type": "string"} for name in names} | {"seats": {"type": "integer"}}
    question = "From Aachen to Bonn, 2 and 2 seats"
    made = json.loads(fill({"properties": properties}, question, "tools"))
    assert made == {"origin": "Aachen", "destination": "Bonn", "seats": 2}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"enum": 3}}},
        {"properties": {"a": {"type": "text"}}},
        {"properties": {"a": {"$ref": "#/$defs/none"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "https://example.com/schema"}}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "pattern": "^xyz$"}}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "pattern": "("}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "#a"}}, "required": ["a"]},
        {"properties": {"a": False}, "required": ["a"]},
    ],
)
def test_what_cannot_be_filled_is_said(schema: dict[str, Any]):
    with pytest.raises(RequestValidationError) as refused:
        fill(schema, "Why?", "tools")
    (problem,) = refused.value.errors()
    assert problem["loc"] == ("body", "tools")


def test_a_function_without_parameters_has_no_arguments():
    assert fill({}, "ping", "tools") == "{}"
