import json

import pytest

from amber_mcp.sandbox.function_calls import FunctionTool, choose

from .conftest import TRAIN, WEATHER

TOOLS = [FunctionTool.model_validate(each) for each in (WEATHER, TRAIN)]
WEATHER_IN_AACHEN = "What's the weather like in Aachen today?"


def called(question: str, choice: str = "auto", named: str = "") -> list[str]:
    return [call.name for call in choose(TOOLS, question, choice, named=named)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (WEATHER_IN_AACHEN, ["get_current_weather"]),
        ("Which trains go from Aachen to Bonn?", ["find_train"]),
        ("The weather in Bonn and a train to Aachen", ["get_current_weather", "find_train"]),
        ("Connections by rail, please", ["find_train"]),
        ("Tell me a joke", []),
        ("", []),
    ],
)
def test_functions_are_called_where_the_question_is_about_them(question: str, expected: list[str]):
    assert called(question) == expected


def test_the_choice_decides_before_the_question():
    assert called(WEATHER_IN_AACHEN, "none") == []
    assert called("Tell me a joke", "required") == ["get_current_weather"]
    assert called("Two seats to Bonn", "required") == ["find_train"]
    assert called(WEATHER_IN_AACHEN, named="find_train") == ["find_train"]
    assert called(WEATHER_IN_AACHEN, named="unknown") == []
    assert choose([], WEATHER_IN_AACHEN, "required") == []


def test_the_arguments_come_in_pieces():
    (call,) = choose(TOOLS, "A train from Aachen to Bonn, 2 seats")
    expected = {"origin": "Aachen", "destination": "Bonn", "seats": 2}
    assert json.loads(call.arguments) == expected
    assert len(call.pieces()) > 1
    assert "".join(call.pieces()) == call.arguments


def test_a_function_without_parameters_has_no_arguments():
    tool = FunctionTool.model_validate({"type": "function", "function": {"name": "ping"}})
    (call,) = choose([tool], "ping")
    assert call.arguments == "{}"
