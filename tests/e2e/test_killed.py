"""SIGKILL at any moment: no finished turn is lost, no unfinished one is kept."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from starlette.responses import Response

from amber_mcp.config.storage import storage_location
from tests.e2e.programs import StdioProgram, started_program, stdio_program
from tests.e2e.talking import answered, ask, last_sent, reaching, send_question
from tests.storage.places import Place
from tests.upstream import Canned, Upstream, completion, stalled_stream, text_chunk

TURNS = 3
TALKS = 4
ROUNDS = 2
ANSWERS_A_ROUND = 15


def check_file(place: Place, folder: Path) -> None:
    """The file must be whole as the kill left it: a copy is looked at, as a look may mend it."""
    if place.name != "sqlite":
        return
    path = storage_location(place.environment["AMBER_STATE"]).path
    assert Path(f"{path}-wal").exists(), "it was closed, not killed"
    for each in path.parent.glob("state.db*"):
        shutil.copy(each, folder / each.name)
    with closing(sqlite3.connect(folder / "state.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
        lengths = "SELECT length, (SELECT count(*) FROM items WHERE entry = number) FROM entries"
        assert all(length == count for length, count in copy.execute(lengths))


async def test_a_kill_after_each_turn_loses_none(
    shared_place: Place, upstream: Canned, tmp_path: Path
) -> None:
    answers = [completion(f"{number}!") for number in range(TURNS + 1)]
    talk = ""
    async with upstream(*answers) as canned:
        variables = reaching(canned, shared_place)
        for number in range(TURNS):
            async with started_program(**variables) as program:
                await program.handshake()
                talk = await ask(program, f"{number}?", talk)
                await program.kill()
            check_file(shared_place, tmp_path)
        async with stdio_program(**variables) as program:
            await program.handshake()
            assert await ask(program, "last?", talk) == talk
    before = [part for number in range(TURNS) for part in (f"{number}?", f"{number}!")]
    assert last_sent(canned) == [*before, "last?"]


@pytest.mark.parametrize("answer", ["silent", "half"])
async def test_a_kill_amid_a_turn_keeps_those_before_it(
    shared_place: Place, upstream: Canned, tmp_path: Path, answer: str
) -> None:
    chunks = [text_chunk("Half")] if answer == "half" else []
    asked = anyio.Event()

    def held(upstream: Upstream) -> Response:
        asked.set()
        return stalled_stream(upstream, *chunks)

    async with upstream(completion("One."), held, completion("Three.")) as canned:
        variables = reaching(canned, shared_place)
        async with started_program(**variables) as program:
            await program.handshake()
            talk = await ask(program, "1?")
            await send_question(program, "2?", talk)
            await asked.wait()
            while chunks and "characters so far" not in str(await program.receive()):
                pass
            await program.kill()
            await canned.closed.wait()
        check_file(shared_place, tmp_path)
        async with stdio_program(**variables) as program:
            await program.handshake()
            await ask(program, "3?", talk)
    assert last_sent(canned) == ["1?", "One.", "3?"]


async def test_a_kill_amid_many_conversations_leaves_each_whole(
    shared_place: Place, upstream: Canned, tmp_path: Path
) -> None:
    """Each conversation asks again as soon as it is answered, until the program is killed.

    A turn whose answer did not arrive may have been kept or not: nobody was told.
    """
    arrived: dict[str, list[str]] = {}
    under_way: dict[str, list[str]] = {}
    async with upstream(completion("Yes.")) as canned:
        variables = reaching(canned, shared_place)
        async with stdio_program(**variables) as program:
            await program.handshake()
            for number in range(TALKS):
                arrived[await ask(program, f"{number} begun")] = [f"{number} begun"]
        under_way = {talk: [] for talk in arrived}
        for turn in range(ROUNDS):
            async with started_program(**variables) as program:
                await program.handshake()
                await _ask_until_enough(program, turn, arrived, under_way)
                await program.kill()
            check_file(shared_place, tmp_path)
        async with stdio_program(**variables) as program:
            await program.handshake()
            for talk, questions in arrived.items():
                await ask(program, "last", talk)
                kept = last_sent(canned)[:-1:2]
                untold = [each for each in kept if each not in questions]
                assert [each for each in kept if each in questions] == questions
                assert set(untold) <= set(under_way[talk])
                assert len(set(kept)) == len(kept)


async def _ask_until_enough(
    program: StdioProgram,
    turn: int,
    arrived: dict[str, list[str]],
    under_way: dict[str, list[str]],
) -> None:
    """Note each question whose answer arrived, and those that are left."""
    talks = dict(enumerate(arrived, 1))
    asked = dict.fromkeys(arrived, 0)
    for request_id, talk in talks.items():
        await send_question(program, f"{turn}.{request_id}.0", talk, request_id=request_id)
    answers = 0
    while answers < ANSWERS_A_ROUND:
        message = await program.receive()
        if "id" not in message:
            continue
        answers += 1
        request_id = message["id"]
        talk = talks[request_id]
        assert answered(message["result"])["conversation_id"] == talk
        arrived[talk].append(f"{turn}.{request_id}.{asked[talk]}")
        asked[talk] += 1
        question = f"{turn}.{request_id}.{asked[talk]}"
        await send_question(program, question, talk, request_id=request_id)
    for request_id, talk in talks.items():
        under_way[talk].append(f"{turn}.{request_id}.{asked[talk]}")
