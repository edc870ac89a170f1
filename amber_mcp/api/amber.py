"""amber's own API, `/api/beta/amberai` (seeds 000 and 001): completions, models and files."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import IO, Literal
from urllib.parse import quote

from pydantic import Field

from amber_mcp.errors import InvalidRequest, UpstreamError
from amber_mcp.http.client import HttpClient
from amber_mcp.http.error_responses import error_text, reports_failure
from amber_mcp.text.json_values import dump_json
from amber_mcp.text.sanitise import plain_id

from .completions import CompletionsApi, model_id, model_ids
from .request_schema import Documented, ListOf, RequestModel
from .types import ChatRequest, Json, Model, UploadedFile

Search = Literal["company", "web", "none"]

_MODELS = "/api/beta/amberai/models"
_UPLOAD = "/api/beta/files/upload"
_MAX_IDS = 100
_MAX_DEPTH = 10
_ID_KEYS = ("id", "file_id", "fileId", "uuid")
_SEARCH_TOOLS: Mapping[Search, str] = {"company": "amberSearch", "web": "webSearch"}


class AmberMessage(Documented):
    """A message (seed 001, "Messages")."""

    role: Literal["system", "user", "assistant"]
    content: str


class Metadata(Documented):
    """What seed 001 documents under "Agents", "Files" and "Language"."""

    agent_id: str | None = None
    files: ListOf[str] | None = None
    language: str | None = None


class SearchToolName(Documented):
    name: Literal["amberSearch", "webSearch"]


class SearchTool(Documented):
    """A tool that amber runs itself (seed 001, "Tools")."""

    function: SearchToolName


class AmberRequest(RequestModel):
    """The body of `POST /chat/completions` (seeds 000 and 001)."""

    messages: ListOf[AmberMessage]
    model: str
    stream: bool | None = None
    temperature: float | None = None
    metadata: Metadata | None = None
    tools: list[SearchTool] | None = Field(None, max_length=1)


class AmberApi(CompletionsApi):
    """The amber API of one tenant.

    `tools` is always sent, since its absence means different things in different versions of the
    documentation, and so is `metadata.language`, whose default is German.
    """

    name = "amber"
    offers = ("company search", "web search", "agents", "files", "language")
    path = "/api/beta/amberai/chat/completions"
    request_model = AmberRequest

    def __init__(self, http: HttpClient, *, stream: bool, language: str, upload_field: str) -> None:
        super().__init__(http, stream=stream)
        self._language = language
        self._upload_field = upload_field

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body of `POST /chat/completions`, with `tools` and `metadata.language`."""
        body = {"tools": [], **super().body(request, stream=stream)}
        metadata = {name: value for name, value in _metadata(request).items() if value is not None}
        return {**body, "metadata": {"language": self._language, **metadata}}

    def is_repeatable(self, request: ChatRequest) -> bool:
        """A question is, a run of an agent is not: an agent may act."""
        return not _metadata(request).get("agent_id")

    async def models(self) -> tuple[Model, ...]:
        """The tenant's models, in the order in which amber lists them."""
        return self.as_models(model_ids(await self.http.get(_MODELS)))

    async def model(self, name: str) -> Model:
        """One model. Its id may hold a slash, which is sent percent-encoded.

        Raises:
            NotFound: if the tenant has no such model.
        """
        body = await self.http.get(f"{_MODELS}/{quote(name, safe='')}")
        return self.as_models([model_id(body)])[0]

    async def upload(self, file: IO[bytes], *, filename: str, media_type: str) -> UploadedFile:
        """Send a file, and return the ids that later questions can name.

        The form field and the answer are undocumented (amber-api.md section 4): the field can be
        configured, and is the one that amber misses where it says so; the ids are looked for
        wherever such APIs put them.

        Raises:
            InvalidRequest: if the file changes meanwhile.
            UpstreamError: if amber says that it failed, or no id is found in what it answered.
        """
        try:
            return await self._upload(self._upload_field, file, filename, media_type)
        except InvalidRequest as error:
            missing = re.search(r"(?i)\bbody\.(\w{1,64}): field required", error.upstream)
            if error.status != 422 or missing is None or missing[1] == self._upload_field:
                raise
        return await self._upload(missing[1], file, filename, media_type)

    async def _upload(
        self, field: str, file: IO[bytes], filename: str, media_type: str
    ) -> UploadedFile:
        counted = _CountedFile(file)
        body = await self.http.upload(
            _UPLOAD,
            field=field,
            filename=filename,
            media_type=media_type,
            file=counted,  # type: ignore[arg-type]  # as much of a file as a form needs
        )
        if ids := tuple(dict.fromkeys(filter(None, islice(_file_ids(body), _MAX_IDS)))):
            digest = counted.digest.hexdigest()
            return UploadedFile(ids, field, filename, media_type, counted.size, digest)
        raise UpstreamError(
            "amber took the file, and its answer holds no id that is understood",
            upstream=error_text(dump_json(body)),
            advice="Report this answer's form, so that it can be read.",
        )


def search_parameters(
    search: Search,
    *,
    language: str = "",
    agent_id: str = "",
    file_ids: tuple[str, ...] = (),
    temperature: float | None = None,
) -> dict[str, Json]:
    """The parameters of a question to amber (seed 001, "Tools", "Agents", "Files", "Language")."""
    metadata: dict[str, Json] = {
        "language": language,
        "agent_id": agent_id,
        "files": list(file_ids),
    }
    tool = _SEARCH_TOOLS.get(search)
    return {
        "tools": [{"function": {"name": tool}}] if tool else [],
        "metadata": {name: value for name, value in metadata.items() if value},
        **({"temperature": temperature} if temperature is not None else {}),
    }


def _metadata(request: ChatRequest) -> Mapping[str, Json]:
    metadata = request.parameters.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _file_ids(body: object, depth: int = 0) -> Iterator[str]:
    match body:
        case str() if not re.search(r"\s", body.strip()):  # Words are a message.
            yield plain_id(body)
        case list() if depth < _MAX_DEPTH:
            for entry in body:
                yield from _file_ids(entry, depth + 1)
        case dict() if reports_failure(body):
            raise UpstreamError(
                "amber reports that it did not take the file",
                upstream=error_text(dump_json(body)),
            )
        case dict() if depth < _MAX_DEPTH:
            parts = [body.get(key) for key in ("ids", "file_ids", "files", "file")]
            inner = [part for part in parts if isinstance(part, list | dict)]
            own = [found for key in _ID_KEYS if (found := plain_id(body.get(key)))]
            around = [body.get(key) for key in ("data", "result")]
            around += [part for part in parts if isinstance(part, str)]
            # The id beside a file's own is that of the request, or the answer.
            ids = islice(_file_ids(inner, depth), _MAX_IDS)
            yield from [*ids] or own[:1] or _file_ids(around, depth)


class _CountedFile:
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
