"""A run that takes minutes, over hosts that allow a call one: how long the calls are, and how
long a host hears nothing.

Run `python -m benchmarks.long_run [SECONDS]` (300 unless told). The sandbox pauses before each
piece of its answer, so that the run takes so long in all; the host gives up after 60 s, and the
server is left as it is by default (AMBER_CALL_TIMEOUT=50).
"""

import sys
import time
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
from mcp import Client

from amber_mcp.sandbox import running_sandbox
from tests.e2e.test_python_clients import ERAS, connected

HOST_LIMIT = 60.0
CHAT = "/api/beta/amberai/chat/completions"
TASK = {"agent": "hr", "task": "Sum up the rules for vacation, sick leave and parental leave."}


@dataclass
class Measured:
    """What one run took, in seconds."""

    calls: list[float] = field(default_factory=list)
    longest_silence: float = 0.0
    total: float = 0.0
    status: str = ""


async def pieces_of_the_answer(http: httpx2.AsyncClient, agent_id: str) -> int:
    """How many pieces the answer has, as it comes without a fault."""
    asked = {
        "model": "sandbox-brief",
        "messages": [{"role": "user", "content": TASK["task"]}],
        "tools": [{"function": {"name": "amberSearch"}}],
        "metadata": {"language": "en", "agent_id": agent_id},
        "stream": True,
    }
    answer = await http.post(CHAT, json=asked)
    return answer.raise_for_status().text.count("data: ")


async def run(client: Client) -> Measured:
    measured = Measured()
    began = heard = time.monotonic()

    async def on_progress(_: float, __: float | None, ___: str | None) -> None:
        nonlocal heard
        measured.longest_silence = max(measured.longest_silence, time.monotonic() - heard)
        heard = time.monotonic()

    arguments: dict[str, Any] = TASK
    while measured.status in ("", "running"):
        started = heard = time.monotonic()
        with anyio.fail_after(HOST_LIMIT):
            result = await client.call_tool("run_agent", arguments, progress_callback=on_progress)
        measured.calls.append(time.monotonic() - started)
        measured.longest_silence = max(measured.longest_silence, time.monotonic() - heard)
        told = result.structured_content or {}
        measured.status = str(told["status"])
        arguments = {"run_id": told["run_id"]}
    measured.total = time.monotonic() - began
    return measured


async def measure(transport: str, era: str, seconds: float) -> None:
    async with running_sandbox() as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        async with httpx2.AsyncClient(
            base_url=sandbox.base_url, headers=headers, trust_env=False
        ) as http:
            pieces = await pieces_of_the_answer(http, sandbox.agents["hr"])
            fault = {"path": CHAT, "pause": seconds / pieces}
            (await http.post("/sandbox/faults", json=fault)).raise_for_status()
        settings = {
            "AMBER_BASE_URL": sandbox.base_url,
            "AMBER_API_KEY": sandbox.api_key,
            "AMBER_MODEL": "sandbox-brief",
            "AMBER_AGENTS": f"hr={sandbox.agents['hr']}",
        }
        async with connected(transport, era, settings, within=seconds * 2 + 60) as client:
            took = await run(client)
    print(
        f"{transport:6} {ERAS[era]}  {took.status} after {took.total:.0f} s in {len(took.calls)} "
        f"calls, the longest {max(took.calls):.1f} s; longest silence {took.longest_silence:.1f} s",
        flush=True,
    )


async def main(seconds: float) -> None:
    async with anyio.create_task_group() as tasks:
        for transport in ("stdio", "http"):
            for era in ERAS:
                tasks.start_soon(measure, transport, era, seconds)


if __name__ == "__main__":
    anyio.run(main, float(sys.argv[1]) if len(sys.argv) > 1 else 300.0)
