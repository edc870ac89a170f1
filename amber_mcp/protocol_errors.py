"""A request other than a tool's call: logged, and what goes wrong in it as the protocol's error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from .api.json_text import mended
from .bounded import GRACE_SECONDS, amber_errors
from .errors import AmberError, InvalidRequest, describe
from .redaction import redacted
from .settings import Settings

logger = logging.getLogger(__name__)

_ADVICE = "Try again later; where amber needs more time, raise AMBER_CALL_TIMEOUT."


def worded(error: AmberError, settings: Settings) -> str:
    """The error as the assistant is to read it, without secrets."""
    told = describe(error, max_upstream_chars=settings.max_error_chars)
    return mended(redacted(told, *settings.secrets))


@contextmanager
def protocol_errors(settings: Settings, event: str, what: str) -> Iterator[dict[str, object]]:
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
            amber_errors(what, limit, others=(MCPError,), advice=_ADVICE),
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
        raise MCPError(code=code, message=worded(error, settings)) from None
    finally:
        told.setdefault("outcome", "cancelled")
        told["seconds"] = f"{anyio.current_time() - started:.3f}"
        logger.info(event, extra=told)
