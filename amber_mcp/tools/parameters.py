"""From the arguments that several tools share to the parts of a `ChatRequest`."""

import math
import re
from typing import Annotated

from pydantic import Field

from amber_mcp.app import App
from amber_mcp.config.settings import Settings
from amber_mcp.errors import InvalidRequest
from amber_mcp.model_routing import split_model
from amber_mcp.text.redaction import redact

ModelId = Annotated[str, Field(description="A model id of list_models. Empty: the default.")]
Language = Annotated[
    str, Field(description="Language code of the answer, such as en or de. Empty: the default.")
]


def required_text(name: str, value: str) -> str:
    """`value` without surrounding blanks.

    Raises:
        InvalidRequest: if nothing is left.
    """
    if text := value.strip():
        return text
    raise InvalidRequest(f"`{name}` is empty", advice=f"Pass `{name}` as a full sentence.")


def require_no_secret(name: str, value: str, settings: Settings) -> str:
    """`value`, which is a name: errors and questions repeat it.

    Raises:
        InvalidRequest: if it holds a key or a password.
    """
    if redact(value, *settings.secrets) == value:
        return value
    raise InvalidRequest(
        f"`{name}` holds what looks like a key or a password",
        advice=f"Pass an id or a name as `{name}`, and no secret.",
    )


async def model_of(app: App, model: str) -> str:
    """The model that was asked for, as an id or as `amber:ID`, or else the default one.

    Raises:
        InvalidRequest: if it is one of another API.
    """
    api, model_id = split_model(require_no_secret("model", model, app.settings))
    if api not in ("", "amber"):
        raise InvalidRequest(
            f"`model` names the API {api}, and this tool asks amber",
            advice="Pass the id of a model of amber's, or none. Only chat_completion asks others.",
        )
    return model_id or await app.default_model()


def language_of(app: App, language: str) -> str:
    """The language that was asked for, or else the configured one.

    Raises:
        InvalidRequest: if it is no language code.
    """
    code = language.strip() or app.settings.language
    if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", code):
        return code
    raise InvalidRequest(f"`language` must be a code such as en or de, not {code[:40]!r}")


def temperature_or_none(temperature: float) -> float | None:
    """The temperature, or `None` for -1.

    Raises:
        InvalidRequest: if it is negative or not finite.
    """
    if temperature == -1:
        return None
    if math.isfinite(temperature) and temperature >= 0:
        return temperature
    raise InvalidRequest(f"`temperature` must be 0 or more, or -1 for the default: {temperature}")
