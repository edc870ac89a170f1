"""One call: a result or an error in words, within its time, without secrets, and logged."""

import json
import logging
from collections.abc import Iterable

import anyio.to_thread
from mcp.types import CallToolResult, InputRequiredResult, TextContent

from amber_mcp.config.settings import Settings
from amber_mcp.errors import MAY_BE_TAKEN, AmberError
from amber_mcp.text.json_values import well_formed, well_formed_json
from amber_mcp.text.redaction import (
    TRUNCATED,
    distinct_secrets,
    redact,
    remove_secrets,
    remove_secrets_in_json,
)

from .boundary import GRACE_SECONDS, error_boundary, error_message
from .call import Call
from .elicitation import InputRequiredError
from .tool import Result, Tool

logger = logging.getLogger(__name__)

_MAX_LOGGED_CHARS = 1000
_LARGE_CHARS = 100_000
_LARGE_VALUES = 5_000


async def dispatch(
    call: Call, tool: Tool, arguments: dict[str, object]
) -> CallToolResult | InputRequiredResult:
    """The result of a call, whatever happens in it; errors carry text alone."""
    outcome, text = "cancelled", ""
    result: CallToolResult | InputRequiredResult
    try:
        try:
            outcome, result = await _finished(call, tool, arguments)
            text = _text_of(result)
        except InputRequiredError as asked:
            outcome, text, result = "input_required", str(asked), asked.result
        except AmberError as error:
            outcome, text = error.kind, error_message(error, call.app.settings)
            result = CallToolResult(content=[TextContent(text=text)], is_error=True)
    finally:
        _log(call, tool, arguments, outcome, text)
    return result


async def _finished(
    call: Call, tool: Tool, arguments: dict[str, object]
) -> tuple[str, CallToolResult]:
    """How a call ended, and its result.

    Raises:
        AmberError: of the kind that says why there is none.
        InputRequiredError: if the user has to be asked before.
    """
    limit = call.app.settings.call_timeout
    advice = "" if tool.annotations.read_only_hint else MAY_BE_TAKEN
    with error_boundary(tool.name, limit, others=(InputRequiredError,), advice=advice):
        with call.timer.fail_after(limit + GRACE_SECONDS):
            await call.app.ready()
            result = await tool(call, arguments)
        text, settings = result.as_text(), call.app.settings
        if len(text) < _LARGE_CHARS and text.count("[") + text.count(",") < _LARGE_VALUES:
            return result.failure or "completed", _rendered(result, text, settings)
        rendered = await anyio.to_thread.run_sync(_rendered, result, text, settings)
        return result.failure or "completed", rendered


def _rendered(result: Result, text: str, settings: Settings) -> CallToolResult:
    """A result as a host gets it, without secrets."""
    secrets = distinct_secrets(settings.keys)
    text = well_formed(remove_secrets(text, *secrets))
    rendered = CallToolResult(content=[TextContent(text=text)], is_error=bool(result.failure))
    if settings.structured:
        structured = result.model_dump(mode="json", exclude_none=True)
        clean = well_formed_json(remove_secrets_in_json(structured, *secrets))
        assert isinstance(clean, dict)  # noqa: S101  # as the model was
        rendered.structured_content = clean
    return rendered


def _text_of(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


def _log(call: Call, tool: Tool, arguments: dict[str, object], outcome: str, text: str) -> None:
    fields: dict[str, object] = {
        "tool": tool.name,
        "outcome": outcome,
        "seconds": f"{call.timer.elapsed:.3f}",
        "chars": len(text),
    }
    if call.app.settings.log_content:
        secrets = call.app.settings.secrets
        sent = {
            name: _logged(value, secrets) if isinstance(value, str) else value
            for name, value in arguments.items()
        }
        fields["arguments"] = _logged(json.dumps(sent, ensure_ascii=False, default=str), secrets)
        fields["result"] = _logged(text, secrets)
    logger.info("call", extra=fields)


def _logged(text: str, secrets: Iterable[str]) -> str:
    """The beginning of a text, without secrets, and without half of one where it is cut."""
    beginning = text[: 2 * _MAX_LOGGED_CHARS]
    clean = redact(beginning, *secrets, is_cut=len(beginning) < len(text))
    return clean if len(clean) <= _MAX_LOGGED_CHARS else clean[:_MAX_LOGGED_CHARS] + TRUNCATED
