"""`upload_file`: a file for later questions."""

import base64
import binascii
import io
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, Annotated

import anyio
from pydantic import Field

from amber_mcp.config.settings import Settings
from amber_mcp.errors import MAY_BE_TAKEN, InvalidRequest, TooLarge, Unsupported, UpstreamTimeout
from amber_mcp.files.local import open_allowed, upload_roots
from amber_mcp.files.uploads import Upload
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import Result, tool
from amber_mcp.storage.saving import save_record
from amber_mcp.text.redaction import distinct_secrets

_MAX_NAME_CHARS = 255


class Uploaded(Result):
    """The file as amber took it."""

    file_id: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str

    def as_text(self) -> str:
        """All of it, the id first."""
        return (
            f"file_id: {self.file_id}\nfilename: {self.filename}\nmedia_type: {self.media_type}\n"
            f"size_bytes: {self.size_bytes}\nsha256: {self.sha256}\n\n"
            "Pass the file_id in `file_ids` of ask_amber or run_agent."
        )


@tool(title="Upload a file to amber", read_only=False, idempotent=False)
async def upload_file(
    call: Call,
    path: Annotated[
        str,
        Field(
            description="A file on the machine this server runs on (local servers only, "
            "allowed folders only)."
        ),
    ] = "",
    content_base64: Annotated[
        str, Field(description="The file's bytes in base64, where there is no path.")
    ] = "",
    filename: Annotated[
        str, Field(description="The file's name with its ending. Needed with content_base64.")
    ] = "",
) -> Uploaded:
    """Upload one file to the company's amber, so that ask_amber and run_agent can answer from it.

    Pass either `path`, or `content_base64` with `filename`. The file stays in amber: there is no
    way to delete it from here, so upload nothing that the user did not ask to upload.
    Example: {"path": "/home/me/Documents/offer.pdf"}
    """
    app = call.app
    amber = app.amber
    if bool(path) == bool(content_base64):
        raise InvalidRequest("pass either `path`, or `content_base64` with `filename`")
    if path and not call.local_files:
        raise Unsupported(
            "this server is reached over HTTP and does not read files by their path",
            advice="Send the file's bytes as `content_base64`, with its `filename`.",
        )
    opened = (
        _local_file(path, filename, app.settings)
        if path
        else _sent_file(content_base64, filename, app.settings)
    )
    with opened as (file, name):
        call.progress.note(f"Uploading {name}")
        try:
            with anyio.fail_after(call.seconds_left):
                uploaded = await amber.upload(file, filename=name, media_type=_media_type(name))
        except TimeoutError:
            raise UpstreamTimeout(
                f"the upload of {name} took longer than {app.settings.call_timeout:g} s",
                advice=f"Raise AMBER_CALL_TIMEOUT, or upload a smaller file. {MAY_BE_TAKEN}",
            ) from None
    result = Uploaded(
        file_id=uploaded.ids[0],
        filename=uploaded.filename,
        media_type=uploaded.media_type,
        size_bytes=uploaded.size_bytes,
        sha256=uploaded.sha256,
    )
    upload = Upload(**dict(result), uploaded_at=datetime.now(UTC))

    async def save(upload: Upload) -> None:
        await app.uploads.add(await app.caller(), upload)

    await save_record(
        upload,
        save,
        secrets=distinct_secrets(app.settings.keys),
        within=call.seconds_to_save,
    )
    return result


@contextmanager
def _local_file(path: str, filename: str, settings: Settings) -> Iterator[tuple[IO[bytes], str]]:
    with open_allowed(path, upload_roots(settings), settings.max_upload_bytes) as file:
        yield file, _plain_name(filename or path)


@contextmanager
def _sent_file(content: str, filename: str, settings: Settings) -> Iterator[tuple[IO[bytes], str]]:
    if not filename.strip():
        raise InvalidRequest("`filename` is missing: amber tells a file's kind by its ending")
    try:
        data = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("`content_base64` is not base64") from None
    if len(data) > settings.max_upload_bytes:
        raise TooLarge(
            f"the file has {len(data)} bytes, more than AMBER_MAX_UPLOAD_BYTES allows "
            f"({settings.max_upload_bytes})"
        )
    yield io.BytesIO(data), _plain_name(filename)


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
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
