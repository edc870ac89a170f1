"""The real program while another one holds its SQLite file."""

import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.e2e.programs import PING, StdioProgram, environment, open_program, stdio_program
from tests.e2e.talking import (
    ENDS,
    answered,
    ask,
    call,
    end,
    last_sent,
    reaching,
    send_call,
    send_question,
)
from tests.storage.places import Place
from tests.upstream import Canned, completion, stalled_stream, text_chunk

AGENT = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"


async def test_a_program_that_starts_while_its_file_is_locked_needs_no_restart(
    upstream: Canned, tmp_path: Path
) -> None:
    place = Place("sqlite", {"AMBER_STATE": f"sqlite:{tmp_path}/state.db"})
    async with upstream(completion("Yes.")) as canned:
        variables = reaching(canned, place)
        async with stdio_program(**variables) as program:
            await program.handshake()
            talk = await ask(program, "1?")
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            async with stdio_program(**variables) as program:
                with anyio.fail_after(20):
                    await program.handshake()
                    alone = await call(program, "ask_amber", question="Alone?")
                    again = {"question": "2?", "conversation_id": talk}
                    refused = await call(program, "ask_amber", **again)
                other.close()
                assert await ask(program, "3?", talk) == talk
    assert answered(alone)["answer"] == "Yes."
    assert answered(alone)["conversation_id"] == ""
    assert "This turn was not kept" in alone["content"][0]["text"]
    assert refused["isError"]
    told = refused["content"][0]["text"]
    assert told.startswith("internal_error: the state in ")
    assert "database is locked" in told
    assert "Call again in a moment" in told
    assert last_sent(canned) == ["1?", "Yes.", "3?"]


@pytest.mark.parametrize("how", ENDS)
async def test_a_program_ends_in_time_while_its_file_is_locked_and_a_run_is_under_way(
    upstream: Canned, tmp_path: Path, how: signal.Signals | None
) -> None:
    place = Place("sqlite", {"AMBER_STATE": f"sqlite:{tmp_path}/state.db"})
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        variables = reaching(canned, place, AMBER_AGENTS=f"hr={AGENT}", AMBER_CALL_TIMEOUT="0.5")
        async with patient_program(**variables) as program:
            await program.handshake()
            begun = answered(await call(program, "run_agent", agent="hr", task="Go."))
            with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                # A write is under way when the program is to end, and the run's end is another.
                await send_call(program, "run_agent", run_id=begun["run_id"], stop=True)
                for _ in range(50):
                    await program.send("ping", {}, request_id=PING)
                    await program.answer_to(PING)
                await end(program, how)


@asynccontextmanager
async def patient_program(**variables: str) -> AsyncIterator[StdioProgram]:
    """A program that waits for a lock for half a minute: whatever it does not cut short, shows."""
    patient = (
        "from amber_mcp.storage import sqlite_lock; sqlite_lock.BUSY_SECONDS = 30.0; "
        "from amber_mcp.__main__ import main; main()"
    )
    async with open_program(
        [sys.executable, "-c", patient], env=environment(**variables)
    ) as process:
        assert process.stdout is not None
        with anyio.fail_after(60):
            yield StdioProgram(process, BufferedByteReceiveStream(process.stdout))


async def test_questions_at_once_do_not_wait_for_each_other_while_the_file_is_locked(
    upstream: Canned, tmp_path: Path
) -> None:
    place = Place("sqlite", {"AMBER_STATE": f"sqlite:{tmp_path}/state.db"})
    ids = range(1, 13)
    async with upstream(completion("Yes.")) as canned:
        async with stdio_program(**reaching(canned, place)) as program:
            await program.handshake()
            await ask(program, "Before?")
            with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                for number in ids:
                    await send_question(program, "?", request_id=number)
                results = []
                while len(results) < len(ids):
                    message = await program.receive()
                    if message.get("id") in ids:
                        results.append(message["result"])
            await program.close_stdin()
            log = await program.errors()
    for result in results:
        assert answered(result)["answer"] == "Yes."
        assert "This turn was not kept" in result["content"][0]["text"]
    # Each was told of the lock itself: nobody's time ran out while others waited.
    assert log.count("turn not saved") == len(ids), log
    assert "timeout" not in log
