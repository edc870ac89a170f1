"""Each fault x each tool x stdio and HTTP, over real sockets, with the real program.

What is expected stands in `faults.json`, from which `docs/faults.md` is made:
`UPDATE_SNAPSHOTS=1 pytest -n0 tests/e2e/test_fault_matrix.py tests/test_documents.py`.
"""

import json
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
TRANSPORTS = {"stdio": "legacy", "http": "auto"}
TOOLS = (
    "ask_amber",
    "web_search",
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
    "AMBER_READ_TIMEOUT": "3",
    "AMBER_CALL_TIMEOUT": "10",
    "AMBER_RETRIES": "1",
    "AMBER_MAX_RESPONSE_BYTES": "500000",
    "AMBER_MAX_EVENT_BYTES": "100000",
    "AMBER_LOG_LEVEL": "debug",
}
LIMIT_SECONDS = 10 + 0.5 + 4
"""The call's own, its grace, and what a busy machine adds."""


def arguments(session_id: str) -> dict[str, dict[str, object]]:
    return {
        "ask_amber": {"question": "How many vacation days do I get?"},
        "web_search": {"query": "What does the EU Data Act ask of makers?"},
        "run_agent": {"agent": "hr", "task": "Sum up the rules for vacation."},
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
    return re.sub(r"It said: (?=[{\[]).*?(?= What to do:)", "It said: …", text, flags=re.DOTALL)


async def called(client: Client, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    with anyio.fail_after(LIMIT_SECONDS):
        return await client.call_tool(tool, arguments[tool])


async def all_called(client: Client, arguments: Mapping[str, Any]) -> dict[str, CallToolResult]:
    """Call all tools at once."""
    results: dict[str, CallToolResult] = {}

    async def call(tool: str) -> None:
        results[tool] = await called(client, tool, arguments)

    async with anyio.create_task_group() as tasks:
        for tool in TOOLS:
            tasks.start_soon(call, tool)
    return {tool: results[tool] for tool in TOOLS}


async def all_hit(
    fault: Mapping[str, Any], client: Client, arguments: Mapping[str, Any], sandbox: "Control"
) -> dict[str, CallToolResult]:
    """Call all tools while the fault lasts; one that passes has to hit each of them by itself."""
    if "times" not in fault:
        for path in set(PATHS.values()):
            await sandbox.let({**fault, "path": path, "times": 99})
        return await all_called(client, arguments)
    results: dict[str, CallToolResult] = {}
    for tool in TOOLS:
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
    if UPDATE:
        expected[fault] = happened
        text = json.dumps(expected, indent=1, ensure_ascii=False)
        EXPECTED.write_text(f"{text}\n", encoding="utf-8")
    assert happened == expected[fault]
    assert "internal_error" not in happened["outcomes"].values()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_has_its_kind_and_the_next_call_is_served(
    fault: str, transport: str, sandbox: SandboxProgram
) -> None:
    settings = {**sandbox.environment, **sandbox.others, **LIMITS}
    async with (
        control(sandbox) as faults,
        connected(transport, TRANSPORTS[transport], settings) as client,
    ):
        calls = arguments(await session_of(sandbox))
        compare(fault, await all_hit(FAULTS[fault], client, calls, faults))
        await faults.mend()
        served = await all_called(client, calls)
        assert {outcome_of(result) for result in served.values()} == {"completed"}


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


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", NOWHERE)
async def test_without_a_connection_every_tool_says_so(fault: str, transport: str) -> None:
    with NOWHERE[fault]() as address:
        settings = {
            f"{upstream}_{part}": value
            for upstream in ("AMBER", "MORPHEUS", "ADAPTIVE")
            for part, value in (("BASE_URL", address), ("API_KEY", KEY))
        }
        async with connected(
            transport, TRANSPORTS[transport], {**settings, **LIMITS, "AMBER_AGENTS": "hr=a"}
        ) as client:
            compare(
                fault, await all_called(client, arguments("0b5f0d5c-6f0c-4f27-a4ea-0c7b39f3a1c5"))
            )
            assert len((await client.list_tools()).tools) == len(TOOLS)
