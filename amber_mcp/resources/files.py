"""`amber://files`: which file had which id."""

from amber_mcp.app import App
from amber_mcp.storage.base import storage_deadline

from .resource import as_json, resource


@resource("amber://files", title="Uploaded files", media_type="application/json")
async def files(app: App) -> str:
    """The files that upload_file has uploaded, the latest first, with their ids."""
    app.require("AMBER")
    most = app.settings.max_list_entries
    with storage_deadline(app.settings.call_timeout):
        uploads = await app.uploads.all(await app.caller(), most=most + 1)
    listed = [upload.model_dump(mode="json") for upload in uploads[:most]]
    return as_json({"files": listed, "truncated": len(uploads) > most})
