"""Adaptive Engine: chat completions as seed 004 documents them, and feedback as section 10 does.

Where the documents are silent, this is what the sandbox does:

- What does not fit the documents is a 400, with the places and reasons in one text: a field that
  they do not name, or a value of another type (no text stands for a number). `n` is 128 at the
  most, and 0 is none.
- `use_tools` switches the tools on that are not switched off in `tools`. Absent, those are on
  that `tools` switches on; `false` means none.
- `session_id` may be one that the caller made up: sessions are known from their first use.
- A campaign gives the choices to its models by turns, whatever the model of the request.
- `user` and `user_id` must be known, as section 10 says for users.
- `temperature`, `top_p` and `max_ttft_ms` have no effect. `max_tokens` counts words.
- Streams begin with `TTFT` and end with a chunk without choices, `TotalRequestDuration` and
  `[DONE]`; times are milliseconds.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import adaptive_catalog as catalog
from . import adaptive_prompt, answers, images, reply, sse, tokens
from .adaptive_bodies import ChatRequest, Comparison, Outcome
from .adaptive_records import Records
from .bodies import parse, read_body
from .company import Company
from .errors import ApiError, InvalidRequestError
from .finding import find

MODELS = tuple(f"{catalog.PROJECT.key}/{model.key}" for model in catalog.MODELS)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers to a request."""

    completion: UUID
    message: UUID
    model: str
    text: str
    finish: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All answers to a request, in one session."""

    session: UUID
    choices: tuple[Choice, ...]
    usage: dict[str, int]


class AdaptiveApi:
    """The endpoints. `pace` is the time between two pieces of a stream."""

    def __init__(self, company: Company, pace: float = 0.005) -> None:
        self._company = company
        self._pace = pace
        self._records = Records()

    def routes(self) -> list[Route]:
        """The routes, as they stand below `/adaptive/api/v1`."""
        return [
            Route("/chat/completions", self.complete, methods=["POST"]),
            Route("/outcome", self.take_outcome, methods=["POST"]),
            Route("/comparison", self.take_comparison, methods=["POST"]),
        ]

    async def complete(self, request: Request) -> Response:
        """`POST /chat/completions`."""
        begun = time.monotonic()
        asked = parse(await read_body(request), ChatRequest, strict=True)
        models = _models(asked)
        searches = _searches(asked)
        base = str(request.base_url).rstrip("/")
        texts = {
            model.key: await to_thread.run_sync(self._text, asked, model, searches, base)
            for model in dict.fromkeys(models)
        }
        session = asked.session_id or uuid4()
        self._records.add_session(session)
        choices = []
        for model in models:
            text, finish = tokens.cut(texts[model.key], asked.stop or (), asked.max_tokens)
            number = self._records.add_completion(asked, session, model.key, text)
            choices.append(Choice(number, uuid4(), model.key, text, finish))
        answer = Answer(session, tuple(choices), _usage(asked, choices))
        head = {"id": str(uuid4()), "created": int(time.time()), "session_id": str(session)}
        if asked.stream:
            with_usage = asked.stream_options.include_usage
            return sse.respond(_chunks(head, answer, begun, with_usage), self._pace)
        return JSONResponse(_completion(head, answer))

    async def take_outcome(self, request: Request) -> Response:
        """`POST /outcome`."""
        given = parse(await read_body(request), Outcome, strict=True)
        catalog.find((catalog.PROJECT,), given.project_id)
        metric = catalog.find(catalog.METRICS, given.metric)
        _check_user(given.user_id)
        if given.session_id not in self._records.sessions:
            raise catalog.not_found("Session", str(given.session_id))
        if isinstance(given.value, bool) != (metric.kind == "bool"):
            raise _refused(f"value: the metric {metric.key} is of kind {metric.kind}")
        number = self._records.add_feedback(given)
        return JSONResponse({"outcome_id": str(number)}, 201)

    async def take_comparison(self, request: Request) -> Response:
        """`POST /comparison`."""
        given = parse(await read_body(request), Comparison, strict=True)
        catalog.find((catalog.PROJECT,), given.project)
        catalog.find(catalog.METRICS, given.metric)
        _check_user(given.user_id)
        for completion in (given.preferred_completion, given.other_completion):
            if not isinstance(completion, UUID):
                catalog.find_model(completion.model)
            elif completion not in self._records.completions:
                raise catalog.not_found("Completion", str(completion))
        number = self._records.add_feedback(given)
        return JSONResponse({"comparison_id": str(number)}, 201)

    def _text(self, asked: ChatRequest, model: catalog.Model, searches: bool, base: str) -> str:
        said = [message for message in asked.messages if message.role == "user"]
        question = said[-1].text if said else ""
        system = [message.text for message in asked.messages if message.role == "system"]
        parts = [
            reply.opening(),
            f"System prompt: “{adaptive_prompt.rendered(asked.system_prompt_args)}”",
            *reply.instruction("".join(system[-1:])),
        ]
        if searches and question.strip():
            before = said[-2].text if len(said) > 1 else ""
            source = find(self._company.documents, "documents", question, before, base)
            found = answers.write(question, [source], language="en", passages=model.passages)
            parts.append(found.removeprefix(reply.opening()).strip())
        else:
            parts.append(reply.request(question))
        pictures = said[-1].images if said else []
        return "\n\n".join([*parts, *(_picture(at, url) for at, url in enumerate(pictures, 1))])


async def answer_http_error(_: Request, error: Exception) -> Response:
    """`{"error": "..."}`, as for all of Adaptive's errors."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def answer_invalid(_: Request, error: Exception) -> Response:
    """`{"error": "..."}` with status 400: each place, and what is wrong there."""
    assert isinstance(error, InvalidRequestError)  # noqa: S101 - registered for this class alone
    wrong = (
        f"{'.'.join(str(step) for step in each['loc'][1:]) or 'body'}: {each['msg']}"
        for each in error.details
    )
    return JSONResponse({"error": "; ".join(wrong)}, 400)


def _refused(message: str) -> ApiError:
    return ApiError(400, {"error": message})


def _check_user(user: UUID | None) -> None:
    if user is not None:
        catalog.find((catalog.USER,), str(user))


def _models(asked: ChatRequest) -> list[catalog.Model]:
    """The model of each choice.

    Raises:
        ApiError: something that the request names does not exist, or its labels differ.
    """
    if {"labels", "metadata"} <= asked.model_fields_set and asked.labels != asked.metadata:
        raise _refused("labels and metadata are the same field, and here they differ")
    model = catalog.find_model(asked.model)
    _check_user(asked.user)
    if asked.ab_campaign is None:
        return [model] * asked.n
    turns = catalog.find((catalog.CAMPAIGN,), asked.ab_campaign).models
    return [turns[at % len(turns)] for at in range(asked.n)]


def _searches(asked: ChatRequest) -> bool:
    """Whether the one tool is on."""
    settings = {
        catalog.find((catalog.COMPANY_SEARCH,), tool.id).key: tool.enabled
        for tool in asked.tools or []
    }
    if "use_tools" in asked.model_fields_set and not asked.use_tools:
        return False
    return settings.get(catalog.COMPANY_SEARCH.key, asked.use_tools)


def _picture(at: int, url: str) -> str:
    try:
        return f"Image {at}: {images.from_data_uri(url)}."
    except images.ImageError as error:
        raise _refused(f"image_url: {error}") from error


def _usage(asked: ChatRequest, choices: list[Choice]) -> dict[str, int]:
    prompt = sum(tokens.count(message.text) for message in asked.messages)
    written = sum(tokens.count(choice.text) for choice in choices)
    return {
        "completion_tokens": written,
        "prompt_tokens": prompt,
        "total_tokens": prompt + written,
    }


def _completion(head: dict[str, Any], answer: Answer) -> dict[str, Any]:
    choices = [
        {
            "index": at,
            "message": {"id": str(each.message), "role": "assistant", "content": each.text},
            "completion_id": str(each.completion),
            "model": each.model,
            "finish_reason": each.finish,
        }
        for at, each in enumerate(answer.choices)
    ]
    return {**head, "choices": choices, "usage": answer.usage}


def _chunks(
    head: dict[str, Any], answer: Answer, begun: float, with_usage: bool
) -> Iterator[dict[str, Any]]:
    def chunk(at: int, choice: Choice, text: str, **ending: str) -> dict[str, Any]:
        delta = {"id": str(choice.message), "role": "assistant", "content": text}
        number = str(choice.completion)
        said = {"delta": delta, "index": at, "completion_id": number, **ending}
        return {**head, "choices": [said]}

    def passed() -> int:
        return round((time.monotonic() - begun) * 1000)

    yield {"TTFT": passed()}
    for at, choice in enumerate(answer.choices):
        for piece in tokens.pieces(choice.text):
            yield chunk(at, choice, piece)
        yield chunk(at, choice, "", finish_reason=choice.finish)
    yield {**head, "choices": [], **({"usage": answer.usage} if with_usage else {})}
    yield {"TotalRequestDuration": passed()}
