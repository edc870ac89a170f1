"""A process of its own that writes: `python -m tests.storage.program CALLER ID WRITER COUNT`.

It says `ready`, waits for a line, then opens the backend, adds one item after the other, and tells
each that is kept.
"""

import sys

import anyio
import anyio.to_thread

from amber_mcp.config.settings import Settings
from amber_mcp.storage.backends import open_store
from amber_mcp.storage.base import Key


async def main(caller: str, list_id: str, writer: str, count: int) -> None:
    print("ready", flush=True)
    await anyio.to_thread.run_sync(sys.stdin.readline)
    async with open_store(Settings.from_environment()) as store:
        for number in range(count):
            item = {"writer": writer, "number": number}
            await store.append(Key("run", caller, list_id), item, ttl=60)
            print(number, flush=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
