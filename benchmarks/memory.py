"""How much memory 10,000 conversations take in the process.

Run `python -m benchmarks.memory TURNS CHARS`: how many turns each has (default 3), and how many
characters each turn has (default 2000).
"""

import re
import secrets
import sys
from pathlib import Path

import anyio

from amber_mcp.conversations.records import Conversations, Turn
from amber_mcp.storage.base import new_id
from amber_mcp.storage.memory import MAX_KEYS, MemoryStore


def mebibytes(name: str) -> int:
    """A figure of this process's memory, as Linux tells it."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) // 1024


async def main(turns: int = 3, chars: int = 2000) -> None:
    store = MemoryStore()
    conversations = Conversations(store, ttl=60)
    before = mebibytes("VmRSS")
    for _ in range(MAX_KEYS):
        talk = new_id("conv")
        for number in range(turns):
            text = secrets.token_hex(chars // 2)
            turn = Turn(question=text[: chars // 10], answer=text[chars // 10 :], origin="company")
            await conversations.add("caller", talk, turn, is_new=number == 0)
    kept = len(await store.ids("conversation", "caller"))
    print(f"{MAX_KEYS} conversations, each of {turns} turns with {chars} characters: {kept} kept")
    print(f"memory: {before} MiB before, {mebibytes('VmHWM')} MiB at the most")


if __name__ == "__main__":
    anyio.run(main, *map(int, sys.argv[1:]))
