"""The application: who may ask what, and which API answers."""

import hmac
import ipaddress
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from . import adaptive, openapi, pages
from .adaptive import AdaptiveApi
from .amber import AmberApi
from .company import Company
from .connections import Connections
from .errors import (
    ApiError,
    InvalidRequestError,
    answer_api_error,
    answer_http_error,
    answer_invalid,
)
from .faults import Faults
from .faulty import FaultLayer
from .morpheus import MorpheusApi
from .openai_format import OpenAiFormatApi
from .uploads import Uploads


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _host(request: Request) -> str:
    sent = request.headers.get("host", "")
    bracketed, _, _ = sent.partition("]")
    return bracketed[1:] if sent.startswith("[") else sent.rpartition(":")[0] or sent


class KeyCheck:
    """Lets nobody in without the key, as a Bearer token (seed 001, Authentication)."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._key = api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scheme, _, sent = Request(scope).headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode(), self._key):
            raise HTTPException(
                401, "Invalid or missing API key", headers={"WWW-Authenticate": "Bearer"}
            )
        await self._app(scope, receive, send)


class LoopbackCheck:
    """Refuses requests that a web page sent here under a name of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_loopback(_host(Request(scope))):
            refusal = JSONResponse({"detail": "Only loopback hosts are served"}, 421)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Keys:
    """The key of each API."""

    amber: str = field(repr=False)
    morpheus: str = field(repr=False)
    adaptive: str = field(repr=False)


def create_app(
    company: Company,
    uploads: Uploads,
    *,
    keys: Keys,
    connections: Connections,
    pace: float = 0.005,
    session_seconds: float = 600,
) -> Starlette:
    """The sandbox as an ASGI application, reached over `connections`.

    `pace` is the time between two pieces of a stream, `session_seconds` how long a session of
    Morpheus lasts.
    """
    faults = Faults()
    connections.delay_of_next = faults.delay_of_next_connection
    amber = [*AmberApi(company, uploads, pace).routes(), *OpenAiFormatApi(pace).routes()]
    morpheus = MorpheusApi(keys.morpheus, session_seconds, pace)
    adaptive_errors = {
        HTTPException: adaptive.answer_http_error,
        InvalidRequestError: adaptive.answer_invalid,
        ApiError: answer_api_error,
    }
    return Starlette(
        routes=[
            Mount(
                "/api/beta",
                routes=amber,
                middleware=[Middleware(KeyCheck, api_key=keys.amber)],
            ),
            Mount("/morpheus/api/v1", routes=morpheus.routes()),
            Mount(
                "/adaptive/api/v1",
                routes=AdaptiveApi(company, pace).routes(),
                middleware=[
                    Middleware(ExceptionMiddleware, handlers=adaptive_errors),
                    Middleware(KeyCheck, api_key=keys.adaptive),
                ],
            ),
            faults.route(Middleware(KeyCheck, api_key=keys.amber)),
            openapi.route(),
            pages.route("documents", company.documents),
            pages.route("web", company.web),
        ],
        middleware=[
            Middleware(LoopbackCheck),
            Middleware(FaultLayer, faults=faults, connections=connections),
        ],
        exception_handlers={
            HTTPException: answer_http_error,
            InvalidRequestError: answer_invalid,
            ApiError: answer_api_error,
        },
    )
