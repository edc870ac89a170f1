"""Each fault x each kind of call on stdio, and a question over HTTP, with the real program.

One program a transport meets all faults, one after the other, and is served after each.

What is expected stands in `faults.json`, from which `docs/faults.md` is made:
`UPDATE_SNAPSHOTS=1 pytest -n0 tests/e2e/test_fault_matrix.py tests/test_documents.py`.
"""

import json
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from tests.conftest import SandboxProgram
from tests.e2e.faults import FAULTS, PATHS
from tests.e2e.test_python_clients import connected
from tests.planted import KEY

EXPECTED = Path(__file__).with_name("faults.json")
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))
ERAS = {"stdio": "legacy", "http": "auto"}
NEEDS_NEW_CONNECTIONS = "a connection taken late"
TOOLS = (
    "ask_amber",  # and web_search, which sends the same requests
    "run_agent",
    "list_models",
    "upload_file",
    "chat_completion",
    "send_feedback",
)
LIMITS = {
    "AMBER_TOOLS": ",".join(TOOLS),
    "AMBER_MODEL": "sandbox-brief",
    "AMBER_CONNECT_TIMEOUT": "1",
    "AMBER_READ_TIMEOUT": "2",
    "AMBER_CALL_TIMEOUT": "10",
    "AMBER_RETRIES": "1",
    "AMBER_MAX_RESPONSE_BYTES": "500000",
    "AMBER_MAX_JSON_BYTES": "100000",
    "AMBER_LOG_LEVEL": "debug",
}
LIMIT_SECONDS = 10 + 0.5 + 4
"""The call's own, its grace, and what a busy machine adds."""


def arguments(session_id: str) -> dict[str, dict[str, object]]:
    return {
        "ask_amber": {"question": "How many vacation days do I get?"},
        # A task that was answered before would not be given again.
        "run_agent": {"agent": "hr", "task": f"Sum up the rules for vacation. {uuid4()}"},
        "list_models": {},
        "upload_file": {"content_base64": "SGVsbG8=", "filename": "hello.txt"},
        "chat_completion": {
            "model": "morpheus:sandbox-quote",
            "messages": [{"role": "user", "content": "Why?"}],
        },
        "send_feedback": {
            "project": "sandbox",
            "metric": "helpfulness",
            "session_id": session_id,
            "value": "0.8",
        },
    }


async def session_of(sandbox: SandboxProgram) -> str:
    """A session to rate, begun on a connection that is not the program's."""
    url = f"{sandbox.others['ADAPTIVE_BASE_URL']}/api/v1/chat/completions"
    asked = {"model": "sandbox/quote", "messages": [{"role": "user", "content": "Why?"}]}
    headers = {"Authorization": f"Bearer {sandbox.others['ADAPTIVE_API_KEY']}"}
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, json=asked, headers=headers)
    session: str = answer.raise_for_status().json()["session_id"]
    return session


def outcome_of(result: CallToolResult) -> str:
    """The error's kind; or `completed`, and for a list of models which API is missing in it."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    if result.is_error:
        return content.text.partition(":")[0]
    missing = (result.structured_content or {}).get("unavailable") or []
    return " ".join(
        [
            "completed",
            *(f"without {each['api']} ({each['error'].partition(':')[0]})" for each in missing),
        ]
    )


def words_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert "Traceback" not in content.text
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", content.text)
    text = re.sub(r"Wait \d+ days", "Wait N days", text)
    return re.sub(r"It said: \"[{\[].*?(?= What to do:)", "It said: …", text, flags=re.DOTALL)


async def called(client: Client, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    with anyio.fail_after(LIMIT_SECONDS):
        return await client.call_tool(tool, arguments[tool])


async def all_called(
    client: Client, arguments: Mapping[str, Any], tools: Sequence[str]
) -> dict[str, CallToolResult]:
    """Call the tools at once."""
    results: dict[str, CallToolResult] = {}

    async def call(tool: str) -> None:
        results[tool] = await called(client, tool, arguments)

    async with anyio.create_task_group() as tasks:
        for tool in tools:
            tasks.start_soon(call, tool)
    return {tool: results[tool] for tool in tools}


async def all_hit(
    fault: Mapping[str, Any],
    client: Client,
    arguments: Mapping[str, Any],
    tools: Sequence[str],
    sandbox: "Control",
) -> dict[str, CallToolResult]:
    """Call the tools while the fault lasts; one that passes has to hit each of them by itself."""
    if "times" not in fault:
        for path in set(PATHS.values()):
            await sandbox.let({**fault, "path": path, "times": 99})
        return await all_called(client, arguments, tools)
    results: dict[str, CallToolResult] = {}
    for tool in tools:
        await sandbox.let({**fault, "path": PATHS[tool]})
        results[tool] = await called(client, tool, arguments)
    return results


@dataclass
class Control:
    """The sandbox's faults, ordered on a connection that stood before any of them."""

    client: httpx2.AsyncClient

    async def let(self, fault: Mapping[str, Any]) -> None:
        (await self.client.post("/sandbox/faults", json=fault)).raise_for_status()

    async def mend(self) -> None:
        (await self.client.delete("/sandbox/faults")).raise_for_status()


@asynccontextmanager
async def control(sandbox: SandboxProgram) -> AsyncIterator[Control]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with httpx2.AsyncClient(
        base_url=sandbox.base_url, headers=headers, trust_env=False
    ) as client:
        faults = Control(client)
        await faults.mend()
        yield faults
        await faults.mend()


def compare(fault: str, results: Mapping[str, CallToolResult]) -> None:
    """Hold what happened against what is expected."""
    told = words_of(results["ask_amber"]) if results["ask_amber"].is_error else ""
    happened = {
        "outcomes": {tool: outcome_of(result) for tool, result in results.items()},
        "ask_amber says": told,
    }
    expected = json.loads(EXPECTED.read_text("utf-8")) if EXPECTED.exists() else {}
    if UPDATE and len(results) == len(TOOLS):
        expected[fault] = happened
        text = json.dumps(expected, indent=1, ensure_ascii=False)
        EXPECTED.write_text(f"{text}\n", encoding="utf-8")
    of_tools = {tool: expected[fault]["outcomes"][tool] for tool in results}
    assert happened == {**expected[fault], "outcomes": of_tools}
    assert "internal_error" not in happened["outcomes"].values()


@pytest.fixture(scope="module", params=ERAS)
async def connection(
    request: pytest.FixtureRequest, sandbox: SandboxProgram
) -> AsyncIterator[tuple[Client, Sequence[str]]]:
    """A client of a program that all faults meet, and the tools that are called there."""
    settings = {**sandbox.environment, **sandbox.others, **LIMITS}
    async with connected(request.param, ERAS[request.param], settings) as client:
        yield client, TOOLS if request.param == "stdio" else TOOLS[:1]


async def meets(
    fault: str, client: Client, tools: Sequence[str], sandbox: SandboxProgram, faults: "Control"
) -> None:
    session_id = await session_of(sandbox)
    results = await all_hit(FAULTS[fault], client, arguments(session_id), tools, faults)
    compare(fault, results)
    await faults.mend()
    served = await all_called(client, arguments(session_id), tools)
    assert {outcome_of(result) for result in served.values()} == {"completed"}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != NEEDS_NEW_CONNECTIONS])
async def test_a_fault_has_its_kind_and_the_next_call_is_served(
    fault: str, connection: tuple[Client, Sequence[str]], sandbox: SandboxProgram
) -> None:
    async with control(sandbox) as faults:
        await meets(fault, *connection, sandbox, faults)


async def test_a_connection_taken_late_has_its_kind(sandbox: SandboxProgram) -> None:
    settings = {**sandbox.environment, **sandbox.others, **LIMITS}
    async with control(sandbox) as faults, connected("stdio", "legacy", settings) as client:
        await meets(NEEDS_NEW_CONNECTIONS, client, TOOLS, sandbox, faults)


@contextmanager
def nobody() -> Iterator[str]:
    """An address on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def nobody_who_accepts() -> Iterator[str]:
    """An address whose queue of connections is full: no connection comes to stand."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


NOWHERE = {"nobody listens": nobody, "no connection in time": nobody_who_accepts}


@pytest.mark.parametrize("fault", NOWHERE)
async def test_without_a_connection_every_tool_says_so(fault: str) -> None:
    with NOWHERE[fault]() as address:
        settings = {
            f"{upstream}_{part}": value
            for upstream in ("AMBER", "MORPHEUS", "ADAPTIVE")
            for part, value in (("BASE_URL", address), ("API_KEY", KEY))
        }
        settings |= {**LIMITS, "AMBER_AGENTS": "hr=a"}
        async with connected("stdio", "legacy", settings) as client:
            calls = arguments("0b5f0d5c-6f0c-4f27-a4ea-0c7b39f3a1c5")
            compare(fault, await all_called(client, calls, TOOLS))
            assert len((await client.list_tools()).tools) == len(TOOLS)
