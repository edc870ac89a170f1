"""The model, where the one that was given does not do."""

from dataclasses import replace

from amber_mcp.answering import Answer
from amber_mcp.api.completions import CompletionsApi
from amber_mcp.api.model_cache import list_models
from amber_mcp.api.types import ChatRequest
from amber_mcp.errors import AmberError, InvalidRequest, NotFound
from amber_mcp.model_routing import AmbiguousModel, route_model
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.elicitation import Question
from amber_mcp.runs.run import Run
from amber_mcp.text.sanitise import in_quotes, quoted, truncate
from amber_mcp.text.suggestions import list_names, rank_by_similarity

from .answer_result import answer_call
from .choice import ask_for_choice
from .parameters import require_no_secret
from .run_result import RunResult

_LOOKUP_SHARE = 0.2


async def answer_with_model_choice(call: Call, request: ChatRequest) -> Answer:
    """Run a `request`; once more with a model that the user chose, where amber refuses it.

    Raises:
        AmberError: as `answer_call` and `choose_other_model` do.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    chosen = await model_chosen_earlier(call, request.model)
    try:
        return await answer_call(call, replace(request, model=chosen or request.model))
    except (NotFound, InvalidRequest) as refusal:
        if chosen:
            raise
        model = await choose_other_model(call, request.model, refusal)
    call.progress.note(f"Asking {model}")
    return await answer_call(call, replace(request, model=model))


async def model_chosen_earlier(call: Call, model: str) -> str:
    """The model that the user chose in place of `model` before this call was repeated, or none.

    Raises:
        InvalidRequest: if the user chose none.
    """
    if not call.user.has_answered("model"):
        return ""
    models = await _listed_by_amber(call)
    if not models or model in models:
        return ""
    unlisted = InvalidRequest(f"amber does not list the model {quoted(model)}")
    return await ask_for_choice(call, _question(call, model, models, ""), unlisted)


async def choose_other_model(call: Call, model: str, refusal: NotFound | InvalidRequest) -> str:
    """The model that the user chose in place of one that amber refused and does not list.

    amber's list may be incomplete, so it is looked at after a refusal alone: an HTTP status in
    place of an answer, after which nothing was done.

    Raises:
        AmberError: `refusal`, if it is none, or amber lists `model`, or does not list any; the
            same with the models in its advice, if the user cannot be asked.
        InvalidRequest: if the user chose none.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    if refusal.status is None or refusal.partial:
        raise refusal
    models = await _listed_by_amber(call)
    if not models or model in models:
        raise refusal
    question = _question(call, model, models, refusal.upstream)
    refusal.next_step += (
        f" amber does not list the model {_named(call, model)}; "
        f"it lists {list_names(question.choices)}."
    )
    return await ask_for_choice(call, question, refusal)


async def choose_model_after_refusal(call: Call, model: str, run: Run, result: RunResult) -> str:
    """The same for a run that amber may have refused, of which `result` tells; or none.

    Where the user cannot be asked, `result` lists the models.

    Raises:
        InvalidRequest: if the user chose none.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    words = run.result.get("refusal")
    if not isinstance(words, str) or result.failure not in (NotFound.kind, InvalidRequest.kind):
        return ""
    refusal = InvalidRequest(result.error, status=400, upstream=words, partial=run.text)
    before = refusal.next_step
    try:
        return await choose_other_model(call, model, refusal)
    except InvalidRequest as error:
        if error is not refusal:
            raise
    result.error += refusal.next_step.removeprefix(before)
    return ""


def _question(call: Call, model: str, models: tuple[str, ...], words: str) -> Question:
    said = f" It said: {in_quotes(truncate(words))}." if words else ""
    text = (
        f"amber refused the question, and does not list the model {_named(call, model)}.{said} "
        "Which model is to answer?"
    )
    return Question("model", text, rank_by_similarity(model, models))


def _named(call: Call, model: str) -> str:
    is_configured = model == call.app.settings.model
    return quoted(model) + (" (AMBER_MODEL)" if is_configured else "")


async def _listed_by_amber(call: Call) -> tuple[str, ...]:
    """The models, or none where the list cannot be had in time."""
    try:
        within = call.seconds_left * _LOOKUP_SHARE
        return tuple(model.id for model in await list_models(call.app.amber, within=within))
    except AmberError:
        return ()


async def route_or_ask(call: Call, model: str) -> tuple[CompletionsApi, str]:
    """The API that `model` names or belongs to, and the model's id there.

    Raises:
        AmberError: as `route_model` does; where several APIs have the model, if the user cannot
            be asked.
        InvalidRequest: if the user chose none.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    require_no_secret("model", model, call.app.settings)
    within = call.seconds_left * _LOOKUP_SHARE
    try:
        return await route_model(call.app, model, within=within)
    except AmbiguousModel as several:
        if len(several.apis) == 1:
            raise
        text = f"{several.message[:1].upper()}{several.message[1:]}. Which one is to answer?"
        api = await ask_for_choice(call, Question("api", text, several.apis), several)
    return await route_model(call.app, f"{api}:{model}", within=within)
