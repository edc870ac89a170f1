"""What clients that send too much cost: memory above idle, and the longest wait of a ping beside.

Run `python -m benchmarks.hostile_clients [CASE…]`. Each case has a program of its own, which is
pinged every 50 ms over a connection of its own. What is sent is made before, and sent by a thread,
so that the pings do not wait for this program.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from itertools import count
from pathlib import Path
from typing import Any

import anyio

from amber_mcp.config.parsers import TOOL_NAMES

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "hostile", "version": "1"},
}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "hostile", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}
MIB = 1024**2


@dataclass
class Program:
    """A running server."""

    address: str
    pid: int

    def memory(self, name: str) -> int:
        """A figure of its memory in MiB, as Linux tells it."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) // 1024

    @contextmanager
    def connected(self) -> Iterator[HTTPConnection]:
        with closing(HTTPConnection(self.address, timeout=120)) as connection:
            yield connection

    def open_session(self, connection: HTTPConnection) -> dict[str, str]:
        answer, _ = post(connection, encoded("initialize", HANDSHAKE))
        return {"Mcp-Session-Id": answer.headers["mcp-session-id"]}

    async def ping(self, longest: list[float]) -> None:
        """Ping it until this is cancelled, and keep the longest wait for an answer."""
        with self.connected() as connection:
            session = self.open_session(connection)
            for number in count(10):
                began = time.monotonic()
                post(connection, encoded("ping", {}, number), **session)
                longest[0] = max(longest[0], time.monotonic() - began)
                await anyio.sleep(0.05)


def post(connection: HTTPConnection, body: bytes, **headers: str) -> tuple[HTTPResponse, str]:
    connection.request("POST", "/mcp", body, {**ACCEPT, **headers})
    answer = connection.getresponse()
    return answer, answer.read().decode()


def encoded(method: str, params: object, request_id: object = 1) -> bytes:
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    return json.dumps(message).encode()


def called(name: str, arguments: object, **more: object) -> tuple[str, dict[str, Any]]:
    return "tools/call", {"name": name, "arguments": arguments, **more}


def asked(**arguments: object) -> tuple[str, dict[str, Any]]:
    return called("ask_amber", {"question": "Why?", **arguments})


def chatted(messages: object, **more: object) -> tuple[str, dict[str, Any]]:
    return called("chat_completion", {"model": "amber:m", "messages": messages, **more})


def parts(number: int) -> list[dict[str, object]]:
    return [{"role": "user", "content": [{"type": "text", "text": "x"}] * number}]


MESSAGES: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {
    "integers as JSON text, 20 MB": lambda: asked(file_ids="[" + "1," * (10 * MIB) + "1]"),
    "10^6 integers": lambda: asked(file_ids=[1] * 10**6),
    "1,000 integers": lambda: asked(file_ids=[1] * 1000),
    "10^6 unknown fields": lambda: asked(**{f"a{number}": 1 for number in range(10**6)}),
    "9,000 unknown fields": lambda: asked(**{f"a{number}": 1 for number in range(9000)}),
    "a question of 30 MB": lambda: asked(question="why, " * (6 * MIB)),
    "a file of 24 MB": lambda: called(
        "upload_file", {"content_base64": "QUJD" * (7 * MIB), "filename": "a.txt"}
    ),
    "messages as JSON text of text, 20 MB": lambda: chatted(
        json.dumps([{"role": "user", "content": 'a,b,"\\' * (2 * MIB)}])
    ),
    "3,000 parts of a message": lambda: chatted(parts(3000)),
    "10^6 parts of a message": lambda: chatted(parts(10**6)),
    "1,000 messages": lambda: chatted([{"role": "x", "content": 1}] * 1000),
    "10^6 inputResponses": lambda: called(
        "ask_amber", {"question": "x"}, inputResponses={f"a{n}": [] for n in range(10**6)}
    ),
    "10^6 arguments of a prompt": lambda: (
        "prompts/get",
        {"name": "research", "arguments": {f"a{number}": 1 for number in range(10**6)}},
    ),
    "a prompt's argument of 30 MB": lambda: (
        "prompts/get",
        {"name": "ask_agent", "arguments": {"agent": "\n" * (15 * MIB), "task": "x"}},
    ),
    "10^6 arguments to complete by": lambda: (
        "completion/complete",
        {
            "ref": {"type": "ref/prompt", "name": "research"},
            "argument": {"name": "model", "value": "x"},
            "context": {"arguments": {f"a{number}": 1 for number in range(10**6)}},
        },
    ),
    "a URI of 30 MB": lambda: ("resources/read", {"uri": "amber://runs/" + "x" * 30 * MIB}),
    "10^6 values in _meta": lambda: ("tools/list", {"_meta": {"a": [0] * 10**6}}),
    "10^6 objects of one field": lambda: ("ping", {"a": [{"a": 0}] * 10**6}),
    "texts of escapes, 30 MB": lambda: asked(question='\\"' * (7 * MIB) + "," * 20_000),
}


Attack = Callable[[Program], str]


def message(method: str, params: dict[str, Any]) -> Attack:
    """A message in both protocol eras."""
    old = encoded(method, params)
    new = encoded(method, {**params, "_meta": {**ENVELOPE, **params.get("_meta", {})}})
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if isinstance(name := params.get("name", params.get("uri")), str):
        headers["Mcp-Name"] = name[:1000]

    def attack(program: Program) -> str:
        told = []
        with program.connected() as connection:
            for body, more in ((old, program.open_session(connection)), (new, headers)):
                began = time.monotonic()
                try:
                    answer, text = post(connection, body, **more)
                except OSError as error:
                    return f"{type(error).__name__} after {time.monotonic() - began:.1f} s"
                seconds = time.monotonic() - began
                told.append(f"{answer.status} {seconds:.1f} s {text[:250]!r}")
        return "\n      ".join(told)

    return attack


def sessions(number: int) -> Attack:
    """So many sessions that nobody closes."""

    def attack(program: Program) -> str:
        with program.connected() as connection:
            kept = [program.open_session(connection) for _ in range(number)]
            ends = [post(connection, encoded("ping", {}), **kept[at])[0].status for at in (0, -1)]
        return f"the first is answered with {ends[0]}, the last with {ends[1]}"

    return attack


async def measured(name: str, attack: Attack) -> None:
    command = [sys.executable, "-m", "amber_mcp", "serve", "--http", "--port", "0"]
    environment = {**os.environ, "AMBER_BASE_URL": "sandbox", "AMBER_TOOLS": ",".join(TOOL_NAMES)}
    async with await anyio.open_process(command, env=environment, stdout=subprocess.DEVNULL) as run:
        assert run.stderr is not None
        url = (await run.stderr.receive()).decode().split()[-1]
        program = Program(url.split("/")[2], run.pid)
        message(*asked())(program)
        idle, longest = program.memory("VmRSS"), [0.0]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(program.ping, longest)
            told = await anyio.to_thread.run_sync(attack, program)
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()
        held = program.memory("VmHWM") - idle, program.memory("VmRSS") - idle
        run.kill()
    waited = longest[0] * 1000
    print(f"{name}: {held[0]} MiB at the most, {held[1]} MiB after; ping {waited:.0f} ms")
    print(f"      {told}", flush=True)


async def main(*names: str) -> None:
    for name, make in MESSAGES.items():
        if not names or name in names:
            await measured(name, message(*make()))
    for number in (1500, 10_000):
        if not names or f"{number} sessions" in names:
            await measured(f"{number} sessions", sessions(number))


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
