"""Faults on demand: what a service, or the network before it, does wrong when it is asked to.

They are asked for over HTTP, at `/sandbox/faults`, with amber's key: `POST` adds one, `GET` shows
those to come and the requests that came, `DELETE` takes them all back.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .bodies import parse, read_body

CONTROL = "/sandbox/faults"
_MOST_REMEMBERED = 2000


class Fault(BaseModel):
    """What is to go wrong, for the next `times` requests to a path."""

    model_config = ConfigDict(extra="forbid")

    path: str = "*"
    """A pattern, as of file names, that the request's path has to fit."""
    times: Annotated[int, Field(ge=1)] = 1
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """Answer with this status, and with `headers` and `body`, in place of the API's answer."""
    headers: dict[str, str] = {}
    body: JsonValue = ""
    """Text is sent as it is, anything else as JSON."""
    delay: Annotated[float, Field(ge=0)] = 0
    """Seconds of silence before the answer begins."""
    accept_delay: Annotated[float, Field(ge=0)] = 0
    """Seconds for which nothing is read from the next `times` connections, whatever the path."""
    bad_json: bool = False
    """Leave out every closing brace of the answer."""
    piece_bytes: Annotated[int, Field(ge=1)] | None = None
    """Send the answer's body in pieces of so many bytes."""
    pause: Annotated[float, Field(ge=0)] = 0
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


class Faults:
    """The faults to come, and the requests that came."""

    def __init__(self) -> None:
        self._to_come: list[Fault] = []
        self._requests: deque[Record] = deque(maxlen=_MOST_REMEMBERED)

    def add(self, fault: Fault) -> None:
        """Let something go wrong."""
        self._to_come.append(fault)

    def next_for(self, path: str) -> Fault | None:
        """The fault of a request to `path`, which is then used up by one."""
        return self._taken(lambda fault: not fault.accept_delay and fnmatchcase(path, fault.path))

    def delay_of_next_connection(self) -> float:
        """The seconds for which nothing is read from a connection that was just made."""
        fault = self._taken(lambda fault: bool(fault.accept_delay))
        return fault.accept_delay if fault else 0

    def record(self, path: str, *, is_faulty: bool) -> Record:
        """Remember a request."""
        record = Record(path, is_faulty)
        self._requests.append(record)
        return record

    def _taken(self, fits: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._to_come:
            if fits(fault):
                fault.times -= 1
                if not fault.times:
                    self._to_come.remove(fault)
                return fault
        return None

    def route(self, *middleware: Middleware) -> Route:
        """The control of the faults."""
        methods = ["GET", "POST", "DELETE"]
        return Route(CONTROL, self._control, methods=methods, middleware=middleware)

    async def _control(self, request: Request) -> Response:
        if request.method == "POST":
            self.add(parse(await read_body(request), Fault))
        if request.method == "DELETE":
            self._to_come.clear()
            self._requests.clear()
        to_come = [fault.model_dump(exclude_defaults=True) for fault in self._to_come]
        return JSONResponse({"to_come": to_come, "requests": [*map(asdict, self._requests)]})
