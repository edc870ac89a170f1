"""The application: four APIs, their errors, and who may ask at all."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticSerializationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, Response

from . import adaptive, amber, morpheus, openai_format, pages
from .fault_injection import FaultLayer
from .faults import CONTROL, Fault
from .state import Error, State, amber_key

_HOSTS = ("localhost", "127.0.0.1", "::1", "[::1]")
_LARGEST_BODY = 16 * 2**20


def create_app(state: State) -> FastAPI:
    """The sandbox as an ASGI application."""
    app = FastAPI(
        title="amber sandbox",
        summary="Four documented chat APIs",
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        max_body_size=_LARGEST_BODY,
        responses={code: {"model": Error} for code in (400, 401, 404)},
        middleware=[
            # A web page may send requests here under a name of its own: such are refused.
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
            Middleware(FaultLayer, state.faults),
        ],
        exception_handlers={
            HTTPException: _answer_error,
            RequestValidationError: _answer_invalid,
            UnicodeEncodeError: _answer_half_characters,
            PydanticSerializationError: _answer_half_characters,
        },
    )
    app.state.sandbox = state
    for api in (openai_format, amber, morpheus, adaptive, pages):
        app.include_router(api.router)

    @app.api_route(
        CONTROL,
        methods=["GET", "POST", "DELETE"],
        dependencies=[amber_key],
        include_in_schema=False,
    )
    async def control_faults(request: Request, fault: Fault | None = None) -> dict[str, Any]:
        if request.method == "POST" and fault:
            state.faults.to_come.append(fault)
        if request.method == "DELETE":
            state.faults.to_come.clear()
            state.faults.requests.clear()
        return state.faults.shown()

    return app


def _is_adaptive(request: Request) -> bool:
    return request.url.path.startswith(adaptive.router.prefix)


async def _answer_error(request: Request, error: HTTPException) -> Response:
    """`{"detail": text}`, Adaptive's `{"error": text}`, or the body that an API formed."""
    name = "error" if _is_adaptive(request) else "detail"
    detail: object = error.detail
    body = detail if isinstance(detail, dict) else {name: detail}
    return JSONResponse(body, error.status_code, error.headers)


async def _answer_invalid(request: Request, error: RequestValidationError) -> Response:
    """FastAPI's 422 without what was sent, in seed 003's form; of Adaptive, a 400 in one text."""
    wrong = [{name: each[name] for name in ("loc", "msg", "type")} for each in error.errors()]
    if not _is_adaptive(request):
        return JSONResponse({"detail": wrong}, 422)
    texts = [f"{'.'.join(map(str, each['loc'][1:])) or 'body'}: {each['msg']}" for each in wrong]
    return JSONResponse({"error": "; ".join(texts)}, 400)


async def _answer_half_characters(request: Request, _: Exception) -> Response:
    """A 400 for halves of characters, which JSON allows and an answer cannot repeat."""
    return await _answer_error(request, HTTPException(400, "The body has half a character"))
