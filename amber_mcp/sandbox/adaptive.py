"""Adaptive Engine: chat completions as seed 004 documents them, and feedback on them.

The feedback, the keys, the errors and images are not in the seed: `amber-api.md` (section 10) has
them. Where both are silent, this is what the sandbox does:

- There is one project, `sandbox`, with the models `quote` and `detailed`, two metrics and one
  tool, which searches the company. `use_tools` switches it on, unless `tools` says otherwise.
- `session_id` may be one that the caller made up. `store: false` takes no feedback later.
- `stop`, `max_tokens` (words) and `n` (128 at the most) have their effect, the rest has none.
- Streams have chunks with choices alone, usage on the last of them, and end with `[DONE]`.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.responses import Response

from . import answers
from .completions import OR_STREAM, cut, deltas, stream, usage
from .messages import Closed, ImageUrl, TextPart, common
from .state import Error, Sandboxed, State, bearer

PROJECT, TOOL = "sandbox", "company-search"
QUOTED = {"quote": 2, "detailed": 5}
"""Each model, and how many passages it quotes."""
METRICS = {"helpfulness": "scalar", "resolved": "bool"}
MODELS = tuple(f"{PROJECT}/{model}" for model in QUOTED)

router = APIRouter(
    prefix="/adaptive/api/v1",
    tags=["adaptive"],
    dependencies=[bearer("adaptive", lambda state: state.sandbox.adaptive_key)],
    # In place of the 422 that FastAPI would describe.
    responses={"4XX": {"model": Error}},
)


class ImagePart(Closed):
    """A part of a message: an image as a data URI, which one mirror shows in an object."""

    type: Literal["image_url"]
    image_url: str | ImageUrl


class Message(Closed):
    """One turn; roles are free."""

    role: str
    content: str | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]
    name: str | None = None
    completion_id: UUID | None = None
    metadata: object = None


class ToolSetting(Closed):
    """Whether a tool of the server's own is on."""

    id: str
    enabled: bool


class ChatRequest(Closed):
    """The body of a completion: the fields of seed 004, `null` only where it says so."""

    messages: list[Message]
    model: str
    stop: list[str] | None = None
    max_tokens: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_ttft_ms: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    stream: bool = False
    stream_options: dict[Literal["include_usage"], bool] = {}
    session_id: UUID | None = None
    user: UUID | None = None
    ab_campaign: str | None = None
    n: Annotated[int, Field(ge=0, le=128)] = 1
    labels: dict[str, str] = {}
    metadata: dict[str, str] = {}
    system_prompt_args: dict[str, object] = {}
    tags: list[str] | None = None
    use_tools: bool = False
    tools: list[ToolSetting] | None = None
    store: bool | None = None


class ChatResponse(BaseModel):
    """The answer (seed 004); feedback speaks of the `completion_id` of a choice."""

    id: str
    created: int
    choices: list[dict[str, Any]]
    session_id: UUID
    usage: dict[str, int]


class Outcome(Closed):
    """How a session ended, for a metric (section 10)."""

    value: bool | int | float
    project_id: str
    metric: str
    session_id: UUID
    user_id: UUID | None = None


class WrittenCompletion(Closed):
    """A completion that was not made here."""

    text: str
    model: str


class Comparison(Closed):
    """Which of two completions is better, for a metric (section 10)."""

    metric: str
    preferred_completion: UUID | WrittenCompletion
    other_completion: UUID | WrittenCompletion
    project: str
    tied: Literal["good", "bad"] | None = None
    messages: list[Message] | None = None
    user_id: UUID | None = None


@router.post("/chat/completions", response_model=ChatResponse, responses=OR_STREAM)
def create_chat_completion(asked: ChatRequest, state: Sandboxed) -> ChatResponse | Response:
    model = _find_model(asked.model)
    text = _answer(asked, QUOTED[model], state)
    text, finish = cut(text, asked.stop, asked.max_tokens)
    choices: list[dict[str, Any]] = [
        {
            "index": index,
            "message": {"id": str(uuid4()), "role": "assistant", "content": text},
            "completion_id": str(uuid4()),
            "model": model,
            "finish_reason": finish,
        }
        for index in range(asked.n)
    ]
    answer = ChatResponse(
        id=str(uuid4()),
        created=int(time.time()),
        choices=choices,
        session_id=asked.session_id or uuid4(),
        usage=usage(common(asked.messages), choices),
    )
    state.adaptive_sessions.append(answer.session_id)
    if asked.store is not False:
        state.adaptive_completions.extend(UUID(each["completion_id"]) for each in choices)
    if not asked.stream:
        return answer
    return stream(_chunks(answer, asked.stream_options.get("include_usage", False)), state.pace)


@router.post("/outcome", status_code=201)
def add_outcome(given: Outcome, state: Sandboxed) -> dict[str, UUID]:
    _find("Project", given.project_id, [PROJECT])
    kind = METRICS[_find("Metric", given.metric, METRICS)]
    _find("Session", given.session_id, state.adaptive_sessions)
    if isinstance(given.value, bool) != (kind == "bool"):
        raise HTTPException(400, f"value: the metric {given.metric} is of kind {kind}")
    return {"outcome_id": uuid4()}


@router.post("/comparison", status_code=201)
def add_comparison(given: Comparison, state: Sandboxed) -> dict[str, UUID]:
    _find("Project", given.project, [PROJECT])
    _find("Metric", given.metric, METRICS)
    for completion in (given.preferred_completion, given.other_completion):
        if isinstance(completion, UUID):
            _find("Completion", completion, state.adaptive_completions)
        else:
            _find_model(completion.model)
    return {"comparison_id": uuid4()}


def _find(kind: str, wanted: str | UUID, known: Iterable[str | UUID]) -> str:
    """The one that is named."""
    if wanted not in known:
        raise HTTPException(404, f"EntityNotFound: {kind} '{wanted}' does not exist")
    return str(wanted)


def _find_model(wanted: str) -> str:
    """The model of `{project}/{model}`, or the default one of `{project}`."""
    project, slash, model = wanted.partition("/")
    _find("Project", project, [PROJECT])
    return _find("Model", model, QUOTED) if slash else "quote"


def _answer(asked: ChatRequest, passages: int, state: State) -> str:
    """The text of one choice; the company is searched if the tool is on."""
    messages = common(asked.messages)
    settings = {_find("Tool", tool.id, [TOOL]): tool.enabled for tool in asked.tools or []}
    if not settings.get(TOOL, asked.use_tools):
        return answers.reply(messages)
    source = answers.linked("documents", state.company.documents, state.sandbox.documents_url)
    return answers.write(messages, [source], "en", passages=passages)


def _chunks(answer: ChatResponse, with_usage: bool) -> Iterator[dict[str, Any]]:
    head = answer.model_dump(mode="json", exclude={"choices", "usage"})
    for choice in answer.choices:
        for delta, finish in deltas(choice):
            said: dict[str, Any] = {"delta": {**choice["message"], "content": "", **delta}}
            said |= {name: choice[name] for name in ("index", "completion_id")}
            said |= {"finish_reason": finish} if finish else {}
            is_last = with_usage and finish and choice is answer.choices[-1]
            yield {**head, "choices": [said], **({"usage": answer.usage} if is_last else {})}
