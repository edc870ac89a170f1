"""The Morpheus API Gateway: chat completions as seed 003 documents them, and models.

Where the document is silent, or `amber-api.md` (section 9) shows that the gateway differs, this is
what the sandbox does:

- A key is the sandbox's own, which begins with `sk-`, or a token in the form of a JWT: of that
  only the form is looked at, as there is nobody here who issues any.
- A stream is given where `stream` is true and `Accept` allows `text/event-stream`; otherwise, one
  body. Functions are called in streams alone, as the document says, in OpenAI's form.
- Fields that are not documented are ignored, and so is what is no function in `tools`.
- `session_id` comes back in the body and in every chunk. The sandbox has one session; any other
  was never opened.
- An unknown model is the default one.
- `temperature`, `top_p` and the penalties have no effect. `max_tokens` counts words; one below 0
  is none. `n` is 128 at the most, and below 1 it is 1.
"""

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse, Response

from . import answers, function_calls
from .bodies import Function, FunctionTool, Turn, last_said, usage
from .images import ImageError
from .state import Sandboxed
from .streaming import OR_STREAM, cut, deltas, stream

MODELS = ("sandbox-quote",)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_FILTERS = {"hate": {"filtered": False}, "self_harm": {"filtered": False}}
_header = APIKeyHeader(name="Authorization", scheme_name="morpheus", auto_error=False)

router = APIRouter(prefix="/morpheus/api/v1", tags=["morpheus"])


class ChatRequest(BaseModel):
    """The body of a completion (seed 003)."""

    model: str | None = None
    messages: list[Turn]
    temperature: float | None = None
    top_p: float | None = None
    n: Annotated[int, Field(le=128)] | None = None
    stream: bool | None = None
    stop: str | list[Any] | None = None
    max_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: list[Any] | None = None
    tool_choice: str | dict[str, Any] | None = None
    session_id: str | None = None


def check_key(sandbox: Sandboxed, sent: Annotated[str | None, Depends(_header)]) -> None:
    """Let nobody in without a key or a token, with or without `Bearer` before it."""
    token = re.sub(r"^bearer\b\s*", "", (sent or "").strip(), flags=re.IGNORECASE)
    if _JWT.fullmatch(token) or hmac.compare_digest(token.encode(), sandbox.morpheus_key.encode()):
        return
    problem = "Invalid API key" if token else "API key missing"
    if token and not token.startswith("sk-"):
        problem = "Invalid API key format. Must start with sk-"
    raise HTTPException(401, problem, headers={"WWW-Authenticate": "Bearer"})


@router.get("/models")
def list_models() -> dict[str, Any]:
    """`GET /models`, which asks for no key (section 9)."""
    more = {"created": 0, "tags": [], "modelType": "LLM"}
    numbers = {name: f"0x{hashlib.sha256(name.encode()).hexdigest()}" for name in MODELS}
    listed = [{"id": name, "blockchainID": numbers[name], **more} for name in MODELS]
    return {"object": "list", "data": listed}


@router.post("/chat/completions", dependencies=[Depends(check_key)], responses=OR_STREAM)
def create_chat_completion(asked: ChatRequest, request: Request, sandbox: Sandboxed) -> Response:
    """`POST /chat/completions`."""
    if asked.session_id and asked.session_id.lower() != sandbox.morpheus_session:
        error = {"message": "The session was not found.", "type": "session_not_found"}
        raise HTTPException(400, {"error": {**error, "session_id": asked.session_id}})
    accept = request.headers.get("accept", "*/*")
    streams = bool(asked.stream) and ("text/event-stream" in accept or "*/*" in accept)
    message, finish = _answer(asked, calls_functions=streams)
    count = max(1, asked.n or 1)
    calls = [call["function"]["arguments"] for call in message.get("tool_calls", [])]
    used = {"usage": usage(asked.messages, [message["content"] or "", *calls] * count)}
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": MODELS[0],
        "session_id": sandbox.morpheus_session,
        "system_fingerprint": "",
    }
    headers = {"X-Request-Id": uuid.uuid4().hex}

    def chunks() -> Iterator[dict[str, Any]]:
        begun = {**head, "object": "chat.completion.chunk"}
        for index in range(count):
            for delta, ending in deltas(message, finish):
                said = {"index": index, "delta": delta, "finish_reason": ending}
                yield {**begun, "choices": [{**said, "content_filter_results": _FILTERS}]}
        yield {**begun, "choices": [], **used}

    if streams:
        return stream(chunks(), sandbox.pace, headers)
    said = {"message": message, "finish_reason": finish, "content_filter_results": _FILTERS}
    choices = [{"index": index, **said} for index in range(count)]
    body = {**head, "object": "chat.completion", "choices": choices, **used}
    return JSONResponse(body, headers=headers)


def _answer(asked: ChatRequest, *, calls_functions: bool) -> tuple[dict[str, Any], str]:
    """The message of an answer, and why it ends."""
    try:
        if calls_functions and (calls := _calls(asked)):
            return {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
        text = answers.reply(asked.messages)
    except (function_calls.SchemaError, ImageError) as error:
        place = "messages" if isinstance(error, ImageError) else "tools"
        wrong = {"loc": ("body", place), "msg": f"Invalid: {error}", "type": "value_error"}
        raise RequestValidationError([wrong]) from error
    most = asked.max_tokens if (asked.max_tokens or 0) >= 0 else None
    text, finish = cut(text, asked.stop, most)
    return {"role": "assistant", "content": text}, finish


def _calls(asked: ChatRequest) -> list[dict[str, Any]]:
    functions: list[Function] = []
    for tool in asked.tools or []:
        try:
            functions.append(FunctionTool.model_validate(tool, extra="ignore").function)
        except ValidationError:
            continue
    choice: Any = asked.tool_choice
    if isinstance(choice, dict):
        function = choice.get("function")
        choice = function.get("name") if isinstance(function, dict) else None
    is_answered = bool(asked.messages) and asked.messages[-1].role == "tool"
    question = last_said(asked.messages, "user").text
    return function_calls.calls(functions, choice or "auto", question, is_answered)
