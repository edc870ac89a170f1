"""Reading what is kept, for those who cannot wait long for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from .base import StorageUnavailable

_SECONDS = 8.0
"""Longer than a home that is out of reach takes to say so: what it says tells more."""


@contextmanager
def storage_deadline(within: float = _SECONDS) -> Iterator[None]:
    """Read the state within so many seconds, and never more than eight.

    Raises:
        StateUnavailable: if it takes longer.
    """
    seconds = min(within, _SECONDS)
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise StorageUnavailable(f"the state did not answer within {seconds:g} s")
