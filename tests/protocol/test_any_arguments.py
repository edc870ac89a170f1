"""Arguments of any kind: each call ends in a result or in an error in our own words."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.types import TextContent

from amber_mcp.config.parsers import TOOL_NAMES
from amber_mcp.server import build_server
from amber_mcp.tools import tools_named
from tests.planted import KEY
from tests.upstream import completion, running_upstream

TOOLS = tools_named(TOOL_NAMES)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(
        [-1, 0, 1e308, 2**63, "", " ", "\x00", "[", "[1]", "null", "..", "/etc/passwd", "\u202e"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KNOWN = {
    "string": st.text(max_size=40),
    "number": st.floats() | st.integers(),
    "boolean": st.booleans(),
    "array": st.lists(JSON, max_size=3),
    "object": st.dictionaries(st.text(max_size=10), JSON, max_size=3),
}
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "system", "assistant", "tool", "developer"]) | JSON,
        "content": JSON
        | st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(["text", "image_url"])},
                optional={
                    "text": JSON,
                    "image_url": JSON | st.fixed_dictionaries({"url": JSON}),
                },
            ),
            max_size=2,
        ),
        "tool_calls": JSON,
        "name": JSON,
    },
)
LIKELY = {
    "run_id": st.sampled_from(["run_1", "x" * 5000, "\x00", " "]),
    "model": st.sampled_from(["amber:m", "amber-openai:o", "morpheus:m", "adaptive:p/m", "m", ":"]),
    "messages": st.lists(PARTS, max_size=3),
    "parameters": st.dictionaries(
        st.sampled_from(["temperature", "n", "stop", "tools", "metadata", "session_id", "labels"]),
        JSON,
        max_size=4,
    ),
    "content_base64": st.sampled_from(["SGk=", "S", "====", "SGk"]),
    "filename": st.sampled_from(["a.txt", "../a", "\x00", "a/b\\c.pdf", "é" * 300]),
    "path": st.sampled_from(["a", "~/x", "\x00", "/dev/zero", "/", "C:\\x", "x" * 5000]),
}


def arguments_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the tool's own arguments, of their kind or of any, and at times one of no tool."""
    properties = TOOLS[name].input_schema["properties"]
    own = {
        argument: JSON | KNOWN[described["type"]] | LIKELY.get(argument, KNOWN[described["type"]])
        for argument, described in properties.items()
    }
    required = {
        argument: own.pop(argument) for argument in TOOLS[name].input_schema.get("required", [])
    }
    usual = st.fixed_dictionaries(required, optional=own)
    return usual | st.dictionaries(st.sampled_from([*properties, "x"]), JSON, max_size=4)


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A host before one server, which has all tools and all APIs."""
    async with running_upstream(completion("Because.", id="f1")) as upstream:
        given = {
            f"{api}_{part}": value
            for api in ("AMBER", "MORPHEUS", "ADAPTIVE")
            for part, value in (("BASE_URL", upstream.base_url), ("API_KEY", KEY))
        }
        settings = upstream.settings(
            **given, AMBER_TOOLS=",".join(TOOLS), AMBER_MODEL="m", AMBER_OPENAI_MODELS="o"
        )
        async with Client(build_server(settings, local_files=True)) as connected:
            yield connected


# Drawn before the test begins: what hypothesis raises while it draws would end the event loop.
CALLS = st.one_of([st.tuples(st.just(name), arguments_of(name)) for name in TOOL_NAMES])


@given(call=CALLS)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
async def test_no_argument_makes_a_tool_fall_over(
    client: Client, call: tuple[str, dict[str, Any]]
) -> None:
    with anyio.fail_after(60):
        (content,) = (await client.call_tool(*call)).content
    assert isinstance(content, TextContent)
    text = content.text
    assert text
    assert not text.startswith("internal_error")  # An argument may hold these words, too.
    for sign in ("Traceback", "Error executing tool", "pydantic"):
        assert sign not in text, call
    assert text.encode()
    assert len(text) < 10_000
