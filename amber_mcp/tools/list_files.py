"""`list_files`: what was uploaded."""

from collections.abc import Sequence

from pydantic import BaseModel

from amber_mcp.app import App
from amber_mcp.files.uploads import Upload
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import Result, tool
from amber_mcp.storage.base import storage_deadline
from amber_mcp.text.sanitise import single_line


class FileOut(BaseModel):
    """A remembered upload."""

    file_id: str
    filename: str
    size_bytes: int
    uploaded_at: str


class Files(Result):
    """The remembered uploads, the latest first."""

    files: list[FileOut]
    truncated: bool = False

    def as_text(self) -> str:
        """One file a line."""
        lines = [
            single_line(
                f"- {file.file_id}: {file.filename} ({file.size_bytes} bytes, {file.uploaded_at})"
            )
            for file in self.files
        ]
        if self.truncated:
            lines.append(
                "[Cut: a list may have as many entries as AMBER_MAX_LIST_ENTRIES says. Older "
                "uploads are known by their ids alone.]"
            )
        return "\n".join(lines or ["No upload is remembered."])


@tool(title="List uploaded files", read_only=True, idempotent=True)
async def list_files(call: Call) -> Files:
    """List the files that upload_file has uploaded, the latest first, with their ids.

    Use it to find a file for `file_ids` of another tool. It does not list the company's documents:
    ask_amber searches these.
    """
    call.app.require("AMBER")
    uploads = await uploads_of(call.app, more=1)
    most = call.app.settings.max_list_entries
    return Files(
        files=[
            FileOut(
                file_id=each.file_id,
                filename=each.filename,
                size_bytes=each.size_bytes,
                uploaded_at=each.when,
            )
            for each in uploads[:most]
        ],
        truncated=len(uploads) > most,
    )


async def uploads_of(app: App, *, more: int = 0) -> Sequence[Upload]:
    """The caller's latest uploads: as many as a list may have, and so many more.

    Raises:
        StorageUnavailable: if the state does not answer in time.
    """
    most = app.settings.max_list_entries + more
    with storage_deadline(app.settings.call_timeout):
        return await app.uploads.all(await app.caller(), most=most)
