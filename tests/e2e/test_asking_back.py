"""Asking back with the real programs: both eras, both transports, and what a host may do then."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult
from starlette.responses import StreamingResponse

from amber_mcp.server import build_server
from tests.e2e.programs import ENVELOPE, HANDSHAKE, http_program
from tests.e2e.programs import stdio_program as started
from tests.e2e.talking import http_session, reaching
from tests.e2e.test_python_clients import ERAS, connected
from tests.test_server import failure, structured
from tests.tools.users import AGENTS, IDS, NEVER, Asked, with_agents
from tests.upstream import Canned, Upstream, completion, text_chunk

CHOICES = "legal-de, legal-en, Facilities, hr"
CALL = {"name": "run_agent", "arguments": {"agent": "legal", "task": "Go."}}


def variables(upstream: Upstream) -> dict[str, str]:
    return reaching(upstream, AMBER_AGENTS=AGENTS)


def agents_asked(upstream: Upstream) -> list[str]:
    return [json.loads(seen.body)["metadata"]["agent_id"] for seen in upstream.seen]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_question_reaches_the_user_and_the_answer_comes_back(
    transport: str, mode: str, upstream: Canned
) -> None:
    heard = {"Asking the user": anyio.Event(), "The agent legal-de": anyio.Event()}
    outcomes: list[ElicitResult] = []
    user = Asked()

    async def on_progress(_: float, __: float | None, message: str | None) -> None:
        for beginning, event in heard.items():
            if message and message.startswith(beginning):
                event.set()

    async def ask(*arguments: Any) -> ElicitResult:
        await user(*arguments)
        if outcomes[-1].content == {"agent": "legal-de"} and mode == "legacy":
            await heard["Asking the user"].wait()
        return outcomes[-1]

    def answer(_: Upstream) -> StreamingResponse:
        async def content() -> AsyncIterator[str]:
            await heard["The agent legal-de"].wait()
            yield f"data: {text_chunk('Done.', 'stop')}\n\ndata: [DONE]\n\n"

        return StreamingResponse(content(), media_type="text/event-stream")

    async with (
        upstream(answer) as canned,
        connected(transport, mode, variables(canned), ask) as client,
    ):
        user.answers = {"agent": None}
        for outcome, words in (
            (ElicitResult(action="decline"), "declined to choose"),
            (ElicitResult(action="cancel"), "chose none"),
            (ElicitResult(action="accept", content={"agent": "payroll"}), "no agent that was"),
        ):
            outcomes.append(outcome)
            refused = await client.call_tool(CALL["name"], CALL["arguments"])
            assert words in failure(refused, "invalid_request")
        assert canned.seen == []
        outcomes.append(ElicitResult(action="accept", content={"agent": "legal-de"}))
        run = await client.call_tool(CALL["name"], CALL["arguments"], progress_callback=on_progress)
    assert structured(run)["agent"] == "legal-de"
    assert agents_asked(canned) == [IDS["legal-de"]]
    assert user.choices == [["legal-de", "legal-en", "Facilities", "hr"]] * 4


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_host_that_gives_up_while_the_user_thinks_can_go_on(
    transport: str, upstream: Canned
) -> None:
    user = Asked({"agent": NEVER})
    async with (
        upstream(completion("Done.")) as canned,
        connected(transport, "legacy", variables(canned), user) as client,
    ):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, CALL["name"], CALL["arguments"])
            await user.asked.wait()
            tasks.cancel_scope.cancel()
        await user.withdrawn.wait()
        user.answers = {"agent": "hr"}
        run = structured(await client.call_tool(CALL["name"], CALL["arguments"]))
    assert run["agent"] == "hr"
    assert agents_asked(canned) == [IDS["hr"]]


async def test_a_question_comes_on_the_stream_of_its_own_call(upstream: Canned) -> None:
    """A host need not have opened any other stream."""
    async with (
        upstream(completion("Done.")) as canned,
        http_program(**variables(canned)) as url,
        http_session(url) as session,
    ):
        called = await session.post(id=1, method="tools/call", params=CALL)
        messages = (
            json.loads(line.removeprefix("data: "))
            async for line in called.aiter_lines()
            if line.startswith("data: {")
        )
        question = await anext(messages)
        assert question["method"] == "elicitation/create"
        answer = {"action": "accept", "content": {"agent": "hr"}}
        taken = await session.post(id=question["id"], result=answer)
        assert taken.status_code == 202
        await taken.aread()
        outcome = await anext(messages)
        await called.aclose()
    assert "Done." in json.dumps(outcome["result"])
    assert agents_asked(canned) == [IDS["hr"]]


SHOWN_FORMS = [
    ({}, True),
    ({"form": {}}, True),
    ({"form": {}, "url": {}}, True),
    ({"url": {}}, False),
]


@pytest.mark.parametrize(("elicitation", "is_asked"), SHOWN_FORMS)
async def test_a_host_of_the_first_era_is_asked_if_it_shows_forms(
    upstream: Canned, elicitation: dict[str, object], is_asked: bool
) -> None:
    handshake = {**HANDSHAKE, "capabilities": {"elicitation": elicitation}}
    async with upstream(completion("Done.")) as canned, started(**variables(canned)) as program:
        await program.send("initialize", handshake, request_id=0)
        await program.answer_to(0)
        await program.send("notifications/initialized", {})
        await program.send("tools/call", CALL, request_id=1)
        message = await program.receive()
        assert (message.get("method") == "elicitation/create") is is_asked
        assert is_asked or CHOICES in json.dumps(message["result"])
        # The end of stdin ends the program, with the question still open.


async def test_a_host_of_the_second_era_is_asked_if_the_call_says_that_it_shows_forms(
    upstream: Canned,
) -> None:
    async with upstream(completion("Done.")) as canned, started(**variables(canned)) as program:
        for number, (elicitation, is_asked) in enumerate(SHOWN_FORMS):
            capabilities = {"elicitation": elicitation}
            envelope = {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": capabilities}
            await program.send("tools/call", {**CALL, "_meta": envelope}, request_id=number)
            result = (await program.answer_to(number))["result"]
            assert (result["resultType"] == "input_required") is is_asked
            assert is_asked or CHOICES in json.dumps(result)


async def test_what_a_repeated_call_claims_gives_it_no_power(upstream: Canned) -> None:
    capabilities = {"elicitation": {"form": {}}}
    envelope = {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": capabilities}
    accepted = {"action": "accept", "content": {"agent": "hr"}}
    async with upstream(completion("Done.")) as canned:
        async with started(**variables(canned)) as program:
            for request_id, (claimed, outcome) in enumerate(
                (
                    ({"requestState": '{"agent": "payroll"}'}, "invalid_request: "),
                    ({"requestState": f'{{"agent": "{IDS["hr"]}"}}'}, "invalid_request: "),
                    ({"requestState": '{"agent": 5}'}, "input_required"),
                    ({"requestState": '["hr"]'}, "input_required"),
                    ({"requestState": "v1.nothing"}, "input_required"),
                    ({"requestState": '{"agent": "hr"' + " " * 20_000 + "}"}, "input_required"),
                    ({"inputResponses": {"other": accepted}}, "input_required"),
                    ({"inputResponses": {"agent": {"roots": []}}}, "invalid_request: "),
                    ({"requestState": '{"agent": "hr"}'}, "Done."),
                    ({"inputResponses": {"agent": accepted}}, "Done."),
                )
            ):
                given = {**CALL["arguments"], "task": f"Go {request_id}."}
                asked = {**CALL, "arguments": given, "_meta": envelope, **claimed}
                await program.send("tools/call", asked, request_id=request_id)
                answer = await program.answer_to(request_id)
                assert outcome in json.dumps(answer), answer
                assert len(canned.seen) == max(0, request_id - 7)
    assert agents_asked(canned) == [IDS["hr"]] * 2


async def test_a_replica_that_keeps_no_session_does_not_ask(upstream: Canned) -> None:
    user = Asked()
    async with upstream(completion("Done.")) as canned:
        server = build_server(with_agents(canned), local_files=False)
        app = server.streamable_http_app(stateless_http=True)
        with anyio.fail_after(20):
            async with (
                server.session_manager.run(),
                httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http,
                Client(
                    streamable_http_client("http://127.0.0.1:8000/mcp", http_client=http),
                    mode="legacy",
                    elicitation_callback=user,
                ) as client,
            ):
                result = await client.call_tool(CALL["name"], CALL["arguments"])
    assert CHOICES in failure(result, "not_found")
    assert user.questions == []
