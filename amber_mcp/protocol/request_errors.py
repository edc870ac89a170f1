"""A request other than a tool's call: logged, and what goes wrong in it as the protocol's error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, InvalidRequest, describe
from amber_mcp.text.json_values import well_formed
from amber_mcp.text.redaction import redact

from .error_boundary import GRACE_SECONDS, error_boundary

logger = logging.getLogger(__name__)

_ADVICE = "Try again later; where amber needs more time, raise AMBER_CALL_TIMEOUT."


def error_message(error: AmberError, settings: Settings) -> str:
    """The error as the assistant is to read it, without secrets."""
    told = describe(error, max_upstream_chars=settings.max_error_chars)
    return well_formed(redact(told, *settings.secrets))


@contextmanager
def request_boundary(settings: Settings, event: str, what: str) -> Iterator[dict[str, object]]:
    """Do `what` within the time of a call; all that goes wrong becomes the protocol's error.

    At its end the event is logged, with its seconds, its outcome (an error's kind, or `completed`),
    and what the block adds to the mapping that it gets.

    Raises:
        MCPError: -32602 for what was asked wrongly, -32603 for the rest.
    """
    told: dict[str, object] = {}
    started, limit = anyio.current_time(), settings.call_timeout
    try:
        with (
            error_boundary(what, limit, others=(MCPError,), advice=_ADVICE),
            anyio.fail_after(limit + GRACE_SECONDS),
        ):
            yield told
        told["outcome"] = "completed"
    except MCPError:
        told.setdefault("outcome", "failed")
        raise
    except AmberError as error:
        told["outcome"] = error.kind
        code = INVALID_PARAMS if isinstance(error, InvalidRequest) else INTERNAL_ERROR
        raise MCPError(code=code, message=error_message(error, settings)) from None
    finally:
        told.setdefault("outcome", "cancelled")
        told["seconds"] = f"{anyio.current_time() - started:.3f}"
        logger.info(event, extra=told)
