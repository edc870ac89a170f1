"""What answers that are made to do harm cost: memory above idle, and the longest wait of a ping.

Run `python -m benchmarks.hostile [CASE…]`. Each case has a program of its own on stdio, with the
default limits, which is pinged every 50 ms; the upstream is a process of its own, so that the pings
do not wait for it. `benchmarks.hostile_clients` does the same for clients.
"""

import gzip
import json
import sys

import anyio

from tests.e2e.hostile import (
    HostileUpstream,
    Reply,
    StdioCaller,
    call_tool,
    hostile_upstream,
    response,
    stream,
)
from tests.e2e.programs import stdio_program

MIB = 1024**2
CALLS = {
    "ask_amber": {"question": "Why?"},
    "chat_completion": {"model": "openai/m", "messages": [{"role": "user", "content": "Why?"}]},
}


def completion(text: str = "hi", **more: object) -> bytes:
    message = {"role": "assistant", "content": text, **more}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "model": "m"}).encode()


def with_list(entry: bytes, count: int) -> bytes:
    return completion()[:-1] + b',"citations":[' + b",".join([entry] * count) + b"]}"


def chunk(**delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


def compressed(body: bytes, times: int = 1) -> Reply:
    for _ in range(times):
        body = gzip.compress(body, 9)
    return response(body, f"Content-Encoding: {', '.join(['gzip'] * times)}")


def one_byte_chunks(body: bytes) -> Reply:
    framed = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Reply(head + framed + b"0\r\n\r\n")


def cases() -> dict[str, Reply]:
    """Each case's answer, made when it is needed."""
    finished = stream(
        b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n',
        endless=b"data: {}\n\n" * 10,
    )
    return {
        "an honest answer": response(completion()),
        "an honest stream of 50,000 chunks": stream(
            chunk(content="a") * 50_000 + b"data: [DONE]\n\n"
        ),
        "three layers of gzip": compressed(b" " * 300 * MIB, 3),
        "a gzip bomb": compressed(b" " * 1000 * MIB),
        "30 MB of []": response(with_list(b"[]", 10_000_000)),
        "8 MB of []": response(with_list(b"[]", 2_700_000)),
        "a million citations": response(with_list(b'{"url":"https://a.example/"}', 1_000_000)),
        "50,000 values": response(with_list(b'{"u":"https://a.example/"}', 24_900)),
        "50,000 texts": response(with_list(b'"a text of some words"', 49_900)),
        "8 MB of text": response(completion("a" * 8_000_000)),
        "8 MB of text with an emoji": response(completion("a" * 8_000_000 + "\U0001f600")),
        "8 MB of escapes": response(completion("\n" * 4_000_000)),
        "8 MB in a field that is not known": response(completion(thoughts="a" * 8_000_000)),
        "chunks of one byte": one_byte_chunks(completion("a" * 100_000)),
        "interim responses": Reply(b"", endless=b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000),
        "comments": stream(b"", endless=b": \n" * 20_000),
        "blank lines": stream(b"", endless=b"\n" * 60_000),
        "events of {}": stream(b"", endless=b"data:{}\n\n" * 7_000),
        "a stream that goes on": finished,
        "lists in a stream": stream(chunk(content="a", annotations=[[]] * 40_000) * 200),
        "brackets beside a link": response(completion("https://a.example/ " + "[" * 39_900)),
        "list items beside a link": response(completion("https://a.example/\n" + "- a\n" * 9_900)),
        "emphasis beside a link": response(completion("https://a.example/ " + "*" * 39_900)),
        "an error page of tags": response(b"<html>" + b"<script>" * 8_000, status="500 X"),
    }


async def serve(name: str) -> None:
    async with hostile_upstream() as upstream:
        upstream.reply = cases()[name]
        print(upstream.base_url, flush=True)
        await anyio.sleep_forever()


async def measure(name: str, base_url: str, tool: str) -> str:
    """One call, in a line of the table."""
    variables = HostileUpstream(base_url).variables
    async with stdio_program(**variables) as program, anyio.create_task_group() as tasks:
        await program.handshake()
        caller = StdioCaller(program)
        tasks.start_soon(caller.read)
        await call_tool(caller, "list_models", {})
        before = program.peak_memory()
        outcome = await call_tool(caller, tool, CALLS[tool])
        grown = (program.peak_memory() - before) // MIB
        tasks.cancel_scope.cancel()
    silence = round(outcome.longest_silence * 1000)
    kind = outcome.kind or "answered"
    return f"{name:36}{tool:16}{silence:>8} ms{grown:>7} MiB{outcome.seconds:>7.1f} s  {kind}"


async def main(*names: str) -> None:
    print(f"{'answer':36}{'tool':16}{'silence':>11}{'memory':>11}{'took':>9}  outcome")
    for name in names or cases():
        command = [sys.executable, "-m", "benchmarks.hostile", "--serve", name]
        async with await anyio.open_process(command, stderr=None) as server:
            assert server.stdout is not None
            base_url = (await server.stdout.receive()).decode().strip()
            for tool in CALLS:
                print(await measure(name, base_url, tool), flush=True)
            server.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        anyio.run(serve, sys.argv[2])
    else:
        anyio.run(main, *sys.argv[1:])
