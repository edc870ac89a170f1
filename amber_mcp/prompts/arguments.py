"""The arguments that several prompts share, and what becomes of them in a prompt's text."""

import re
from collections.abc import Sequence
from typing import Annotated

from amber_mcp.app import App
from amber_mcp.errors import InvalidRequest
from amber_mcp.quoting import quoted
from amber_mcp.tools.asking import language_of

from .prompt import Argument

_LOOKS_LIKE_A_NAME = re.compile(r"\s|\.[A-Za-z]\w{0,4}$")


async def agent_names(app: App) -> Sequence[str]:
    """The agents that the operator has named."""
    return list(app.settings.agents)


async def model_ids(app: App) -> Sequence[str]:
    """The models that amber's own API has, as the tools take them."""
    return [model.id for model in await app.models_of(app.amber)]


async def upload_names(app: App) -> Sequence[str]:
    """The names of the remembered uploads, the latest first, and then their ids."""
    uploads = await app.uploads.all(await app.caller(), most=app.settings.max_list_entries)
    return [each.filename for each in uploads] + [each.file_id for each in uploads]


Language = Annotated[
    str, Argument("Language", "Language code of the answer, such as en or de. Empty: the default.")
]
Model = Annotated[
    str, Argument("Model", "A model that amber lists. Empty: the default.", model_ids)
]
File = Annotated[
    str, Argument("File", "The name of an uploaded file, or its file_id.", upload_names)
]
OtherFile = Annotated[
    str, Argument("Other file", "The name of another uploaded file, or its file_id.", upload_names)
]


async def file_told(app: App, name: str, given: str) -> str:
    """The file that is meant, as a prompt names it: the latest upload of that name, or an id.

    Raises:
        InvalidRequest: if it looks like a file's name, and no upload has it.
    """
    uploads = await app.uploads.all(await app.caller(), most=app.settings.max_list_entries)
    for upload in uploads:
        if given == upload.file_id or given.casefold() == upload.filename.casefold():
            return f'file_id "{upload.file_id}" ({upload.filename})'
    if not _LOOKS_LIKE_A_NAME.search(given):
        return f'file_id "{given}"'
    known = ", ".join(dict.fromkeys(upload.filename for upload in uploads[:10]))
    raise InvalidRequest(
        f"`{name}` is no upload that is remembered here: {quoted(given)}",
        advice=f"Pass a file_id, or one of {known}."
        if known
        else "Upload the file with upload_file first, or pass a file_id.",
    )


def passed_on(app: App, *, language: str = "", model: str = "") -> str:
    """What the tools are to be called with besides: `, with language "de" and …`, or nothing."""
    parts = [f'language "{language_of(app, language)}"'] if language else []
    parts += [f'model "{model}"'] if model else []
    return f" with {' and '.join(parts)}" if parts else ""
