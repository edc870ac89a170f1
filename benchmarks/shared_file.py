"""How fast several processes write to one SQLite file, and how long a write waits for the others.

Run `python -m benchmarks.shared_file PROCESSES WRITES TASKS`: how many processes write at once
(default 2), how many items each adds (default 5000), and by how many tasks (default 1). Each of
them adds to a list of its own first, then all to one.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import anyio

from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.sqlite import open_sqlite

SECONDS_TO_START = 4.0


async def write(path: Path, name: str, count: int, tasks: int, start: float) -> None:
    """Add `count` items to a list from `start` on, and tell how long each took."""
    seconds: list[float] = []
    failures = 0
    numbers = iter(range(count))

    async def add() -> None:
        nonlocal failures
        for number in numbers:
            before = time.perf_counter()
            try:
                await store.append(Key("run", "caller", name), number, ttl=600)
            except StorageUnavailable:
                failures += 1
            seconds.append(time.perf_counter() - before)

    async with open_sqlite(path) as store:
        await store.secret()
        await anyio.sleep(max(0.0, start - time.time()))
        async with anyio.create_task_group() as group:
            for _ in range(tasks):
                group.start_soon(add)
        print(json.dumps([time.time() - start, failures, seconds]))


async def measure(path: Path, names: list[str], count: int, tasks: int) -> str:
    """Let one process for each name write to the list of this name, all at once."""
    start = time.time() + SECONDS_TO_START
    told: list[tuple[float, int, list[float]]] = []

    async def run(name: str) -> None:
        given = [str(path), name, str(count), str(tasks), str(start)]
        done = await anyio.run_process(
            [sys.executable, "-m", "benchmarks.shared_file", "--write", *given]
        )
        told.append(json.loads(done.stdout))

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(run, name)
    took = max(seconds for seconds, _, _ in told)
    failures = sum(failed for _, failed, _ in told)
    waits = sorted(each for _, _, seconds in told for each in seconds)
    median, most, longest = (
        1000 * waits[place] for place in (len(waits) // 2, len(waits) * 99 // 100, -1)
    )
    return (
        f"{len(waits) / took:.0f} writes/s; median {median:.1f} ms, 99 % {most:.1f} ms, "
        f"longest {longest:.0f} ms; {failures} failed"
    )


async def main(processes: int = 2, count: int = 5000, tasks: int = 1) -> None:
    print(f"{processes} processes, {count} writes each by {tasks} tasks")
    own = [f"own {number}" for number in range(processes)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        print("lists of their own:", await measure(path, own, count, tasks))
        print("one list:          ", await measure(path, ["shared"] * processes, count, tasks))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        path, name, count, tasks, start = sys.argv[2:]
        anyio.run(write, Path(path), name, int(count), int(tasks), float(start))
    else:
        anyio.run(main, *map(int, sys.argv[1:]))
