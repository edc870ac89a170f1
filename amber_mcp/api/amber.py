"""amber's own API, `/api/beta/amberai` (seeds 000 and 001): completions, models and files."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import IO
from urllib.parse import quote

from amber_mcp.errors import InvalidRequest, UpstreamError

from .failures import words_of
from .http import HttpClient, read_json
from .stream import delta_of, read_stream
from .types import ChatDelta, ChatRequest, Model, Search, UploadedFile

NAME = "amber"
OFFERS = ("company search", "web search", "agents", "files", "language")

_COMPLETIONS = "/api/beta/amberai/chat/completions"
_MODELS = "/api/beta/amberai/models"
_UPLOAD = "/api/beta/files/upload"
_SEARCH_TOOLS: Mapping[Search, str] = {"company": "amberSearch", "web": "webSearch"}


class AmberApi:
    """The amber API of one tenant. `stream=False` asks for the one body that seed 000 documents."""

    def __init__(self, http: HttpClient, *, stream: bool, upload_field: str) -> None:
        self._http = http
        self._stream = stream
        self._upload_field = upload_field

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The answer, piece by piece; a single piece if it is not streamed."""
        accept = "text/event-stream" if self._stream else "application/json"
        body = completion_body(request, stream=self._stream)
        async with self._http.post(_COMPLETIONS, body, accept=accept) as response:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                async for delta in read_stream(response):
                    yield delta
                return
            answer = await read_json(response)
            if not isinstance(answer, dict) or not answer.get("choices", answer.get("error")):
                raise UpstreamError(
                    "amber's answer holds no choices", upstream=words_of(str(answer).encode())
                )
            yield delta_of(answer, response)

    async def models(self) -> tuple[Model, ...]:
        """The tenant's models, in the order in which amber lists them."""
        body = await self._http.get(_MODELS)
        match body:
            case {"data": [*entries]} | {"models": [*entries]} | [*entries]:
                return tuple(model for entry in entries for model in _model(entry))
        raise UpstreamError(
            "amber's list of models cannot be read", upstream=words_of(str(body).encode())
        )

    async def model(self, model_id: str) -> Model:
        """One model. An id may hold a slash, which is sent percent-encoded.

        Raises:
            NotFound: if the tenant has no such model.
        """
        body = await self._http.get(f"{_MODELS}/{quote(model_id, safe='')}")
        for model in _model(body):
            return model
        raise UpstreamError(
            f"amber's description of the model {model_id!r} cannot be read",
            upstream=words_of(str(body).encode()),
        )

    async def upload(self, file: IO[bytes], *, filename: str, media_type: str) -> UploadedFile:
        """Send a file, and return the id that later questions can name.

        The form field and the answer are undocumented (amber-api.md section 4): the field can be
        configured, and the id is looked for wherever such APIs put it.

        Raises:
            InvalidRequest: if the file changes meanwhile.
            UpstreamError: if amber took the file and no id is found in what it answered.
        """
        counted = _Counted(file)
        body = await self._http.upload(
            _UPLOAD,
            field=self._upload_field,
            filename=filename,
            media_type=media_type,
            file=counted,  # type: ignore[arg-type]  # as much of a file as a form needs
        )
        for file_id in _file_ids(body):
            return UploadedFile(
                file_id, filename, media_type, counted.size, counted.digest.hexdigest()
            )
        raise UpstreamError(
            "amber took the file, and its answer holds no id that is understood",
            upstream=words_of(str(body).encode()),
            advice="Report this answer's form, so that it can be read.",
        )


def completion_body(request: ChatRequest, *, stream: bool) -> dict[str, object]:
    """The body of `POST /chat/completions`, with the documented parameters alone (seed 001).

    `tools` is always sent, since its absence means different things in different versions of the
    documentation, and so is `metadata.language`, whose default is German.
    """
    metadata: dict[str, object] = {"language": request.language}
    if request.agent_id:
        metadata["agent_id"] = request.agent_id
    if request.file_ids:
        metadata["files"] = list(request.file_ids)
    body: dict[str, object] = {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "stream": stream,
        "tools": [{"function": {"name": _SEARCH_TOOLS[request.search]}}]
        if request.search in _SEARCH_TOOLS
        else [],
        "metadata": metadata,
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    return body


def _model(entry: object) -> Iterator[Model]:
    match entry:
        case str() if entry:
            yield Model(entry, NAME, offers=OFFERS)
        case {"id": str() as model_id, **rest} if model_id:
            owner = rest.get("owned_by")
            yield Model(model_id, NAME, owner if isinstance(owner, str) else "", OFFERS)


def _file_ids(body: object) -> Iterator[str]:
    match body:
        case str() if body.strip():
            yield body.strip()
        case list():
            for entry in body:
                yield from _file_ids(entry)
        case dict():
            for key in ("id", "file_id", "fileId"):
                if isinstance(body.get(key), str | int) and body[key]:
                    yield str(body[key])
            for key in ("files", "file", "data"):
                if isinstance(body.get(key), list | dict):
                    yield from _file_ids(body[key])


class _Counted:
    """A file that is sized and hashed as it is read.

    A form announces its length before it is sent, so the file must not change until it is read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._expected = file.seek(0, os.SEEK_END)
        file.seek(0)
        self.size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.size += len(chunk)
        self.digest.update(chunk)
        if self.size > self._expected or (not chunk and self.size < self._expected):
            raise InvalidRequest(
                "the file changed while it was being sent",
                advice="Wait until nothing writes to it, then upload it again.",
            )
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
