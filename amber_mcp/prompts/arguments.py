"""The arguments that several prompts share, and what becomes of them in a prompt's text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from amber_mcp.app import App
from amber_mcp.errors import InvalidRequest
from amber_mcp.files.uploads import Upload, list_uploads
from amber_mcp.text.sanitise import one_line, strip_controls
from amber_mcp.tools.list_files import uploads_of
from amber_mcp.tools.parameters import language_of

from .prompt import Argument

_MAX_NAME_CHARS = 120


async def agent_names(app: App) -> Sequence[str]:
    """The agents that the operator has named."""
    return list(app.settings.agents)


async def model_ids(app: App) -> Sequence[str]:
    """The models that amber's own API has, or had a moment ago: each key that is typed asks."""
    return [model.id for model in await app.models.models()]


async def upload_names(app: App) -> Sequence[str]:
    """The names of the remembered uploads, the latest first, and then their ids."""
    uploads = await uploads_of(app)
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


def passed_on(app: App, *, language: str = "", model: str = "") -> str:
    """What the tools are to be called with besides: `, with language "de" and …`, or nothing."""
    parts = [f'language "{language_of(app, language)}"'] if language else []
    parts += [f"model {quote_value(model)}"] if model else []
    return f" with {' and '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class ResolvedUpload:
    """A file that an argument means: its id, as far as it is known, and how a prompt names it."""

    file_id: str
    text: str
    others: Sequence[Upload] = ()
    """The uploads of the same name, the latest first, this one among them."""


def resolve_upload(uploads: Sequence[Upload], given: str) -> ResolvedUpload:
    """The upload with this id, or else the latest one of this name, or else perhaps an id."""
    by_id = [upload for upload in uploads if given == upload.file_id]
    by_name = [upload for upload in uploads if upload.is_named(given)]
    for upload in by_id or by_name:
        others = [each for each in uploads if each.is_named(upload.filename)]
        name = quote_value(one_line(upload.filename, max_chars=_MAX_NAME_CHARS))
        when = f", uploaded {upload.when}" if len(others) > 1 else ""
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
    known = list_uploads(first.others)
    several = f"; {len(first.others)} have this name: {known}" if len(first.others) > 1 else ""
    raise InvalidRequest(
        f"`first` and `second` are the same upload{several}",
        advice="Pass the file_id of each.",
    )


def quote_value(text: str) -> str:
    """A text in quotes, which it can neither end nor break into a line of its own."""
    return json.dumps(strip_controls(text), ensure_ascii=False)
