"""Two programs that share a home: what is begun on one goes on on the other."""

import anyio
import pytest

from tests.e2e.talking import last_sent, reaching
from tests.e2e.test_python_clients import connected, facts
from tests.planted import KEY, SANDBOX_KEY
from tests.storage.places import Place
from tests.upstream import Canned, completion

PAIRS = [("stdio", "http"), ("http", "http")]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_conversation_goes_on_on_the_other(
    pair: tuple[str, str], shared_place: Place, upstream: Canned
) -> None:
    answers = [completion(text) for text in ("A colleague.", "At noon.", "Soup.")]
    async with upstream(*answers) as canned:
        variables = reaching(canned, shared_place)
        async with (
            connected(pair[0], "legacy", variables) as one,
            connected(pair[1], "auto", variables) as other,
        ):
            _, begun = facts(await one.call_tool("ask_amber", {"question": "Who is Anna?"}))
            talk = {"conversation_id": begun["conversation_id"]}
            for client, question in ((other, "When does she eat?"), (one, "And what?")):
                arguments = {"question": question, **talk}
                _, went_on = facts(await client.call_tool("ask_amber", arguments))
                assert went_on["conversation_id"] == begun["conversation_id"]
    assert last_sent(canned) == [
        "Who is Anna?", "A colleague.", "When does she eat?", "At noon.", "And what?",
    ]  # fmt: skip


async def test_questions_at_once_on_both_are_answered_and_kept(
    shared_place: Place, upstream: Canned
) -> None:
    async with upstream(completion("Yes.")) as canned:
        variables = reaching(canned, shared_place)
        async with (
            connected("stdio", "legacy", variables) as one,
            connected("http", "auto", variables) as other,
        ):
            _, begun = facts(await one.call_tool("ask_amber", {"question": "begun"}))
            talk = {"conversation_id": begun["conversation_id"]}
            questions = [f"{number}" for number in range(12)]
            async with anyio.create_task_group() as tasks:
                for number, question in enumerate(questions):
                    client = (one, other)[number % 2]
                    tasks.start_soon(client.call_tool, "ask_amber", {"question": question, **talk})
            facts(await one.call_tool("ask_amber", {"question": "last", **talk}))
    asked = last_sent(canned)[::2]
    assert (asked[0], asked[-1]) == ("begun", "last")
    assert sorted(asked[1:-1]) == sorted(questions)


async def test_another_key_finds_nothing_there(shared_place: Place, upstream: Canned) -> None:
    async with upstream(completion("A secret.")) as canned:
        async with (
            connected("stdio", "legacy", reaching(canned, shared_place, KEY)) as one,
            connected("http", "auto", reaching(canned, shared_place, SANDBOX_KEY)) as other,
        ):
            _, begun = facts(await one.call_tool("ask_amber", {"question": "What is X?"}))
            follow_up = {"question": "And?", "conversation_id": begun["conversation_id"]}
            refused = await other.call_tool("ask_amber", follow_up)
            facts(await one.call_tool("ask_amber", follow_up))
    assert refused.is_error
    assert str(refused.content).count("not_found: ") == 1
    assert len(canned.seen) == 2
