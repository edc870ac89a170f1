"""The public contract: flat schemas that every host takes, within a budget, and no surprises."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from amber_mcp.config.parsers import DEFAULT_TOOLS, TOOL_NAMES
from amber_mcp.tools import Tool, tools_named

SNAPSHOT = Path(__file__).parent / "contract.json"
TOKEN_BUDGET = 2_600
CHARS_A_TOKEN = 4
ACTING = ("upload_file", "run_agent", "chat_completion", "send_feedback")
PLAIN_TYPES = {"string", "number", "integer", "boolean"}
FORBIDDEN = {"anyOf", "oneOf", "allOf", "not", "$ref", "$defs", "$schema", "const", "title"}
SAFE_INPUT_KEYS = {"type", "description", "default", "enum", "items"}
UNSET = {"temperature": -1, "file_ids": [], "paths": [], "search": "company", "stop": False}

plain_tools = [name for name in TOOL_NAMES if name != "chat_completion"]
plain_tool = pytest.mark.parametrize(
    "tool", tools_named(tuple(plain_tools)).values(), ids=plain_tools
)
every_tool = pytest.mark.parametrize("tool", tools_named(TOOL_NAMES).values(), ids=TOOL_NAMES)


def contract(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations.model_dump(by_alias=True, exclude_none=True),
    }


def values_of_enums(node: object) -> list[object]:
    if isinstance(node, list):
        return [value for item in node for value in values_of_enums(item)]
    if not isinstance(node, dict):
        return []
    own = node.get("enum", [])
    assert isinstance(own, list)
    return own + [value for below in node.values() for value in values_of_enums(below)]


def keys_in(node: object) -> set[str]:
    """The schema keywords in use; names of properties are no keywords."""
    if isinstance(node, list):
        return set().union(*map(keys_in, node))
    if not isinstance(node, dict):
        return set()
    below = [
        set().union(*map(keys_in, value.values())) if key == "properties" else keys_in(value)
        for key, value in node.items()
    ]
    return set(node) | set().union(*below)


def test_the_contract_is_what_was_agreed() -> None:
    """To change it on purpose, run with UPDATE_SNAPSHOTS=1 and look at what git shows."""
    now = [contract(tool) for tool in tools_named(TOOL_NAMES).values()]
    if "UPDATE_SNAPSHOTS" in os.environ:
        SNAPSHOT.write_text(json.dumps(now, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert now == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_the_five_tools_together_stay_within_their_budget() -> None:
    listed = json.dumps(
        [contract(tool) for tool in tools_named(DEFAULT_TOOLS).values()],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    assert len(listed) / CHARS_A_TOKEN <= TOKEN_BUDGET


@every_tool
def test_schemas_are_valid_and_hold_no_keyword_that_a_host_rejects(tool: Tool) -> None:
    assert not (keys_in(tool.input_schema) | keys_in(tool.output_schema)) & FORBIDDEN
    Draft202012Validator.check_schema(tool.input_schema)
    Draft202012Validator.check_schema(tool.output_schema)
    assert tool.output_schema["type"] == "object"
    # Gemini refuses a request with an empty one.
    assert all(values_of_enums([tool.input_schema, tool.output_schema]))


@plain_tool
def test_arguments_are_scalars_enums_and_lists_of_text(tool: Tool) -> None:
    schema = tool.input_schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for name, argument in schema["properties"].items():
        assert set(argument) <= SAFE_INPUT_KEYS, name
        if argument["type"] == "array":
            assert argument["items"] == {"type": "string"}
        else:
            assert argument["type"] in PLAIN_TYPES
        assert argument["description"].endswith((".", "?")), name


@plain_tool
def test_what_is_not_required_has_a_default_that_means_unset(tool: Tool) -> None:
    schema = tool.input_schema
    for name, argument in schema["properties"].items():
        if name not in schema.get("required", []):
            assert argument.get("default", "") == UNSET.get(name, "")


@every_tool
def test_a_tool_has_a_title_a_calm_description_and_all_annotations(tool: Tool) -> None:
    assert tool.title
    first = tool.description.partition("\n")[0]
    assert first.endswith(".")
    assert len(first) < 120
    annotations = tool.annotations.model_dump(exclude_none=True)
    assert set(annotations) == {
        "read_only_hint",
        "destructive_hint",
        "idempotent_hint",
        "open_world_hint",
    }
    assert annotations["read_only_hint"] is (tool.name not in ACTING)
    assert not [word for word in tool.description.split() if word.isupper() and len(word) > 4]


def test_chat_completion_alone_takes_lists_of_objects_and_an_open_object() -> None:
    (tool,) = tools_named(("chat_completion",)).values()
    shapes = {
        name: {k: v for k, v in argument.items() if k in ("type", "items")}
        for name, argument in tool.input_schema["properties"].items()
    }
    objects = {"type": "array", "items": {"type": "object"}}
    assert shapes == {
        "model": {"type": "string"},
        "messages": objects,
        "tools": objects,
        "parameters": {"type": "object"},
    }
    assert tool.input_schema["additionalProperties"] is False
