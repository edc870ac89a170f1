"""What a running sandbox knows and remembers, as endpoints are given it; who may ask for it."""

import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from .company import Company
from .documents import Document
from .faults import Faults
from .serving import Sandbox

_REMEMBERED = 10_000


@dataclass
class State:
    """One sandbox. `pace` is the time between two pieces of a stream."""

    sandbox: Sandbox
    company: Company
    pace: float
    faults: Faults = field(default_factory=Faults)
    uploads: dict[str, Document] = field(default_factory=dict)
    morpheus_session: str = field(default_factory=lambda: f"0x{token_hex(32)}")
    adaptive_sessions: deque[UUID] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    adaptive_completions: deque[UUID] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


def _state(request: Request) -> State:
    state: State = request.app.state.sandbox
    return state


Sandboxed = Annotated[State, Depends(_state)]


class Error(BaseModel):
    """What a refusal says: FastAPI's `detail`, or the `error` of an API of its own form."""

    detail: str | None = None
    error: Any = None


def bearer(name: str, key: Callable[[State], str]) -> Any:
    """A dependency that lets nobody in without an API's key, as a Bearer token (seed 001)."""
    scheme = HTTPBearer(scheme_name=name, auto_error=False)

    def check(
        state: Sandboxed, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)]
    ) -> None:
        if not sent or not hmac.compare_digest(sent.credentials.encode(), key(state).encode()):
            message = "Invalid or missing API key"
            raise HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})

    return Depends(check)


amber_key = bearer("amber", lambda state: state.sandbox.api_key)
