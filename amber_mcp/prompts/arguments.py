"""The arguments that several prompts share, and what becomes of them in a prompt's text."""

from collections.abc import Sequence
from typing import Annotated

from amber_mcp.app import App
from amber_mcp.tools.parameters import language_of

from .file_arguments import uploads_of
from .prompt import Argument
from .quotation import quote_value


async def agent_names(app: App) -> Sequence[str]:
    """The agents that the operator has named."""
    return list(app.settings.agents)


async def model_ids(app: App) -> Sequence[str]:
    """The models that amber's own API has, or had a moment ago: each key that is typed asks."""
    return [model.id for model in await app.recent_models()]


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
