"""amber's own API, as seeds 000 and 001 document it: models, completions, file upload.

Where the documents are silent, this is what the sandbox does:

- Fields that are not documented are refused, in bodies and in messages.
- `temperature` is checked and has no effect: quotes do not vary.
- Without `tools`, or with an empty list, nothing is searched, and an agent searches neither.
  With a tool, an agent searches with that one, and in company documents keeps to its folders.
- Files that a question names are read first, whatever its `tools`.
- Streamed answers are OpenAI's chunks, ended by `data: [DONE]`.
- An upload is a form with one field `file`; its answer has the id as `id`. A file without text
  that can be read is refused.
"""

import uuid
from contextlib import closing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, UploadFile
from pydantic import Field
from starlette.responses import Response

from . import formats
from .answers import Source, linked, write
from .completions import OR_STREAM, ChatCompletion, chunks, complete, stream
from .documents import read_document
from .messages import Closed, common, invalid
from .search import SearchIndex
from .state import Sandboxed, State, amber_key

MODELS = {"sandbox-brief": 2, "sandbox/detailed": 5}
"""Each model, and how many passages it quotes."""

router = APIRouter(prefix="/api/beta", tags=["amber"], dependencies=[amber_key])


class Message(Closed):
    """One turn: three roles, and text alone."""

    role: Literal["system", "user", "assistant"]
    content: str


class Search(Closed):
    """The name of a search."""

    name: Literal["amberSearch", "webSearch"]


class Tool(Closed):
    """One search; `type` is what OpenAI's own clients add to it."""

    type: Literal["function"] = "function"
    function: Search


class Metadata(Closed):
    """What amber adds to a completion: an agent, files, the language of the messages."""

    agent_id: str = ""
    files: list[str] = []
    language: str = "de"


class ChatCompletionRequest(Closed):
    """The body of a completion (seed 000)."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: str
    stream: bool = False
    temperature: float = 1
    metadata: Metadata = Metadata()
    tools: Annotated[list[Tool], Field(max_length=1)] = []


@router.get("/amberai/models")
@router.get("/amberai/models/", include_in_schema=False)
def list_models() -> dict[str, Any]:
    return {"object": "list", "data": [show_model(name) for name in MODELS]}


@router.get("/amberai/models/{model:path}")
def show_model(model: str) -> dict[str, Any]:
    """`GET /models/{model}`; an id with a slash may come encoded or plain."""
    if model not in MODELS:
        raise HTTPException(404, "Model not found")
    return {"id": model, "object": "model", "created": 0, "owned_by": "sandbox"}


@router.post("/amberai/chat/completions", response_model=ChatCompletion, responses=OR_STREAM)
def create_chat_completion(
    asked: ChatCompletionRequest, state: Sandboxed
) -> ChatCompletion | Response:
    """`POST /chat/completions`: from what the request's tool finds."""
    show_model(asked.model)
    text = _answer(asked, state)
    message = {"role": "assistant", "content": text}
    body = complete(common(asked.messages), message, model=asked.model, logprobs=None)
    completion = ChatCompletion.model_validate(body)
    if not asked.stream:
        return completion
    return stream(chunks(completion.model_dump(), with_usage=False), state.pace)


@router.post("/files/upload", max_body_size=formats.MOST_BYTES)
def upload(file: UploadFile, state: Sandboxed) -> dict[str, Any]:
    """`POST /files/upload`: what the file says is kept as long as the sandbox runs."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2] or "file"
    content, number = file.file.read(), str(uuid.uuid4())
    try:
        state.uploads[number] = read_document(name, content)
    except formats.UnreadableError as error:
        raise invalid("file", str(error)) from error
    kind = file.content_type or "application/octet-stream"
    return {"id": number, "filename": name, "size": len(content), "content_type": kind}


@router.api_route(
    "/amberai/{rest:path}", methods=["GET", "POST", "DELETE"], include_in_schema=False
)
def not_functional() -> None:
    """The other routes, which seed 001 says exist but return an error."""
    raise HTTPException(501, "This endpoint is not functional.")


def _answer(asked: ChatCompletionRequest, state: State) -> str:
    company, wanted = state.company, asked.metadata
    agent = company.agent(wanted.agent_id) if wanted.agent_id else None
    if wanted.agent_id and agent is None:
        raise HTTPException(404, "Agent not found")
    if any(number not in state.uploads for number in wanted.files):
        raise HTTPException(404, "File not found")
    files = [state.uploads[number] for number in wanted.files]
    with closing(SearchIndex(files, company.synonyms)) as uploaded:
        own = Source("files", uploaded, lambda document: f"**{document.path}**")
        sources = [own] if files else []
        for tool in asked.tools:
            if tool.function.name == "webSearch":
                sources.append(linked("pages", company.web, state.sandbox.web_url))
            else:
                folders = agent.folders if agent else ()
                url = state.sandbox.documents_url
                sources.append(linked("documents", company.documents, url, folders))
        passages = MODELS[asked.model]
        messages = common(asked.messages)
        return write(messages, sources, wanted.language, passages=passages, agent=agent)
