"""Adaptive Engine: chat completions as seed 004 documents them, and feedback on them.

The feedback, the keys, the errors and images are not in the seed: `amber-api.md` (section 10) has
them. Where both are silent, this is what the sandbox does:

- What does not fit is a 400, with places and reasons in one text: a field that is not documented,
  or a value of another type (no text stands for a number). `n` is 128 at the most, 0 is none.
- There is one project, `sandbox`, with the models `quote` and `detailed`, two metrics and one
  tool, which searches the company. Whatever else is named does not exist; but any `user` and
  `ab_campaign` is taken.
- `use_tools` switches the tool on unless `tools` switches it off. Absent, `tools` decides;
  `false` means none.
- `session_id` may be one that the caller made up. `store: false` takes no feedback later.
- `temperature`, `top_p`, `max_ttft_ms`, `tags` and labels have no effect. `max_tokens` counts
  words.
- Streams have chunks with choices alone, usage on the last of them, and end with `[DONE]`.
"""

import string
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from . import answers
from .bodies import Closed, Turn, turns, usage
from .images import ImageError
from .state import Error, Sandboxed, State, bearer
from .streaming import OR_STREAM, cut, pieces, stream

PROJECT, TOOL = "sandbox", "company-search"
QUOTED = {"quote": 2, "detailed": 5}
"""Each model, and how many passages it quotes."""
METRICS = {"helpfulness": "scalar", "resolved": "bool"}
MODELS = tuple(f"{PROJECT}/{model}" for model in QUOTED)
_PROMPT = string.Template("You are the sandbox of $company and answer $user_name in $style.")
_ARGUMENTS = {"company": "the sample company", "user_name": "a visitor", "style": "quotes"}

router = APIRouter(
    prefix="/adaptive/api/v1",
    tags=["adaptive"],
    dependencies=[bearer("adaptive", lambda sandbox: sandbox.adaptive_key)],
    # In place of the 422 that FastAPI would describe.
    responses={"4XX": {"model": Error}},
)

Uuid = Annotated[UUID, Field(strict=False)]
Labels = dict[str, str]


class Strict(Closed, strict=True):
    """An object whose values have the documented types, and are not made to."""


class TextPart(Strict):
    """A part of a message: text."""

    type: Literal["text"]
    text: str


class ImagePart(Strict):
    """A part of a message: an image as a data URI, which one mirror shows in an object."""

    type: Literal["image_url"]
    image_url: str | dict[Literal["url"], str]


class Message(Strict):
    """One turn; roles are free."""

    role: str
    content: str | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]
    name: str | None = None
    completion_id: Uuid | None = None
    metadata: object = None


class ToolSetting(Strict):
    """Whether a tool of the server's own is on."""

    id: str
    enabled: bool


class ChatRequest(Strict):
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
    session_id: Uuid | None = None
    user: Uuid | None = None
    ab_campaign: str | None = None
    n: Annotated[int, Field(ge=0, le=128)] = 1
    labels: Labels = {}
    metadata: Labels = {}
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


class Outcome(Strict):
    """How a session ended, for a metric (section 10)."""

    value: bool | int | float
    project_id: str
    metric: str
    session_id: Uuid
    user_id: Uuid | None = None


class WrittenCompletion(Strict):
    """A completion that was not made here."""

    text: str
    model: str


class Comparison(Strict):
    """Which of two completions is better, for a metric (section 10)."""

    metric: str
    preferred_completion: Uuid | WrittenCompletion
    other_completion: Uuid | WrittenCompletion
    project: str
    tied: Literal["good", "bad"] | None = None
    messages: list[Message] | None = None
    user_id: Uuid | None = None


@router.post("/chat/completions", response_model=ChatResponse, responses=OR_STREAM)
def create_chat_completion(
    asked: ChatRequest, request: Request, sandbox: Sandboxed
) -> ChatResponse | Response:
    """`POST /chat/completions`."""
    if {"labels", "metadata"} <= asked.model_fields_set and asked.labels != asked.metadata:
        raise HTTPException(400, "labels and metadata are the same field, and here they differ")
    model, messages = _find_model(asked.model), turns(asked.messages)
    base = f"{request.base_url}documents" if _searches(asked) else ""
    text = _answer(asked, messages, QUOTED[model], base, sandbox)
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
        usage=usage(messages, [text] * asked.n),
    )
    sandbox.adaptive_sessions.append(answer.session_id)
    if asked.store is not False:
        sandbox.adaptive_completions.extend(UUID(each["completion_id"]) for each in choices)
    if not asked.stream:
        return answer
    return stream(_chunks(answer, asked.stream_options.get("include_usage", False)), sandbox.pace)


@router.post("/outcome", status_code=201)
def add_outcome(given: Outcome, sandbox: Sandboxed) -> dict[str, UUID]:
    """`POST /outcome`."""
    _find("Project", given.project_id, [PROJECT])
    kind = METRICS[_find("Metric", given.metric, METRICS)]
    if given.session_id not in sandbox.adaptive_sessions:
        raise _not_found("Session", given.session_id)
    if isinstance(given.value, bool) != (kind == "bool"):
        raise HTTPException(400, f"value: the metric {given.metric} is of kind {kind}")
    return {"outcome_id": uuid4()}


@router.post("/comparison", status_code=201)
def add_comparison(given: Comparison, sandbox: Sandboxed) -> dict[str, UUID]:
    """`POST /comparison`."""
    _find("Project", given.project, [PROJECT])
    _find("Metric", given.metric, METRICS)
    for completion in (given.preferred_completion, given.other_completion):
        if not isinstance(completion, UUID):
            _find_model(completion.model)
        elif completion not in sandbox.adaptive_completions:
            raise _not_found("Completion", completion)
    return {"comparison_id": uuid4()}


def _find(kind: str, wanted: str, keys: Iterable[str]) -> str:
    """The one that is named."""
    if wanted not in keys:
        raise _not_found(kind, wanted)
    return wanted


def _find_model(wanted: str) -> str:
    """The model of `{project}/{model}`, or the default one of `{project}`."""
    project, slash, model = wanted.partition("/")
    _find("Project", project, [PROJECT])
    return _find("Model", model, QUOTED) if slash else "quote"


def _not_found(kind: str, wanted: object) -> HTTPException:
    return HTTPException(404, f"EntityNotFound: {kind} '{wanted}' does not exist")


def _searches(asked: ChatRequest) -> bool:
    """Whether the one tool is on."""
    settings = {_find("Tool", tool.id, [TOOL]): tool.enabled for tool in asked.tools or []}
    is_off = "use_tools" in asked.model_fields_set and not asked.use_tools
    return not is_off and settings.get(TOOL, asked.use_tools)


def _answer(
    asked: ChatRequest, messages: Sequence[Turn], passages: int, base: str, sandbox: State
) -> str:
    """The text of one choice; the company is searched where `base` is given."""
    said = [message for message in messages if message.role == "user"]
    question, before = [*(each.text for each in reversed(said)), "", ""][:2]
    try:
        text = answers.reply(messages)
        if base and question.strip():
            found = answers.search(sandbox.company.documents, question, before, base)
            text = answers.write(question, [found], "en", passages=passages)
            text = "\n\n".join([text, *answers.pictures(said[-1])])
    except ImageError as error:
        raise HTTPException(400, f"image_url: {error}") from error
    prompt = _PROMPT.safe_substitute({**_ARGUMENTS, **asked.system_prompt_args})
    return text.replace("\n\n", f"\n\nSystem prompt: “{prompt}”\n\n", 1)


def _chunks(answer: ChatResponse, with_usage: bool) -> Iterator[dict[str, Any]]:
    head = answer.model_dump(mode="json", exclude={"choices", "usage"})
    for choice in answer.choices:
        number = {"index": choice["index"], "completion_id": choice["completion_id"]}
        for piece in pieces(choice["message"]["content"]):
            delta = {**choice["message"], "content": piece}
            yield {**head, "choices": [{"delta": delta, **number}]}
        delta = {**choice["message"], "content": ""}
        last = {"choices": [{"delta": delta, **number, "finish_reason": choice["finish_reason"]}]}
        is_last = with_usage and choice is answer.choices[-1]
        yield {**head, **last, **({"usage": answer.usage} if is_last else {})}
