"""What a call or a request becomes where it fails, or takes longer than it may."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from amber_mcp.errors import AmberError, InternalError, UpstreamTimeout

logger = logging.getLogger(__name__)

GRACE_SECONDS = 0.5
"""What a block gets beyond its limit: one that has something to show ends by itself before."""


@contextmanager
def error_boundary(
    what: str, limit: float, *, others: tuple[type[Exception], ...] = (), advice: str = ""
) -> Iterator[None]:
    """Do `what`, which ends itself with a `TimeoutError` after `limit` seconds and a little more.

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
