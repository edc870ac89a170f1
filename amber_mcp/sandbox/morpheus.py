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
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse, Response

from .completions import OR_STREAM, chunks, complete, compose, stream
from .messages import Function, FunctionTool, Message
from .state import Sandboxed

MODELS = ("sandbox-quote",)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_FILTERS = {"hate": {"filtered": False}, "self_harm": {"filtered": False}}
_header = APIKeyHeader(name="Authorization", scheme_name="morpheus", auto_error=False)

router = APIRouter(prefix="/morpheus/api/v1", tags=["morpheus"])


class ChatRequest(BaseModel):
    """The body of a completion (seed 003)."""

    model: str | None = None
    messages: list[Message]
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


def check_key(state: Sandboxed, sent: Annotated[str | None, Depends(_header)]) -> None:
    """Let nobody in without a key or a token, with or without `Bearer` before it."""
    token = re.sub(r"^bearer\b\s*", "", (sent or "").strip(), flags=re.IGNORECASE)
    if _JWT.fullmatch(token) or hmac.compare_digest(
        token.encode(), state.sandbox.morpheus_key.encode()
    ):
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
def create_chat_completion(asked: ChatRequest, request: Request, state: Sandboxed) -> Response:
    if asked.session_id and asked.session_id.lower() != state.morpheus_session:
        error = {"message": "The session was not found.", "type": "session_not_found"}
        raise HTTPException(400, {"error": {**error, "session_id": asked.session_id}})
    accept = request.headers.get("accept", "*/*")
    streams = bool(asked.stream) and ("text/event-stream" in accept or "*/*" in accept)
    choice: Any = asked.tool_choice
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        choice = choice["function"].get("name")
    message = compose(asked.messages, _functions(asked) if streams else [], choice)
    body = complete(
        asked.messages,
        message,
        model=MODELS[0],
        count=max(1, asked.n or 1),
        stop=asked.stop,
        most=asked.max_tokens if (asked.max_tokens or 0) >= 0 else None,
        content_filter_results=_FILTERS,
    )
    body |= {"session_id": state.morpheus_session, "system_fingerprint": ""}
    headers = {"X-Request-Id": uuid.uuid4().hex}
    if streams:
        return stream(chunks(body, with_usage=True), state.pace, headers)
    return JSONResponse(body, headers=headers)


def _functions(asked: ChatRequest) -> list[Function]:
    """The functions among `tools`, which may hold anything."""
    functions: list[Function] = []
    for tool in asked.tools or []:
        try:
            functions.append(FunctionTool.model_validate(tool, extra="ignore").function)
        except ValidationError:
            continue
    return functions
