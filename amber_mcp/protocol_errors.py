"""A request other than a tool's call: logged, and what goes wrong in it as the protocol's error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from .api.json_text import mended
from .errors import AmberError, InternalError, InvalidRequest, UpstreamTimeout, describe
from .redaction import redacted
from .settings import Settings

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 0.5


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
    told: dict[str, object] = {"outcome": "cancelled"}
    started = anyio.current_time()
    try:
        with _as_protocol_errors(settings, what, told):
            yield told
    finally:
        told["seconds"] = f"{anyio.current_time() - started:.3f}"
        logger.info(event, extra=told)


@contextmanager
def _as_protocol_errors(settings: Settings, what: str, told: dict[str, object]) -> Iterator[None]:
    limit = settings.call_timeout
    try:
        with anyio.fail_after(limit + _GRACE_SECONDS):
            yield
        told["outcome"] = "completed"
    except MCPError:
        raise
    except AmberError as error:
        raise _protocol_error(error, settings, told) from None
    except TimeoutError:
        late = UpstreamTimeout(
            f"{what} took longer than {limit:g} s",
            advice="Try again later; where amber needs more time, raise AMBER_CALL_TIMEOUT.",
        )
        raise _protocol_error(late, settings, told) from None
    except Exception as error:
        logger.exception("request failed unexpectedly", extra={"what": what})
        fault = InternalError(f"{what} failed with {type(error).__name__}; the log has the details")
        raise _protocol_error(fault, settings, told) from None


def _protocol_error(error: AmberError, settings: Settings, told: dict[str, object]) -> MCPError:
    told["outcome"] = error.kind
    code = INVALID_PARAMS if isinstance(error, InvalidRequest) else INTERNAL_ERROR
    return MCPError(code=code, message=worded(error, settings))
