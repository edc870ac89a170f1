"""The uploads that a prompt's arguments mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from amber_mcp.app import App
from amber_mcp.errors import InvalidRequest
from amber_mcp.files.uploads import Upload
from amber_mcp.storage.base import storage_deadline
from amber_mcp.text.quoting import truncate
from amber_mcp.text.sanitise import one_line

from .quotation import quote_value

_MAX_NAME_CHARS = 120
_MOST_TOLD = 5


@dataclass(frozen=True)
class ResolvedUpload:
    """A file that an argument means: its id, as far as it is known, and how a prompt names it."""

    file_id: str
    told: str
    others: Sequence[Upload] = ()
    """The uploads of the same name, the latest first, this one among them."""


async def uploads_of(app: App) -> Sequence[Upload]:
    """The remembered uploads of the caller, the latest first."""
    with storage_deadline(app.settings.call_timeout):
        return await app.uploads.all(await app.caller(), most=app.settings.max_list_entries)


def resolve_upload(uploads: Sequence[Upload], given: str) -> ResolvedUpload:
    """The upload with this id, or else the latest one of this name, or else perhaps an id."""
    by_id = [upload for upload in uploads if given == upload.file_id]
    by_name = [upload for upload in uploads if _is_named(upload, given)]
    for upload in by_id or by_name:
        others = [each for each in uploads if _is_named(each, upload.filename)]
        name = quote_value(one_line(upload.filename, max_chars=_MAX_NAME_CHARS))
        when = f", uploaded {_when(upload)}" if len(others) > 1 else ""
        return ResolvedUpload(
            upload.file_id, f"file_id {quote_value(upload.file_id)} ({name}{when})", others
        )
    return ResolvedUpload(
        given,
        f"{quote_value(given)} (not among the remembered uploads: use it as file_id only if it is "
        "one)",
    )


def require_different(first: ResolvedUpload, second: ResolvedUpload) -> None:
    """Check that two arguments mean two files.

    Raises:
        InvalidRequest: if they mean one, with the ids of those that have its name.
    """
    if first.file_id != second.file_id:
        return
    others = first.others[:_MOST_TOLD]
    known = ", ".join(f"{truncate(each.file_id)} ({_when(each)})" for each in others)
    several = f"; {len(first.others)} have this name: {known}" if len(first.others) > 1 else ""
    raise InvalidRequest(
        f"`first` and `second` are the same upload{several}",
        advice="Pass the file_id of each.",
    )


def _is_named(upload: Upload, name: str) -> bool:
    return upload.filename.casefold() == name.casefold()


def _when(upload: Upload) -> str:
    return f"{upload.uploaded_at:%Y-%m-%d %H:%M} UTC"
