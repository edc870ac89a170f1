"""Progress: the latest news, and a heartbeat; a host that does not listen holds nothing up."""

import anyio
import pytest

from amber_mcp.tools import progress
from amber_mcp.tools.progress import Progress


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LEAST_SECONDS_BETWEEN", 0.02)
    monkeypatch.setattr(progress, "_HEARTBEAT_SECONDS", 0.05)


class Host:
    """Takes progress until it has had enough of it."""

    def __init__(self, enough: int) -> None:
        self.lines: list[tuple[float, str | None]] = []
        self.satisfied = anyio.Event()
        self._enough = enough

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        assert total is None
        self.lines.append((progress, message))
        if len(self.lines) == self._enough:
            self.satisfied.set()


async def test_news_go_out_and_silence_is_filled_with_heartbeats() -> None:
    host = Host(enough=3)
    reported = Progress(host)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reported.report)
        reported.note("Searching")
        with anyio.fail_after(5):
            await host.satisfied.wait()
        tasks.cancel_scope.cancel()
    assert host.lines[0] == (1, "Searching")
    assert host.lines[1] == (2, "Searching (0 s)")
    assert [number for number, _ in host.lines] == [1, 2, 3]


async def test_only_the_latest_news_are_sent() -> None:
    host = Host(enough=1)
    reported = Progress(host)
    for number in range(100):
        reported.note(f"{number}")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reported.report)
        with anyio.fail_after(5):
            await host.satisfied.wait()
        tasks.cancel_scope.cancel()
    assert host.lines == [(1, "99")]


async def test_a_host_that_has_gone_ends_the_report() -> None:
    async def gone(*_: object) -> None:
        raise anyio.BrokenResourceError

    reported = Progress(gone)
    reported.note("Searching")
    with anyio.fail_after(5):
        await reported.report()


async def test_without_any_news_the_host_hears_that_amber_is_waited_for() -> None:
    host = Host(enough=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Progress(host).report)
        with anyio.fail_after(5):
            await host.satisfied.wait()
        tasks.cancel_scope.cancel()
    assert host.lines == [(1, "Waiting for amber (0 s)")]
