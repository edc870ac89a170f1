"""What a call or a request becomes where it fails, or takes longer than `AMBER_CALL_TIMEOUT`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, InternalError, InvalidRequest, UpstreamTimeout, describe
from amber_mcp.text.json_values import well_formed
from amber_mcp.text.redaction import redact

logger = logging.getLogger(__name__)

GRACE_SECONDS = 0.5
"""What a block gets beyond its limit: one that has something to show ends by itself before."""
_ADVICE = "Try again later; where amber needs more time, raise AMBER_CALL_TIMEOUT."


@contextmanager
def error_boundary(
    what: str, limit: float, *, others: tuple[type[Exception], ...] = (), advice: str = ""
) -> Iterator[None]:
    """Turn whatever the block raises into an `AmberError`. The block keeps its time limit itself.

    Args:
        others: the errors that go on as they are, as those of amber do.
        advice: what to do where it took too long.

    Raises:
        UpstreamTimeout: if it took too long.
        InternalError: for whatever nobody has foreseen, which is logged.
    """
    try:
        yield
    except AmberError:
        raise
    except others:
        raise
    except TimeoutError:
        raise UpstreamTimeout(f"{what} took longer than {limit:g} s", advice=advice) from None
    except Exception as error:
        logger.exception("failed unexpectedly", extra={"what": what})
        raise InternalError(
            f"{what} failed with {type(error).__name__}; the log has the details"
        ) from None


@contextmanager
def request_boundary(settings: Settings, event: str, what: str) -> Iterator[dict[str, object]]:
    """Serve a request that is no tool's call, within the same time; log it.

    At its end the event is logged, with its seconds, its outcome (an error's kind, or `completed`),
    and what the block adds to the mapping that it gets.

    Raises:
        MCPError: -32602 for what was asked wrongly, -32603 for the rest.
    """
    fields: dict[str, object] = {}
    started, limit = anyio.current_time(), settings.call_timeout
    try:
        with (
            error_boundary(what, limit, others=(MCPError,), advice=_ADVICE),
            anyio.fail_after(limit + GRACE_SECONDS),
        ):
            yield fields
        fields["outcome"] = "completed"
    except MCPError:
        fields.setdefault("outcome", "failed")
        raise
    except AmberError as error:
        fields["outcome"] = error.kind
        code = INVALID_PARAMS if isinstance(error, InvalidRequest) else INTERNAL_ERROR
        raise MCPError(code=code, message=error_message(error, settings)) from None
    finally:
        fields.setdefault("outcome", "cancelled")
        fields["seconds"] = f"{anyio.current_time() - started:.3f}"
        logger.info(event, extra=fields)


@contextmanager
def best_effort(event: str, seconds: float, level: int, **fields: object) -> Iterator[None]:
    """Do as much as `seconds` allow, for what may stay incomplete; log what kept the rest.

    Args:
        level: the log's for errors of a known kind and for a timeout.
    """
    with anyio.move_on_after(seconds) as within:
        try:
            yield
        except AmberError as error:
            logger.log(level, event, extra={**fields, "cause": error.kind})
        except Exception:
            logger.exception(event, extra=fields)
    if within.cancelled_caught:
        logger.log(level, event, extra={**fields, "cause": "timeout"})


def error_message(error: AmberError, settings: Settings) -> str:
    """The error as the assistant is to read it, without secrets."""
    words = describe(error, max_upstream_chars=settings.max_error_chars)
    return well_formed(redact(words, *settings.secrets))
