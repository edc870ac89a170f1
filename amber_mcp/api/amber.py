"""amber's own API, `/api/beta/amberai` (seeds 000 and 001): completions, models and files."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import IO, Literal
from urllib.parse import quote

from amber_mcp.errors import InvalidRequest, UpstreamError

from . import checks
from .completions import CompletionsApi, wire_message
from .dialect import Dialect
from .failures import words_of
from .http import HttpClient
from .json_text import shown_json
from .model_lists import model_id_of, model_ids
from .types import ChatRequest, Json, Model, UploadedFile

Search = Literal["company", "web", "none"]

_MODELS = "/api/beta/amberai/models"
_UPLOAD = "/api/beta/files/upload"
_SEARCH_TOOLS: Mapping[Search, str] = {"company": "amberSearch", "web": "webSearch"}


class AmberApi(CompletionsApi):
    """The amber API of one tenant.

    `tools` is always sent, since its absence means different things in different versions of the
    documentation, and so is `metadata.language`, whose default is German.
    """

    path = "/api/beta/amberai/chat/completions"
    dialect = Dialect(
        name="amber",
        offers=("company search", "web search", "agents", "files", "language"),
        roles=frozenset({"system", "user", "assistant"}),
        parameters={
            "stream": checks.boolean,
            "temperature": checks.number(),
            "metadata": checks.closed(
                agent_id=checks.text, files=checks.listed(checks.text), language=checks.text
            ),
            "tools": checks.listed(
                checks.closed(
                    "function",
                    function=checks.closed("name", name=checks.one_of("amberSearch", "webSearch")),
                ),
                most=1,
            ),
        },
    )

    def __init__(self, http: HttpClient, *, stream: bool, language: str, upload_field: str) -> None:
        super().__init__(http, stream=stream)
        self._language = language
        self._upload_field = upload_field

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body of `POST /chat/completions`, with the documented parameters alone (seed 001)."""
        metadata = request.parameters.get("metadata")
        given = metadata if isinstance(metadata, dict) else {}
        return {
            "model": request.model,
            "messages": [wire_message(message) for message in request.messages],
            "tools": [],
            **request.parameters,
            "stream": stream,
            "metadata": {
                "language": self._language,
                **{name: value for name, value in given.items() if value is not None},
            },
        }

    def is_repeatable(self, request: ChatRequest) -> bool:
        """A question is, a run of an agent is not: an agent may act."""
        metadata = request.parameters.get("metadata")
        return not (isinstance(metadata, dict) and metadata.get("agent_id"))

    async def models(self) -> tuple[Model, ...]:
        """The tenant's models, in the order in which amber lists them."""
        return tuple(map(self.model_of, model_ids(await self.http.get(_MODELS))))

    async def model(self, model_id: str) -> Model:
        """One model. An id may hold a slash, which is sent percent-encoded.

        Raises:
            NotFound: if the tenant has no such model.
        """
        body = await self.http.get(f"{_MODELS}/{quote(model_id, safe='')}")
        return self.model_of(model_id_of(body))

    async def upload(self, file: IO[bytes], *, filename: str, media_type: str) -> UploadedFile:
        """Send a file, and return the id that later questions can name.

        The form field and the answer are undocumented (amber-api.md section 4): the field can be
        configured, and the id is looked for wherever such APIs put it.

        Raises:
            InvalidRequest: if the file changes meanwhile.
            UpstreamError: if amber took the file and no id is found in what it answered.
        """
        counted = _Counted(file)
        body = await self.http.upload(
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
            upstream=words_of(shown_json(body)),
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
    metadata: dict[str, Json] = {}
    if language:
        metadata["language"] = language
    if agent_id:
        metadata["agent_id"] = agent_id
    if file_ids:
        metadata["files"] = list(file_ids)
    tools: list[Json] = []
    if search in _SEARCH_TOOLS:
        tools.append({"function": {"name": _SEARCH_TOOLS[search]}})
    parameters: dict[str, Json] = {"tools": tools, "metadata": metadata}
    if temperature is not None:
        parameters["temperature"] = temperature
    return parameters


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
