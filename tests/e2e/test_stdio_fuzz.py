"""Arbitrary lines, all to one running program: whatever comes, the next request is answered."""

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from tests.e2e.programs import ENVELOPE, HANDSHAKE, StdioProgram, stdio_program

METHODS = (
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
params = values | st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["ask_amber", "list_models", "upload_file"]) | values,
        "arguments": st.dictionaries(st.sampled_from(["question", "path"]) | st.text(), values),
        "requestId": st.integers(0, 3) | values,
        "progressToken": values,
        "_meta": st.just(ENVELOPE) | values,
        **{name: st.just(value) | values for name, value in HANDSHAKE.items()},
    },
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | values,
        "id": st.integers(0, 3) | values,
        "method": st.sampled_from(METHODS) | values,
        "params": params,
        "result": values,
        "error": st.just({"code": -32700, "message": "broken"}) | values,
    },
)
written = (messages | values | st.lists(messages, max_size=3)).map(json.dumps)
utf8 = written.map(lambda text: text.encode())
damaged = st.builds(
    lambda line, at, inserted, left_out: line[:at] + inserted + line[at + left_out :],
    utf8,
    st.integers(0, 200),
    st.binary(max_size=4),
    st.integers(0, 100),
)
lines = (utf8 | damaged | st.binary()).map(lambda line: line.replace(b"\n", b" "))


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StdioProgram]:
    set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))
    async with stdio_program() as program:
        await program.handshake()
        yield program
        await program.close_stdin()
        assert "Traceback" not in await program.errors()
    set_hypothesis_home_dir(None)


@settings(
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(line=lines)
async def test_after_any_line_the_next_request_is_answered(
    line: bytes, program: StdioProgram
) -> None:
    """`around` checks that a ping is answered, and each line on stdout that it is a message."""
    for message in await program.around(line):
        assert ("error" in message) or ("result" in message and "id" in message)
