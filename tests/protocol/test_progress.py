"""Progress: the latest news, and a heartbeat; a host that does not listen holds nothing up."""

import inspect
from itertools import pairwise

import anyio
import pytest

from amber_mcp.protocol import progress
from amber_mcp.protocol.progress import Progress


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


class Listening(Host):
    """Notes when each line comes."""

    def __init__(self, enough: int) -> None:
        super().__init__(enough)
        self.times: list[float] = []

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        self.times.append(anyio.current_time())
        await super().__call__(progress, total, message)

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.times)]


async def test_lines_keep_their_distance_however_much_news_there_is() -> None:
    host = Listening(enough=6)
    reported = Progress(host)

    async def talk() -> None:
        while True:
            reported.note("More")
            await anyio.sleep(0.001)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reported.report)
        tasks.start_soon(talk)
        with anyio.fail_after(5):
            await host.satisfied.wait()
        tasks.cancel_scope.cancel()
    assert min(host.gaps) >= 0.019


async def test_a_heartbeat_comes_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from the line before: the distance between lines is part of the wait."""
    monkeypatch.setattr(progress, "_LEAST_SECONDS_BETWEEN", 0.2)
    monkeypatch.setattr(progress, "_HEARTBEAT_SECONDS", 0.3)
    host = Listening(enough=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Progress(host).report)
        with anyio.fail_after(5):
            await host.satisfied.wait()
        tasks.cancel_scope.cancel()
    assert min(host.gaps) >= 0.29
    assert min(host.gaps) < 0.45


def test_the_intervals_are_those_that_are_promised() -> None:
    source = inspect.getsource(progress)
    assert "_LEAST_SECONDS_BETWEEN = 1.0" in source
    assert "_HEARTBEAT_SECONDS = 8.0" in source
