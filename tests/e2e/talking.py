"""Conversations with the real program, and what of them went to amber."""

import json
from typing import Any

from tests.e2e.programs import StdioProgram
from tests.planted import KEY
from tests.storage.places import Place
from tests.upstream import Upstream


def reaching(upstream: Upstream) -> dict[str, str]:
    """The variables of a program that asks `upstream`."""
    return {"AMBER_BASE_URL": upstream.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}


def given(upstream: Upstream, place: Place, key: str = KEY) -> dict[str, str]:
    """The variables of a program that asks `upstream` and keeps its conversations at `place`."""
    return {
        "AMBER_BASE_URL": upstream.base_url,
        "AMBER_API_KEY": key,
        "AMBER_MODEL": "m",
        **place.environment,
    }


async def send_question(
    program: StdioProgram, question: str, talk: str = "", *, request_id: int = 1
) -> None:
    """Ask without waiting for the answer; progress is told."""
    arguments = {"question": question, "conversation_id": talk}
    call = {
        "name": "ask_amber",
        "arguments": arguments,
        "_meta": {"progressToken": request_id},
    }
    await program.send("tools/call", call, request_id=request_id)


async def ask(program: StdioProgram, question: str, talk: str = "") -> str:
    """Ask, and return the id under which the answer was kept."""
    await send_question(program, question, talk)
    kept = answered((await program.answer_to(1))["result"])["conversation_id"]
    assert kept
    return kept


def answered(result: dict[str, Any]) -> dict[str, Any]:
    """What a call that succeeded returned."""
    assert not result["isError"], result
    return result["structuredContent"]


def last_sent(upstream: Upstream) -> list[str]:
    """What was said in the conversation that amber was asked last, each turn in two lines."""
    return [message["content"] for message in json.loads(upstream.seen[-1].body)["messages"]]
