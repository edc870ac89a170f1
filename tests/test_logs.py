"""Logs: what a line holds, what it never holds, and that it never waits."""

import io
import logging
import os
import sys
from collections.abc import Iterator

import anyio
import pytest
from pydantic import BaseModel

from amber_mcp.config.settings import Settings
from amber_mcp.logs import Logfmt, StderrHandler, configure_logging
from tests.conftest import SandboxProgram
from tests.e2e.programs import environment, run_program, stdio_program
from tests.planted import KEY
from tests.upstream import Canned, completion


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "amber_mcp", "stamina")]
    levels = [logger.level for logger in loggers]
    handlers = list(loggers[0].handlers)
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def line(message: str = "call", *secrets: str, **extra: object) -> str:
    record = logging.makeLogRecord(
        {
            "name": "amber_mcp.x",
            "levelname": "INFO",
            "msg": message,
            "created": 0,
            "msecs": 0,
            **extra,
        }
    )
    return Logfmt(secrets).format(record)


def test_a_record_is_one_line_of_fields() -> None:
    assert line(tool="ask_amber", chars=3) == (
        "time=1970-01-01T00:00:00.000Z level=info logger=amber_mcp.x event=call "
        "tool=ask_amber chars=3"
    )


def test_what_does_not_print_is_escaped() -> None:
    assert line('a "b"\n\x1b[31m\u202eüß\\').endswith(r'event="a \"b\"\n\u001b[31m\u202eüß\\"')


def test_no_secret_gets_into_a_line() -> None:
    told = line("refused ambrs-0123456789", "hunter2", header="Cookie: a=b", mine="hunter2")
    assert "ambrs-" not in told
    assert "hunter2" not in told
    assert "a=b" not in told


def test_a_traceback_keeps_its_end_and_quotes_no_input() -> None:
    class Strict(BaseModel):
        number: int

    question = "confidential".upper()

    def fails(depth: int) -> None:
        if depth:
            fails(depth - 1)
        Strict.model_validate({"number": question})

    try:
        fails(200)
    except ValueError:
        told = line(exc_info=sys.exc_info())
    assert "validation error for Strict" in told
    assert question not in told
    assert "\n" not in told
    assert len(told) < 4096


def test_other_packages_are_heard_from_warnings_on(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_level="debug"))
    configure_logging(Settings(log_level="debug"))
    logging.getLogger("mcp.server").info("a whole message")
    logging.getLogger("mcp.server").warning("dropped")
    logging.getLogger("amber_mcp.api").debug("response")
    lines = capfd.readouterr().err.splitlines()
    assert [each.partition(" logger=")[2] for each in lines] == [
        "mcp.server event=dropped",
        "amber_mcp.api event=response",
    ]


def test_the_level_is_as_set(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_level="error"))
    logging.getLogger("amber_mcp").warning("no")
    logging.getLogger("amber_mcp").error("yes")
    assert capfd.readouterr().err.endswith("event=yes\n")


def test_a_reader_that_does_not_read_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0), os.fdopen(writing, "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        handler = StderrHandler()
        record = logging.makeLogRecord({"msg": "x" * 3000})
        for _ in range(100):
            handler.emit(record)
        assert 0 < len(os.read(reading, 1_000_000)) < 100 * 3000


@pytest.mark.parametrize("stderr", [None, io.StringIO()], ids=["none", "no descriptor"])
def test_without_a_stderr_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    StderrHandler().emit(logging.makeLogRecord({"msg": "x"}))


@pytest.mark.parametrize("content", ["off", "on"])
async def test_a_call_is_logged_with_its_text_only_if_asked_for(
    sandbox: SandboxProgram, content: str
) -> None:
    variables = {**sandbox.environment, "AMBER_LOG_LEVEL": "info", "AMBER_LOG_CONTENT": content}
    question = "How many days of vacation are there?"
    async with stdio_program(**variables) as program:
        await program.handshake()
        arguments = {"question": question}
        await program.send(
            "tools/call", {"name": "ask_amber", "arguments": arguments}, request_id=1
        )
        answered = await program.answer_to(1)
        assert not answered["result"]["isError"]
        await program.close_stdin()
        assert await program.process.wait() == 0
        assert program.process.stderr is not None
        logged = (await program.process.stderr.rest()).decode()
    assert " event=call tool=ask_amber outcome=completed seconds=" in logged
    assert (question in logged) == (content == "on")
    assert ("result=" in logged) == (content == "on")
    answer = answered["result"]["structuredContent"]["answer"]
    assert (answer[:20] in logged) == (content == "on")


async def test_a_host_that_does_not_read_stderr_holds_nothing_up() -> None:
    """Each call logs a line; nobody reads stderr, which takes 64 KiB."""
    async with stdio_program(AMBER_LOG_LEVEL="info") as program:
        await program.handshake()
        with anyio.fail_after(30):
            for number in range(1, 1200):
                call = {"name": "ask_amber", "arguments": {"question": "Why?"}}
                await program.send("tools/call", call, request_id=number)
                await program.answer_to(number)


async def test_the_command_line_logs_too(sandbox: SandboxProgram) -> None:
    given = environment(**sandbox.environment, AMBER_LOG_LEVEL="debug")
    done = await run_program("ask", "--json", "How many days of vacation?", env=given)
    assert b"event=response method=POST host=127.0.0.1:" in done.stderr


async def test_a_key_that_the_cut_runs_through_is_not_logged(upstream: Canned) -> None:
    """What is logged of arguments ends after 1000 characters."""
    async with upstream(completion("Because.")) as canned:
        given = {
            "AMBER_BASE_URL": canned.base_url,
            "AMBER_API_KEY": KEY,
            "AMBER_MODEL": "m",
            "AMBER_LOG_LEVEL": "info",
            "AMBER_LOG_CONTENT": "on",
        }
        async with stdio_program(**given) as program:
            await program.handshake()
            for number, before in enumerate(range(960, 1000, 5), 1):
                question = {"question": "x" * before + KEY}
                call = {"name": "ask_amber", "arguments": question}
                await program.send("tools/call", call, request_id=number)
                await program.answer_to(number)
            await program.close_stdin()
            assert await program.process.wait() == 0
            logged = (await program.process.stderr.rest()).decode()
    assert "arguments=" in logged
    assert KEY[:12] not in logged


def test_a_record_that_makes_no_sense_is_left_out() -> None:
    handler = StderrHandler()
    handler.setFormatter(Logfmt(()))
    handler.emit(logging.makeLogRecord({"msg": "%d", "args": ("x",)}))
