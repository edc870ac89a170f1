"""Conversations in each home: what is kept of a turn, and what a new question goes on from."""

from collections.abc import AsyncIterator

import anyio
import pytest

from amber_mcp.conversations.records import Conversation, Conversations, Turn
from amber_mcp.errors import NotFound
from amber_mcp.storage.base import Store
from tests.storage.places import Place

DAY = 86_400


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    with anyio.fail_after(30):
        async with place.open() as store:
            yield store


def turn(question: str, **more: object) -> Turn:
    return Turn.model_validate(
        {"question": question, "answer": f"{question}!", "origin": "company", **more}
    )


async def test_turns_come_back_in_their_order(place: Place, store: Store) -> None:
    conversations = Conversations(store, ttl=DAY)
    for number in range(3):
        await conversations.add(place.caller, "conv_1", turn(f"{number}"), is_new=number == 0)
    loaded = await conversations.load(place.caller, "conv_1")
    assert [each.question for each in loaded.turns] == ["0", "1", "2"]
    assert loaded.dropped == 0


async def test_questions_at_once_lose_no_turn(place: Place, store: Store) -> None:
    conversations = Conversations(store, ttl=DAY)
    await conversations.add(place.caller, "conv_1", turn("0"), is_new=True)

    async def add(number: int) -> None:
        await conversations.add(place.caller, "conv_1", turn(f"{number}"), is_new=False)

    async with anyio.create_task_group() as tasks:
        for number in range(1, 20):
            tasks.start_soon(add, number)
    loaded = await conversations.load(place.caller, "conv_1")
    assert sorted(int(each.question) for each in loaded.turns) == list(range(20))


async def test_another_caller_s_conversation_is_as_one_that_never_was(
    place: Place, store: Store
) -> None:
    conversations = Conversations(store, ttl=DAY)
    await conversations.add(place.caller, "conv_1", turn("a secret"), is_new=True)
    told = []
    for caller, name in (("another", "conv_1"), (place.caller, "conv_2")):
        with pytest.raises(NotFound) as error:
            await conversations.load(caller, name)
        told.append(error.value.message.replace(name, "ID"))
    assert told[0] == told[1]


async def test_a_conversation_ends_with_its_time(place: Place, store: Store) -> None:
    conversations = Conversations(store, ttl=0.3)
    await conversations.add(place.caller, "conv_1", turn("Why?"), is_new=True)
    await place.later(0.4)
    with pytest.raises(NotFound, match="not any more"):
        await conversations.load(place.caller, "conv_1")


async def test_a_conversation_that_has_ended_does_not_begin_again(
    place: Place, store: Store
) -> None:
    """Its next question was being answered meanwhile."""
    conversations = Conversations(store, ttl=0.3)
    await conversations.add(place.caller, "conv_1", turn("Why?"), is_new=True)
    await conversations.load(place.caller, "conv_1")
    await place.later(0.4)
    with pytest.raises(NotFound, match="not any more"):
        await conversations.add(place.caller, "conv_1", turn("And?"), is_new=False)
    with pytest.raises(NotFound, match="not any more"):
        await conversations.load(place.caller, "conv_1")


async def test_a_conversation_survives_its_process(place: Place) -> None:
    if not place.is_shared:
        pytest.skip("memory is of one process")
    with anyio.fail_after(30):
        async with place.open() as store:
            await Conversations(store, ttl=DAY).add(
                place.caller, "conv_1", turn("Why?"), is_new=True
            )
        async with place.open() as store:
            loaded = await Conversations(store, ttl=DAY).load(place.caller, "conv_1")
    assert [each.answer for each in loaded.turns] == ["Why?!"]


def test_what_holds_is_what_was_said_last() -> None:
    talk = Conversation(
        [
            turn("1", language="de", instructions="Be brief.", file_ids=("f1", "f2")),
            turn("2", agent="a1"),
            turn("3", language="fr", file_ids=("f2", "f3")),
        ]
    )
    assert (talk.language, talk.instructions, talk.agent) == ("fr", "Be brief.", "a1")
    assert talk.file_ids == ("f1", "f2", "f3")
    assert Conversation().language == ""


def test_what_came_from_the_web_can_be_told_apart() -> None:
    talk = Conversation([turn("1", file_ids=("f1",)), turn("2", origin="web", language="de")])
    web = talk.from_the_web()
    assert [each.question for each in web.turns] == ["2"]
    assert (web.file_ids, web.language) == ((), "de")
    assert web.is_of_the_web_alone
    assert not talk.is_of_the_web_alone


@pytest.mark.parametrize(
    ("max_chars", "kept"), [(1000, "123"), (12, "123"), (11, "23"), (8, "23"), (4, "3"), (3, "")]
)
def test_the_oldest_turns_go_first(max_chars: int, kept: str) -> None:
    """Each of the turns has four characters: one of the question, three of the answer."""
    turns = [Turn(question=n, answer="abc", origin="company") for n in "123"]
    within = Conversation(turns).within(max_chars)
    assert "".join(each.question for each in within.turns) == kept
    assert within.dropped == 3 - len(kept)
