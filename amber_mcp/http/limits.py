"""How much one answer may bring, and how long it may keep all else waiting."""

import time
from dataclasses import dataclass, field
from functools import partial

from anyio import CapacityLimiter
from anyio.lowlevel import checkpoint

from amber_mcp.errors import UpstreamError

_TURN_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Limits:
    """The bytes of one answer in all, and of the JSON that is read at once: all of an answer, or
    one event of a streamed one.
    """

    response_bytes: int
    json_bytes: int
    cpu_work: CapacityLimiter = field(default_factory=partial(CapacityLimiter, 1))
    """Of work that keeps a processor busy, one piece at a time: more would only take turns, from
    the event loop as well.
    """

    def response_too_long(self) -> UpstreamError:
        """The error of an answer over its limit."""
        return _too_long(self.response_bytes, "AMBER_MAX_RESPONSE_BYTES")

    def json_too_long(self) -> UpstreamError:
        """The error of JSON over its limit."""
        return _too_long(self.json_bytes, "AMBER_MAX_JSON_BYTES")


def _too_long(limit: int, variable: str) -> UpstreamError:
    return UpstreamError(
        f"the answer is longer than {limit} bytes, which is {variable}",
        advice=f"Ask something narrower, or raise {variable}.",
    )


class Turns:
    """Lets other tasks have their turn, while something that never has to wait goes on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def offer(self) -> None:
        """Let others run, if they have waited for 5 ms."""
        if time.monotonic() - self._began > _TURN_SECONDS:
            await checkpoint()
            self._began = time.monotonic()
