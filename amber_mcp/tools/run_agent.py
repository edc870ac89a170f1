"""`run_agent`: a task for one of the company's agents, which goes on whoever waits for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from amber_mcp.answering import answer
from amber_mcp.api.amber import search_parameters
from amber_mcp.api.types import ChatRequest
from amber_mcp.app import App
from amber_mcp.config.agents import resolve_agent
from amber_mcp.conversations.records import Turn
from amber_mcp.errors import InvalidRequest
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import tool
from amber_mcp.runs.run import Run, RunSpec
from amber_mcp.runs.task import Work
from amber_mcp.text.json_values import well_formed
from amber_mcp.text.redaction import distinct_secrets, remove_secrets

from .answer_result import AnswerResult, answer_fields
from .choice import choose_agent
from .conversation import (
    ConversationContext,
    ConversationId,
    open_conversation,
    save_turn,
)
from .file_ids import resolve_file_ids
from .model_choice import choose_model_after_refusal, model_chosen_earlier
from .parameters import Language, ModelId, language_of, model_of, required_text
from .run_result import RunResult, wait_for_run

_SAVING_SECONDS = 30.0


@tool(title="Run an amber agent", read_only=False, idempotent=False, destructive=True)
async def run_agent(
    call: Call,
    task: Annotated[
        str, Field(description="The task in full sentences, with all that the agent has to know.")
    ] = "",
    agent: Annotated[
        str,
        Field(description="Its name or its id. Empty: the conversation's."),
    ] = "",
    search: Annotated[
        Literal["company", "web", "none"],
        Field(description="What the agent may search besides its own knowledge."),
    ] = "company",
    conversation_id: ConversationId = "",
    file_ids: Annotated[list[str], Field(description="Uploads to work on, by id or name.")] = [],  # noqa: B006  # never changed: pydantic copies it
    model: ModelId = "",
    language: Language = "",
    run_id: Annotated[
        str, Field(description="Goes on waiting for a run. Alone, or with `stop`.")
    ] = "",
    stop: Annotated[bool, Field(description="Ends the run.")] = False,
) -> RunResult:
    """Give a task to one of the company's amber agents, with its own instructions and knowledge.

    Use it when the user names an agent, or when a task belongs to one. For a plain question
    ask_amber is faster. An agent may act on the company's systems as it was set up to do. A long
    run returns `status: running` with a `run_id`: call again with that alone to wait on.
    Example: {"agent": "hr", "task": "Summarise the rules for parental leave for a new parent."}
    """
    app = call.app
    if run_id.strip():
        others = (task, agent, conversation_id, model, language)
        if any(map(str.strip, others)) or file_ids or search != "company":
            raise InvalidRequest(
                "`run_id` waits for a run that is under way, and takes no new task",
                advice="Pass `run_id` alone, with `stop` to end the run; or `agent` and `task` "
                "without `run_id` for a new one.",
            )
        return await _go_on(call, run_id.strip(), stop=stop)
    if stop:
        raise InvalidRequest("`stop` says nothing without `run_id`", advice="Name the run to end.")
    task = required_text("task", task)
    context = await open_conversation(call, conversation_id)
    before = context.before
    app.require("AMBER")
    asked_model = await model_of(app, model)
    files = await resolve_file_ids(call, file_ids)
    answered_in = language_of(app, language.strip() or context.language)
    # The user is asked last, for what nothing else is in the way of.
    amber_agent = await choose_agent(call, agent.strip() or before.agent)
    turn = Turn(
        question=task,
        answer="",
        origin="company",
        language=language.strip(),
        agent=resolve_agent(amber_agent, app.settings.agents),
        file_ids=tuple(files),
    )
    request = ChatRequest(
        messages=context.messages(task, before.instructions),
        model=await model_chosen_earlier(call, asked_model) or asked_model,
        parameters=search_parameters(
            search, language=answered_in, agent_id=turn.agent, file_ids=context.files(files)
        ),
    )
    spec = RunSpec(
        agent=well_formed(amber_agent),
        task=well_formed(remove_secrets(task, *distinct_secrets(app.settings.keys))),
        fingerprint=_fingerprint(
            [conversation_id.strip(), task, turn.agent, search, asked_model, answered_in],
            files,
        ),
        started=0.0,  # The manager sets it.
        conversation_id=conversation_id.strip(),
    )
    run, result = await _start(call, spec, request, context, turn)
    if request.model != asked_model:
        return result
    chosen = await choose_model_after_refusal(call, asked_model, run, result)
    if not chosen:
        return result
    _, result = await _start(call, spec, replace(request, model=chosen), context, turn)
    return result


async def _start(
    call: Call, spec: RunSpec, request: ChatRequest, context: ConversationContext, turn: Turn
) -> tuple[Run, RunResult]:
    runs, run = await call.app.start_run(spec, _work(call.app, request, context, turn))
    is_repeated = run.status == "completed"
    result = await wait_for_run(call, runs, run)
    result.repeated = is_repeated
    return run, result


async def _go_on(call: Call, run_id: str, *, stop: bool) -> RunResult:
    runs, run = await call.app.find_run(run_id)
    if stop and not run.has_ended:
        await call.app.run_manager.stop(runs, run_id)
    return await wait_for_run(call, runs, run)


def _work(app: App, request: ChatRequest, context: ConversationContext, turn: Turn) -> Work:
    """What the run does. It holds nothing of the call, which may have ended long before."""
    amber, settings = app.amber, app.settings

    async def work(on_text: Callable[[str], None]) -> Mapping[str, JsonValue]:
        answered = await answer(
            amber,
            request,
            on_text=on_text,
            max_chars=settings.max_answer_chars,
            secrets=distinct_secrets(settings.keys),
        )
        finished = turn.model_copy(update={"answer": answered.text})
        saved = await save_turn(app, context, finished, within=_SAVING_SECONDS)
        result = AnswerResult.model_validate({**answer_fields(settings, answered), **saved})
        return result.model_dump(mode="json", exclude_none=True)

    return work


def _fingerprint(asked: list[str], file_ids: list[str]) -> str:
    """The same for the same task alone, whatever was said in the conversation meanwhile."""
    asked_with = json.dumps([asked, sorted(set(file_ids))])
    return blake2b(asked_with.encode(), digest_size=18).hexdigest()
