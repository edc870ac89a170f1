"""What is kept, and cannot be read: most likely another version of this program has kept it."""

from collections.abc import Iterator
from contextlib import contextmanager

from amber_mcp.errors import InternalError


class InvalidRecord(InternalError):
    """Something that is kept, and is not of the form that this version knows."""

    advice = (
        "Begin anew, or use the version that kept it; AMBER_STATE_TTL says for how long it is kept."
    )


@contextmanager
def validating(what: str) -> Iterator[None]:
    """Read `what`, which is kept.

    Raises:
        Unreadable: if its values are none that are known; of them, nothing is told.
    """
    try:
        yield
    except ValueError:
        raise InvalidRecord(f"{what} was kept by another version of amber-mcp") from None
