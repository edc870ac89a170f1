"""Asking back, in memory, in both protocol eras: which agent, and what becomes of each answer."""

import json

import pytest
from mcp.types import ElicitResult

from amber_mcp import server
from amber_mcp.config.agents import Agent
from amber_mcp.errors import InternalError
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.elicitation import Question
from amber_mcp.protocol.tool import Result, tool
from amber_mcp.tools.choice import ask_for_choice
from tests.test_server import failure, structured
from tests.tools.users import IDS, Asked, Connect, with_agents
from tests.upstream import Canned, Upstream, completion

ALL = list(IDS)


def agents_asked(canned: Upstream) -> list[str]:
    return [json.loads(seen.body)["metadata"]["agent_id"] for seen in canned.seen]


@pytest.mark.parametrize(
    ("agent", "words", "choices"),
    [
        ("", "Which agent is to do it?", ALL),
        ("Legal", "No agent is named 'Legal'.", ["legal-de", "legal-en", "Facilities", "hr"]),
        ("legal_ed", "'legal_ed'", ["legal-en", "legal-de", "Facilities", "hr"]),
        ("payroll", "'payroll'", ALL),
    ],
)
async def test_the_user_chooses_the_agent(
    connect: Connect, upstream: Canned, agent: str, words: str, choices: list[str]
) -> None:
    user = Asked({"agent": "legal-en"})
    async with (
        upstream(completion("Done.")) as canned,
        connect(with_agents(canned), user) as client,
    ):
        run = structured(await client.call_tool("run_agent", {"agent": agent, "task": "Go."}))
    assert run["agent"] == "legal-en"
    assert agents_asked(canned) == [IDS["legal-en"]]
    assert words in user.questions[0].message
    assert user.choices == [choices]
    assert user.questions[0].requested_schema["required"] == ["agent"]


@pytest.mark.parametrize("agent", ["HR", IDS["hr"], "99999999-0000-4000-8000-000000000000"])
async def test_a_name_or_an_id_needs_no_question(
    connect: Connect, upstream: Canned, agent: str
) -> None:
    user = Asked()
    async with (
        upstream(completion("Done.")) as canned,
        connect(with_agents(canned), user) as client,
    ):
        run = structured(await client.call_tool("run_agent", {"agent": agent, "task": "Go."}))
    assert (run["agent"], user.questions) == (agent, [])


async def test_a_conversation_goes_on_without_a_question(
    connect: Connect, upstream: Canned
) -> None:
    user = Asked({"agent": "hr"})
    async with (
        upstream(completion("Done.")) as canned,
        connect(with_agents(canned), user) as client,
    ):
        run = structured(await client.call_tool("run_agent", {"task": "Go."}))
        more = {"task": "Go on.", "conversation_id": run["conversation_id"]}
        structured(await client.call_tool("run_agent", more))
    assert agents_asked(canned) == [IDS["hr"], IDS["hr"]]
    assert len(user.questions) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ElicitResult(action="decline"), "asked for the agent, and declined to choose"),
        (ElicitResult(action="cancel"), "asked for the agent, and chose none"),
        (ElicitResult(action="accept"), "is no agent that was offered"),
        (ElicitResult(action="accept", content={"agent": "HR"}), "is no agent that was offered"),
        (ElicitResult(action="accept", content={"agent": IDS["hr"]}), "is no agent that was"),
        (ElicitResult(action="accept", content={"agent": 5}), "is no agent that was offered"),
        (ElicitResult(action="accept", content={"agent": ["hr"]}), "is no agent that was offered"),
        (ElicitResult(action="accept", content={"other": "hr"}), "is no agent that was offered"),
        (ElicitResult(action="decline", content={"agent": "hr"}), "declined to choose"),
    ],
)
async def test_no_agent_runs_that_the_user_did_not_choose(
    connect: Connect, upstream: Canned, answer: ElicitResult, told: str
) -> None:
    async def user(*_: object) -> ElicitResult:
        return answer

    async with (
        upstream(completion("Done.")) as canned,
        connect(with_agents(canned), user) as client,
    ):
        result = await client.call_tool("run_agent", {"agent": "legal", "task": "Go."})
    words = failure(result, "invalid_request")
    assert told in words
    assert "legal-de, legal-en, Facilities, hr" in words
    assert canned.seen == []


@pytest.mark.parametrize(("agent", "kind"), [("", "invalid_request"), ("legal", "not_found")])
async def test_where_nobody_can_be_asked_the_error_lists_the_choices(
    connect: Connect, upstream: Canned, agent: str, kind: str
) -> None:
    async with (
        upstream(completion("Done.")) as canned,
        connect(with_agents(canned), None) as client,
    ):
        result = await client.call_tool("run_agent", {"agent": agent, "task": "Go."})
    told = failure(result, kind)
    assert all(name in told for name in ALL)
    assert "user" not in told
    assert canned.seen == []


async def test_without_configured_agents_there_is_nothing_to_choose_from(
    connect: Connect, upstream: Canned
) -> None:
    user = Asked()
    async with (
        upstream(completion("Done.")) as canned,
        connect(canned.settings(AMBER_MODEL="m"), user) as client,
    ):
        result = await client.call_tool("run_agent", {"task": "Go."})
    assert "`agent` is empty" in failure(result, "invalid_request")
    assert user.questions == []


async def test_many_choices_are_cut_and_no_secret_is_one(
    connect: Connect, upstream: Canned
) -> None:
    names = [f"team-{n:02}" for n in range(30)]
    user = Asked({"agent": "team-29"})
    async with upstream(completion("Done.")) as canned:
        agents = ",".join(f"{name}={IDS['hr']}" for name in [*names, "x\u202ey"])
        settings = canned.settings(AMBER_AGENTS=agents, AMBER_MODEL="m")
        key = settings.api_key.get_secret_value()
        settings = settings.model_copy(
            update={"agents": {**settings.agents, f"a {key}": Agent("x")}}
        )
        async with connect(settings, user) as client:
            secret = await client.call_tool("run_agent", {"agent": f"for {key}", "task": "Go."})
            asked = await client.call_tool("run_agent", {"agent": "for me", "task": "Go."})
            user.answers = {"agent": "team-19"}
            structured(await client.call_tool("run_agent", {"agent": "team", "task": "Go."}))
    told = failure(asked, "invalid_request")
    assert "and 12 more" in told
    assert user.choices == [names[:20], names[:20]]
    assert "(20 of 32 are shown.)" in user.questions[0].message
    assert key not in user.questions[0].message + told
    assert "holds what looks like a key" in failure(secret, "invalid_request")


class Chosen(Result):
    names: list[str]

    def as_text(self) -> str:
        return " ".join(self.names)


async def test_two_questions_in_one_call_are_each_asked_once(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    @tool(title="Twice", read_only=True, idempotent=True)
    async def twice(call: Call) -> Chosen:
        first = await ask_for_choice(
            call, Question("agent", "Who?", ("hr", "it")), InternalError("?")
        )
        second = await ask_for_choice(
            call, Question("model", "Which?", ("m", "n")), InternalError("?")
        )
        return Chosen(names=[first, second])

    monkeypatch.setattr(server, "tools_named", lambda _: {"twice": twice})
    user = Asked({"agent": "it", "model": "n"})
    async with upstream(completion("")) as canned, connect(canned.settings(), user) as client:
        assert structured(await client.call_tool("twice", {})) == {"names": ["it", "n"]}
    assert [question.message for question in user.questions] == ["Who?", "Which?"]
