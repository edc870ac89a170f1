"""amber's own API, as seeds 000 and 001 document it: models, completions, file upload.

Where the documents are silent, this is what the sandbox does:

- Fields that are not documented are refused, in bodies and in messages.
- `temperature` is checked and has no effect: quotes do not vary.
- Without `tools`, or with an empty list, nothing is searched, and an agent searches neither.
  With a tool, an agent searches with that one, and in company documents keeps to its folders.
- Files that a question names are read first, whatever its `tools`.
- Streamed answers are OpenAI's chunks, ended by `data: [DONE]`.
- `usage` counts words, as nothing here has tokens.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import answers, sse, tokens
from .agents import Agent
from .answers import Source
from .bodies import parse, read_body
from .chat import ChatRequest, chunk, completion
from .company import Company
from .errors import invalid
from .finding import MOST_HITS, find
from .index import Hit, Index
from .uploads import Upload, Uploads

_BEGINNING = 2


@dataclass(frozen=True, slots=True)
class Model:
    """A way to answer: how many passages it quotes."""

    id: str
    passages: int

    def described(self) -> dict[str, Any]:
        """The model as OpenAI's format describes one."""
        return {"id": self.id, "object": "model", "created": 0, "owned_by": "sandbox"}


MODELS = (Model("sandbox-brief", 2), Model("sandbox/detailed", 5))


class AmberApi:
    """The endpoints of one sandbox. `pace` is the time between two pieces of a stream."""

    def __init__(self, company: Company, uploads: Uploads, pace: float = 0.005) -> None:
        self._company = company
        self._uploads = uploads
        self._pace = pace

    def routes(self) -> list[Route]:
        """The routes, as they stand below `/api/beta`."""
        models, completions = "/amberai/models", "/amberai/chat/completions"
        return [
            Route(models, self.list_models),
            Route(models + "/{model:path}", self.show_model),
            Route(models + "/{model:path}", self.not_functional, methods=["POST", "DELETE"]),
            Route(completions, self.complete, methods=["POST"]),
            Route(completions, self.not_functional),
            Route(
                completions + "/{rest:path}",
                self.not_functional,
                methods=["GET", "POST", "DELETE"],
            ),
            Route("/amberai/completions", self.not_functional, methods=["POST"]),
            Route("/files/upload", self.upload, methods=["POST"]),
        ]

    async def list_models(self, _: Request) -> Response:
        """`GET /models`."""
        return JSONResponse({"object": "list", "data": [model.described() for model in MODELS]})

    async def show_model(self, request: Request) -> Response:
        """`GET /models/{model}`; an id with a slash may come encoded or plain."""
        wanted = request.path_params["model"]
        if not wanted:
            return await self.list_models(request)
        return JSONResponse(_model(wanted).described())

    async def not_functional(self, _: Request) -> Response:
        """The routes that seed 001 says exist but return an error."""
        raise HTTPException(501, "This endpoint is not functional.")

    async def complete(self, request: Request) -> Response:
        """`POST /chat/completions`."""
        asked = parse(await read_body(request), ChatRequest)
        model = _model(asked.model)
        agent = self._agent(asked.metadata.agent_id)
        files = [self._upload(number) for number in asked.metadata.files]
        base = str(request.base_url).rstrip("/")
        answer = await to_thread.run_sync(self._answer, asked, model, agent, files, base)
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model.id,
        }
        if asked.stream:
            return sse.respond(_chunks(head, answer), self._pace)
        return JSONResponse(completion(head, asked, answer))

    async def upload(self, request: Request) -> Response:
        """`POST /files/upload`, a form with one field `file`."""
        async with request.form() as form:
            sent = form.get("file")
            if sent is None:
                raise invalid(["body", "file"], "Field required", "missing")
            if not isinstance(sent, UploadFile):
                raise invalid(["body", "file"], "Expected a file", "value_error")
            name = (sent.filename or "").replace("\\", "/").rpartition("/")[2] or "file"
            kind = sent.content_type or "application/octet-stream"
            kept = await to_thread.run_sync(self._uploads.add, sent.file, name, kind)
        return JSONResponse(
            {
                "id": kept.id,
                "filename": kept.filename,
                "size": kept.size,
                "content_type": kept.content_type,
            }
        )

    def _agent(self, number: str) -> Agent | None:
        agent = self._company.agent(number) if number else None
        if number and agent is None:
            raise HTTPException(404, "Agent not found")
        return agent

    def _upload(self, number: str) -> Upload:
        upload = self._uploads.get(number)
        if upload is None:
            raise HTTPException(404, "File not found")
        return upload

    def _answer(
        self, asked: ChatRequest, model: Model, agent: Agent | None, files: list[Upload], base: str
    ) -> str:
        before, question = ["", "", *asked.questions][-2:]
        sources = [self._in_files(files, question, before)] if files else []
        for tool in asked.tools if question.strip() else []:
            if tool.function.name == "amberSearch":
                folders = agent.folders if agent else ()
                sources.append(
                    find(self._company.documents, "documents", question, before, base, folders)
                )
            else:
                sources.append(find(self._company.web, "pages", question, before, base))
        return answers.write(
            question,
            sources,
            language=asked.metadata.language,
            passages=model.passages,
            agent=agent,
        )

    def _in_files(self, files: list[Upload], question: str, before: str) -> Source:
        """What uploaded files say to a question, or how they begin where no word of it is met."""
        documents = [upload.document for upload in files if upload.document]
        index = Index(documents, self._company.thesaurus)
        try:
            hits = index.search(question, MOST_HITS, before=before)
        finally:
            index.close()
        beginnings = [
            Hit(document, 0.0, 0.0, tuple((1.0, each) for each in document.passages[:_BEGINNING]))
            for document in documents
        ]
        return Source(
            where="files",
            count=len(documents),
            hits=hits or beginnings,
            link=lambda hit: f"**{hit.path}**",
            unreadable=[
                f"{each.filename} ({each.unreadable})" for each in files if each.unreadable
            ],
            is_beginning=not hits,
        )


def _chunks(head: dict[str, Any], answer: str) -> Iterator[dict[str, Any]]:
    yield chunk(head, {"role": "assistant", "content": ""})
    for piece in tokens.pieces(answer):
        yield chunk(head, {"content": piece})
    yield chunk(head, {}, "stop")


def _model(wanted: str) -> Model:
    for model in MODELS:
        if model.id == wanted:
            return model
    raise HTTPException(404, "Model not found")
