"""Faults on demand: what a service, or the network before it, does wrong when it is asked to.

They are asked for over HTTP, at `/sandbox/faults`, with amber's key: `POST` adds one, `GET` shows
those to come and the requests that came, `DELETE` takes them all back.
"""

import json
from collections import deque
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue

CONTROL = "/sandbox/faults"
_MOST_REMEMBERED = 2000

Seconds = Annotated[float, Field(ge=0)]


class Fault(BaseModel, extra="forbid"):
    """What is to go wrong, for the next `times` requests to a path."""

    path: str = "*"
    """A pattern, as of file names, that the request's path has to fit."""
    times: Annotated[int, Field(ge=1)] = 1
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """Answer with this status, and with `headers` and `body`, in place of the API's answer."""
    headers: dict[str, str] = {}
    body: JsonValue = ""
    """Text is sent as it is, anything else as JSON."""
    delay: Seconds = 0
    """Seconds of silence before the answer begins."""
    accept_delay: Seconds = 0
    """Seconds for which nothing is read from the next `times` connections, whatever the path."""
    bad_json: bool = False
    """Leave out every closing brace of the answer."""
    piece_bytes: Annotated[int, Field(ge=1)] | None = None
    """Send the answer's body in pieces of so many bytes."""
    pause: Seconds = 0
    """Seconds of silence before each piece of the body, or each event of a stream."""
    stop_at: Annotated[int, Field(ge=-1)] | None = None
    """Stop after so many bytes of the body; -1 is before the status."""
    stop_by: Literal["close", "reset", "stall"] = "close"
    """How to stop: close the connection, reset it, or send nothing more until the client leaves."""

    @property
    def content(self) -> bytes:
        """The body to answer with."""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass
class Record:
    """A request that came, and how it ended: with its answer, or because the client left."""

    path: str
    is_faulty: bool
    end: Literal["", "answered", "cut", "left"] = ""

    def ended(self, end: Literal["answered", "cut", "left"]) -> None:
        """Take note of the first end."""
        self.end = self.end or end


@dataclass
class Faults:
    """The faults to come, and the requests that came."""

    to_come: list[Fault] = field(default_factory=list)
    requests: deque[Record] = field(default_factory=lambda: deque(maxlen=_MOST_REMEMBERED))

    def take(self, path: str | None) -> Fault | None:
        """The fault of a request to `path`, or of a new connection; it is then used up by one."""
        for fault in self.to_come:
            fits = path is None or fnmatchcase(path, fault.path)
            if fits and (path is None) == (fault.accept_delay > 0):
                fault.times -= 1
                if not fault.times:
                    self.to_come.remove(fault)
                return fault
        return None

    def shown(self) -> dict[str, Any]:
        """The faults to come and the requests that came, for `GET`."""
        to_come = [fault.model_dump(exclude_defaults=True) for fault in self.to_come]
        return {"to_come": to_come, "requests": [asdict(each) for each in self.requests]}
