"""How long a host waits for the first answer on stdio: with a tenant, and with the sandbox.

Run `python -m benchmarks.startup [TIMES]` (20 unless told): both start by turns, and each time is
from the start of the process to the answer to `initialize`, and to `tools/list` after it.
"""

import json
import os
import statistics
import subprocess
import sys
import time

VARIANTS = {
    "tenant": {"AMBER_BASE_URL": "https://tenant.example", "AMBER_API_KEY": "ambrs-benchmark"},
    "sandbox": {"AMBER_BASE_URL": "sandbox"},
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


def timed(variables: dict[str, str]) -> tuple[float, float]:
    """Milliseconds until `initialize` and until `tools/list` are answered."""
    inherited = {name: value for name, value in os.environ.items() if "AMBER" not in name}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "amber_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**inherited, **variables},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        times = []
        for number, (method, params) in enumerate([("initialize", INITIALIZE), ("tools/list", {})]):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            process.stdin.write(json.dumps(request).encode() + b"\n")
            if method == "tools/list":
                note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
                process.stdin.write(json.dumps(note).encode() + b"\n")
            process.stdin.flush()
            assert "result" in json.loads(process.stdout.readline())
            times.append((time.perf_counter() - started) * 1000)
        process.stdin.close()
    return times[0], times[1]


def main() -> None:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 20):
        for name, variables in VARIANTS.items():
            times[name].append(timed(variables))
    for at, method in enumerate(["initialize", "tools/list"]):
        medians = {name: statistics.median(each[at] for each in times[name]) for name in VARIANTS}
        ratio = medians["sandbox"] / medians["tenant"]
        print(f"{method}: {medians['tenant']:.0f} ms with a tenant,", end=" ")
        print(f"{medians['sandbox']:.0f} ms with the sandbox, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
