"""What goes wrong outside of a tool, as the protocol's errors, in the words that tools use."""

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
def protocol_errors(settings: Settings, what: str) -> Iterator[None]:
    """Do `what` within the time of a call; all that goes wrong becomes the protocol's error.

    Raises:
        MCPError: -32602 for what was asked wrongly, -32603 for the rest.
    """
    limit = settings.call_timeout
    try:
        with anyio.fail_after(limit + _GRACE_SECONDS):
            yield
    except MCPError:
        raise
    except AmberError as error:
        raise _protocol_error(error, settings) from None
    except TimeoutError:
        late = UpstreamTimeout(f"{what} took longer than {limit:g} s")
        raise _protocol_error(late, settings) from None
    except Exception as error:
        logger.exception("request failed unexpectedly", extra={"what": what})
        fault = InternalError(f"{what} failed with {type(error).__name__}; the log has the details")
        raise _protocol_error(fault, settings) from None


def _protocol_error(error: AmberError, settings: Settings) -> MCPError:
    code = INVALID_PARAMS if isinstance(error, InvalidRequest) else INTERNAL_ERROR
    return MCPError(code=code, message=worded(error, settings))
