"""Arguments: strict, closed, forgiving where hosts are known to err, and refused in plain words."""

import json
from typing import Literal

import pytest
from pydantic import Field

from amber_mcp.errors import InvalidRequest
from amber_mcp.protocol.arguments import Arguments, parse


class Sample(Arguments):
    question: str
    search: Literal["company", "none"] = "company"
    file_ids: list[str] = Field(default=[])
    temperature: float = -1
    stop: bool = False


def faults(**given: object) -> str:
    with pytest.raises(InvalidRequest) as error:
        parse("sample", Sample, given)
    assert error.value.next_step.startswith("sample takes question, search, file_ids, temperature")
    return error.value.message


def test_arguments_that_fit_are_taken() -> None:
    given = {"question": "Why?", "search": "none", "file_ids": ["a", "b"], "temperature": 0}
    given["stop"] = True
    assert dict(parse("sample", Sample, given)) == {**given, "temperature": 0.0}


@pytest.mark.parametrize("none", [None, "", " ", "null", "None", "undefined", " null\n"])
def test_words_for_nothing_count_as_unset(none: object) -> None:
    optional = {name: none for name in Sample.model_fields if name != "question"}
    assert parse("sample", Sample, {"question": "Why?", **optional}) == Sample(question="Why?")
    listed = {"question": "Why?", "file_ids": [none, "a", none]}
    assert parse("sample", Sample, listed).file_ids == ["a"]
    assert "`question` is missing" in faults(question=None)


def test_what_is_required_may_be_such_a_word() -> None:
    assert parse("sample", Sample, {"question": "null"}).question == "null"


def test_what_hosts_add_is_dropped() -> None:
    added = {"toolCallId": "c", "sessionId": 5, "action": {}, "chatInput": "x", "task_progress": []}
    assert parse("sample", Sample, {"question": "Why?", **added}) == Sample(question="Why?")
    assert "`toolcallid` is unknown" in faults(question="Why?", toolcallid="c")


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("temperature", "0.7", 0.7),
        ("temperature", " -1 ", -1),
        ("temperature", "1E-3", 0.001),
        ("stop", "True", True),
        ("stop", "false", False),
        ("question", 2026, "2026"),
        ("question", 0.5, "0.5"),
        ("question", True, "true"),
        ("file_ids", [1, "b"], ["1", "b"]),
        ("file_ids", "[1]", ["1"]),
    ],
)
def test_a_scalar_of_another_type_is_converted(name: str, given: object, taken: object) -> None:
    parsed = parse("sample", Sample, {"question": "Why?", name: given})
    assert getattr(parsed, name) == taken


@pytest.mark.parametrize(
    ("given", "taken"),
    [('["a", "b"]', ["a", "b"]), (' ["a"]', ["a"]), ("a", ["a"]), ("[]", []), ("", []), ([], [])],
)
def test_a_list_may_come_as_text(given: object, taken: list[str]) -> None:
    assert parse("sample", Sample, {"question": "Why?", "file_ids": given}).file_ids == taken


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "`question` is missing"),
        ({"question": ["a"]}, "`question` must be text, not ['a']"),
        ({"search": "web"}, "`search` must be one of 'company' or 'none', not 'web'"),
        ({"temperature": "1_0"}, "`temperature` must be a number, not '1_0'"),
        ({"temperature": "1e999"}, "`temperature` must be a number, not '1e999'"),
        ({"temperature": "true"}, "`temperature` must be a number, not True"),
        ({"temperature": "0" * 50}, "`temperature` must be a number, not '000"),
        ({"stop": "yes"}, "`stop` must be true or false, not 'yes'"),
        ({"file_ids": {"a": 1}}, "`file_ids` must be a list"),
        ({"file_ids": "[1, 2"}, "`file_ids` must be a list"),
        ({"file_ids": [["a"]]}, "`file_ids.0` must be text, not ['a']"),
        ({"qestion": "Why?"}, "`qestion` is unknown (did you mean `question`?)"),
        ({"zzz": 1}, "`zzz` is unknown"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, object], told: str) -> None:
    message = faults(**given)
    assert told in message
    assert "pydantic" not in message


def test_long_names_are_cut() -> None:
    deep = ["x"]
    for _ in range(200):
        deep = [deep]
    assert len(faults(file_ids=deep, **{"z" * 5_000: 1})) < 700


def test_of_many_faults_some_are_told() -> None:
    message = faults(question="Why?", **{f"z{number}": 1 for number in range(5_000)})
    assert "`z0` is unknown; " in message
    assert message.endswith("; and 4990 more")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"file_ids": ["a"] * 1001}, "`file_ids` has 1001 items, and 1000 are the most"),
        ({"file_ids": [["a"] * 2000] * 9}, "`file_ids` has more than 10000 values"),
        ({"file_ids": [["a"] * 10_000]}, "`file_ids` has more than 10000 values"),
        ({"file_ids": json.dumps(["a"] * 1001)}, "`file_ids` has 1001 items"),
        (
            {"file_ids": "[" + "1," * 10**7},
            "`file_ids` has JSON that holds more than 50,000 values",
        ),
        ({"file_ids": "[" + "1," * 20_000 + "1]"}, "`file_ids` has more than 10000 values"),
        ({"question": "x" * 1_000_001}, "`question` has 1000001 characters, and 1000000 are"),
        ({"search": ["x"] * 10**6, "zzz": 1}, "`search` has 1000000 items"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_too_large_is_not_looked_into(given: dict[str, object], told: str) -> None:
    message = faults(**given)
    assert told in message
    assert "missing" not in message
    assert "must be" not in message
    assert ("`zzz` is unknown" in message) == ("zzz" in given)


def test_a_text_may_stand_for_much_text() -> None:
    """Such as pictures, which are within messages."""
    long = "a,[" * 10**6
    assert parse("sample", Sample, {"question": "x", "file_ids": [long]}).file_ids == [long]
    base64 = json.dumps(["QUJD" * 10**6])
    assert parse("sample", Sample, {"question": "x", "file_ids": base64}).file_ids


def test_every_fault_is_told_at_once_and_long_values_are_cut() -> None:
    message = faults(question="x", search="y" * 500, zzz=1)
    assert "`search`" in message
    assert "`zzz`" in message
    assert len(message) < 300
