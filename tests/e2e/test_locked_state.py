"""The real program while another one holds its SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio

from tests.e2e.programs import stdio_program
from tests.e2e.talking import answered, ask, given, last_sent, send_question
from tests.state.conftest import Place
from tests.upstream import Canned, completion


async def test_a_program_that_starts_while_its_file_is_locked_needs_no_restart(
    upstream: Canned, tmp_path: Path
) -> None:
    place = Place("sqlite", {"AMBER_STATE": f"sqlite:{tmp_path}/state.db"})
    async with upstream(completion("Yes.")) as canned:
        variables = given(canned, place)
        async with stdio_program(**variables) as program:
            await program.handshake()
            talk = await ask(program, "1?")
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            async with stdio_program(**variables) as program:
                with anyio.fail_after(20):
                    await program.handshake()
                    await send_question(program, "Without a conversation?")
                    alone = (await program.answer_to(1))["result"]
                    await send_question(program, "2?", talk)
                    refused = (await program.answer_to(1))["result"]
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
