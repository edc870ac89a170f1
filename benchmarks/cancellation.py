"""How soon a cancelled call closes its connection upstream: both transports, both eras.

Run `python -m benchmarks.cancellation`. Each line is the median and the longest of 30 calls, in
milliseconds from the client's cancelling to upstream's seeing its connection closed.
"""

import logging
import statistics
import time

import anyio

from tests.e2e.test_python_clients import ERAS, connected
from tests.planted import KEY
from tests.upstream import Upstream, running_upstream, stalled_stream, text_chunk

ROUNDS = 30


async def milliseconds(transport: str, era: str) -> list[float]:
    async with running_upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as upstream:
        settings = {
            "AMBER_BASE_URL": upstream.base_url,
            "AMBER_API_KEY": KEY,
            "AMBER_MODEL": "m",
        }
        async with connected(transport, era, settings) as client:
            return [await _one(client, upstream) for _ in range(ROUNDS)]


async def _one(client: object, upstream: Upstream) -> float:
    upstream.closed = anyio.Event()
    begun = anyio.Event()

    async def on_progress(_: float, __: float | None, message: str | None) -> None:
        if "characters so far" in (message or ""):
            begun.set()

    async with anyio.create_task_group() as tasks:

        async def call() -> None:
            await client.call_tool(  # type: ignore[attr-defined]
                "ask_amber", {"question": "Why?"}, progress_callback=on_progress
            )

        tasks.start_soon(call)
        await begun.wait()
        started = time.perf_counter()
        tasks.cancel_scope.cancel()
    await upstream.closed.wait()
    return (time.perf_counter() - started) * 1000


async def main() -> None:
    for transport in ("stdio", "http"):
        for era, version in ERAS.items():
            took = await milliseconds(transport, era)
            print(
                f"{transport:6} {version}  median {statistics.median(took):6.1f} ms"
                f"  longest {max(took):6.1f} ms"
            )


if __name__ == "__main__":
    # The client logs a traceback when an answer comes late, which takes it a tenth of a second.
    logging.disable(logging.CRITICAL)
    anyio.run(main)
