"""What all tests share: the event loop, the sandbox as a program of its own, canned upstreams."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from mcp import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from amber_mcp.config.settings import Settings
from tests.planted import SANDBOX_KEY, Watch
from tests.upstream import Canned, running_upstream


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """With `-n auto`: more than there are cores, since many tests wait."""
    return (os.cpu_count() or 1) * 5 // 2


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("AMBER_", "SSL_CERT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_key_in_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    call_tool = Client.call_tool

    async def watched(self: Client, *arguments: Any, **more: Any) -> Any:
        result = await call_tool(self, *arguments, **more)
        Watch("a result")(result.model_dump_json())
        return result

    monkeypatch.setattr(Client, "call_tool", watched)


@pytest.fixture(scope="session")
def spans() -> InMemorySpanExporter:
    """The spans of servers that run in the tests' own process."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture(autouse=True)
def _no_key_in_a_span(spans: InMemorySpanExporter) -> Iterator[None]:
    spans.clear()
    yield
    for span in spans.get_finished_spans():
        Watch("a span")(span.to_json())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test captured, printed or logged, may hold no key either."""
    report = yield
    try:
        for name, text in report.sections:
            Watch(name)(text)
    except AssertionError as error:
        report.outcome = "failed"
        report.longrepr = str(error)
    return report


@dataclass(frozen=True)
class SandboxProgram:
    """A running `amber-mcp sandbox`."""

    base_url: str
    api_key: str
    agents: str
    others: Mapping[str, str]
    """What reaches its other APIs."""

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AMBER_BASE_URL": self.base_url,
            "AMBER_API_KEY": self.api_key,
            "AMBER_AGENTS": self.agents,
        }


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProgram]:
    command = [sys.executable, "-m", "amber_mcp", "sandbox", "--port", "0", "--key", SANDBOX_KEY]
    # Its own tests measure it.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=env
    ) as process:
        assert process.stdout is not None
        told: dict[str, str] = {}
        for line in process.stdout:
            name, equals, value = line.strip().partition("=")
            if equals:
                told[name] = value
            if name == "AMBER_AGENTS":
                break
        try:
            yield SandboxProgram(
                told["AMBER_BASE_URL"],
                told["AMBER_API_KEY"],
                told["AMBER_AGENTS"],
                {name: value for name, value in told.items() if not name.startswith("AMBER_")},
            )
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def settings(sandbox: SandboxProgram) -> Settings:
    return Settings.from_environment(sandbox.environment)


@pytest.fixture
def upstream() -> Canned:
    return running_upstream
