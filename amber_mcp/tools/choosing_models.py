"""The model, where the one that was given does not do."""

from dataclasses import replace

import anyio

from amber_mcp.answering import Answer
from amber_mcp.api.completions import CompletionsApi
from amber_mcp.api.types import ChatRequest
from amber_mcp.closeness import closest_first, told
from amber_mcp.errors import AmberError, InvalidRequest, NotFound
from amber_mcp.quoting import quoted
from amber_mcp.routing import SeveralHaveIt, route

from .answered import answer_call
from .choosing import choice
from .elicitation import Question
from .following import AgentRun
from .tool import Call

_LOOKUP_SHARE = 0.2


async def answer_with_a_model(call: Call, request: ChatRequest) -> Answer:
    """Run a `request` that may be made twice; the second time with a model that the user chose.

    Where the user is asked between two calls, the second call is refused again before: nothing
    is kept meanwhile.

    Raises:
        AmberError: as `answer_call` and `model_instead` do.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    try:
        return await answer_call(call, request)
    except (NotFound, InvalidRequest) as refusal:
        model = await model_instead(call, request.model, refusal)
    call.progress.note(f"Asking {model}")
    return await answer_call(call, replace(request, model=model))


async def model_instead(call: Call, model: str, refusal: NotFound | InvalidRequest) -> str:
    """The model that the user chose in place of one that amber refused and does not list.

    amber's list may be incomplete, so it is looked at after a refusal alone.

    Raises:
        AmberError: `refusal`, if amber had begun to answer, lists `model`, or does not list any;
            the same with the models in its advice, if the user cannot be asked.
        InvalidRequest: if the user chose none.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    if refusal.partial:
        raise refusal
    models = await _listed_by_amber(call)
    if not models or model in models:
        raise refusal
    models = closest_first(model, models)
    unlisted = f"does not list the model {quoted(model)}"
    refusal.next_step += f" amber {unlisted}; it lists {told(models)}."
    text = f"amber refused the question, and {unlisted}. Which model is to answer?"
    return await choice(call, Question("model", text, models), refusal)


async def model_instead_of_the_refused(call: Call, model: str, run: AgentRun) -> str | None:
    """The model that the user chose in place of one that amber refused for a run; else none.

    Where the user cannot be asked, the run's error lists the models.

    Raises:
        InvalidRequest: if the user chose none.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    if run.failure not in (NotFound.kind, InvalidRequest.kind) or run.answer:
        return None
    refusal = InvalidRequest(run.error)
    before = refusal.next_step
    try:
        return await model_instead(call, model, refusal)
    except InvalidRequest as error:
        if error is not refusal:
            raise
    run.error += refusal.next_step.removeprefix(before)
    return None


async def _listed_by_amber(call: Call) -> tuple[str, ...]:
    """The models, or none where the list cannot be had in time."""
    app = call.app
    with anyio.move_on_after(call.seconds_left * _LOOKUP_SHARE):
        try:
            return tuple(model.id for model in await app.models_of(app.amber))
        except AmberError:
            return ()
    return ()


async def routed(call: Call, model: str) -> tuple[CompletionsApi, str]:
    """The API that `model` names or belongs to, and the model's id there.

    Raises:
        AmberError: as `route` does; where several APIs have the model, if the user cannot be asked.
        InvalidRequest: if the user chose none.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    within = call.seconds_left * _LOOKUP_SHARE
    try:
        return await route(call.app, model, within=within)
    except SeveralHaveIt as several:
        if len(several.apis) == 1:
            raise
        text = f"Several APIs have the model {quoted(model.strip())}. Which one is to answer?"
        api = await choice(call, Question("api", text, several.apis), several)
    return await route(call.app, f"{api}:{model}", within=within)
