"""`upload_file`: files for later questions."""

import io
import mimetypes
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, Annotated

import anyio
import anyio.to_thread
from pydantic import BaseModel, Field

from amber_mcp.config.settings import Settings
from amber_mcp.errors import (
    MAY_BE_TAKEN,
    AmberError,
    InvalidRequest,
    TooLarge,
    Unsupported,
    UpstreamTimeout,
)
from amber_mcp.files.base64_text import decode_file
from amber_mcp.files.local import meant_path, open_allowed, upload_roots
from amber_mcp.files.uploads import Upload
from amber_mcp.protocol.boundary import error_message
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import Result, tool
from amber_mcp.storage.saving import save_record
from amber_mcp.text.redaction import distinct_secrets
from amber_mcp.text.sanitise import single_line

_MAX_NAME_CHARS = 255


class FileResult(BaseModel):
    """One of several files: an id that amber gave it, or why it was not uploaded."""

    path: str
    file_id: str | None = None
    error: str | None = None


class Uploads(Result):
    """The file as amber took it; of several files, or of one with several ids, each in `files`."""

    file_id: str | None = None
    filename: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    files: list[FileResult] | None = None
    note: str | None = None

    def as_text(self) -> str:
        """All of it, the ids first."""
        fields = self.model_dump(exclude={"files", "note"}, exclude_none=True)
        lines = [f"{name}: {value}" for name, value in fields.items()]
        for file in self.files or ():
            end = file.error or f"file_id {file.file_id}"
            lines.append(single_line(f"- {file.path}: {end}"))
        lines += ["", self.note] if self.note else []
        return "\n".join([*lines, "", "Pass a file_id in `file_ids` of ask_amber or run_agent."])

    @property
    def failure(self) -> str:
        """The kind of the first error, where no file was uploaded."""
        errors = [file.error or "" for file in self.files or ()]
        return errors[0].partition(":")[0] if all(errors) and errors else ""


@tool(title="Upload files", read_only=False, idempotent=False)
async def upload_file(
    call: Call,
    path: Annotated[str, Field(description="A file in an allowed folder (local servers).")] = "",
    paths: Annotated[list[str], Field(description="Several files.")] = [],  # noqa: B006  # never changed: pydantic copies it
    content_base64: Annotated[str, Field(description="A file as base64 or data URI.")] = "",
    filename: Annotated[str, Field(description="Name with its ending.")] = "",
) -> Uploads:
    """Upload files to amber, so that ask_amber and run_agent answer from them.

    Pass `path`, `paths`, or `content_base64` with `filename`. Uploads stay: send only what
    was asked for.
    Example: {"path": "/home/me/a.pdf"}
    """
    settings = call.app.settings
    call.app.require("AMBER")
    if [bool(path), bool(paths), bool(content_base64)].count(True) > 1 or (paths and filename):
        raise InvalidRequest("pass either `path`, or `paths`, or `content_base64` with `filename`")
    if (path or paths) and not call.local_files:
        raise Unsupported(
            "this server is reached over HTTP and does not read files by their path",
            advice="Send the file's bytes as `content_base64`, with its `filename`.",
        )
    if paths:
        return await _upload_all(call, list(dict.fromkeys(paths)))
    if path:
        return await _upload_path(call, path, filename)
    data, name, media_type = await _sent_file(content_base64, filename, settings)
    return await _upload(call, io.BytesIO(data), name, media_type)


async def _upload_all(call: Call, paths: list[str]) -> Uploads:
    """One file after the other: what fails keeps no other from being uploaded."""
    files: list[FileResult] = []
    note = None
    for path in paths:
        try:
            uploaded = await _upload_path(call, path)
        except AmberError as error:
            files.append(FileResult(path=path, error=error_message(error, call.app.settings)))
        else:
            ids = [file.file_id for file in uploaded.files or ()] or [uploaded.file_id]
            files += [FileResult(path=path, file_id=each) for each in ids]
            note = uploaded.note or note
    return Uploads(files=files, note=note)


async def _upload_path(call: Call, path: str, filename: str = "") -> Uploads:
    settings = call.app.settings
    with open_allowed(path, upload_roots(settings), settings.max_upload_bytes) as file:
        name = _plain_name(filename or meant_path(path))
        return await _upload(call, file, name, _media_type(name))


async def _upload(call: Call, file: IO[bytes], name: str, media_type: str) -> Uploads:
    """Send a file to amber, and remember it.

    Raises:
        UpstreamTimeout: if the call's time does not suffice.
        AmberError: of the kind that kept amber from taking it.
    """
    app = call.app
    if not call.seconds_left:
        raise UpstreamTimeout(f"no time was left for {name}", advice="Upload it in another call.")
    call.progress.note(f"Uploading {name}")
    try:
        with anyio.fail_after(call.seconds_left):
            uploaded = await app.amber.upload(file, filename=name, media_type=media_type)
    except TimeoutError:
        raise UpstreamTimeout(
            f"the upload of {name} took longer than {app.settings.call_timeout:g} s",
            advice=f"Raise AMBER_CALL_TIMEOUT, or upload a smaller file. {MAY_BE_TAKEN}",
        ) from None
    fields = {
        "filename": uploaded.filename,
        "media_type": uploaded.media_type,
        "size_bytes": uploaded.size_bytes,
        "sha256": uploaded.sha256,
    }

    async def save(upload: Upload) -> None:
        await app.uploads.add(await app.caller(), upload)

    uploaded_at = datetime.now(UTC)
    for file_id in uploaded.ids:
        await save_record(
            Upload.model_validate({"file_id": file_id, **fields, "uploaded_at": uploaded_at}),
            save,
            secrets=distinct_secrets(app.settings.keys),
            within=call.seconds_to_save,
        )
    each = [FileResult(path=name, file_id=file_id) for file_id in uploaded.ids]
    return Uploads.model_validate(
        {
            "file_id": uploaded.ids[0],
            **fields,
            "files": each if len(each) > 1 else None,
            "note": _note_on(uploaded.field, app.settings),
        }
    )


def _note_on(field: str, settings: Settings) -> str | None:
    if field == settings.upload_field:
        return None
    return (
        f"amber takes files in the field {field}: set AMBER_UPLOAD_FIELD={field}, for one request."
    )


async def _sent_file(content: str, filename: str, settings: Settings) -> tuple[bytes, str, str]:
    """The bytes, the name and the media type of a file that came as text."""
    if not content and not filename.strip():
        raise InvalidRequest("pass either `path`, or `paths`, or `content_base64` with `filename`")
    if not filename.strip():
        raise InvalidRequest("`filename` is missing: amber tells a file's kind by its ending")
    name = _plain_name(filename)
    try:
        data, media_type = await anyio.to_thread.run_sync(decode_file, content)
    except ValueError:
        raise InvalidRequest(
            "`content_base64` is not base64",
            advice="Send the file's bytes in base64, or as data:image/png;base64,…",
        ) from None
    if not data:
        raise InvalidRequest(
            f"{name} is empty: `content_base64` holds nothing",
            advice="Send the file's bytes, or the `path` of a file.",
        )
    if len(data) > settings.max_upload_bytes:
        raise TooLarge(
            f"the file has {len(data)} bytes, more than AMBER_MAX_UPLOAD_BYTES allows "
            f"({settings.max_upload_bytes})"
        )
    return data, name, media_type or _media_type(name)


def _plain_name(filename: str) -> str:
    """The last part of a path of either kind, without control characters."""
    name = PureWindowsPath(PurePosixPath(filename.strip()).name).name
    name = "".join(char for char in name if char.isprintable())
    if name in ("", ".", ".."):
        raise InvalidRequest(f"`filename` holds no name: {filename[:80]!r}")
    return _short(name)


def _short(name: str) -> str:
    """A name with its ending, of at most so many characters as file systems allow."""
    ending = PurePosixPath(name).suffix
    suffix = ending if len(ending) < _MAX_NAME_CHARS // 2 else ""
    return name if len(name) <= _MAX_NAME_CHARS else name[: _MAX_NAME_CHARS - len(suffix)] + suffix


def _media_type(name: str) -> str:
    media_type, encoding = mimetypes.guess_type(name)
    if encoding:  # The type is that of what is compressed.
        return "application/gzip" if encoding == "gzip" else f"application/x-{encoding}"
    return media_type or "application/octet-stream"
