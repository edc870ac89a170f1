"""The application: four APIs, their errors, and who may ask at all."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticSerializationError
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from . import adaptive, amber, morpheus, openai_format, pages
from .connections import LOOPBACK, Connections
from .fault_injection import FaultLayer
from .faults import CONTROL, Fault
from .state import Error, State, amber_key

_LARGEST_BODY = 16 * 2**20


def create_app(state: State, connections: Connections) -> ASGIApp:
    """The sandbox as an ASGI application, reached over `connections`."""
    app = FastAPI(
        title="amber sandbox",
        summary="Four documented chat APIs",
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        max_body_size=_LARGEST_BODY,
        responses={code: {"model": Error} for code in (400, 401, 404)},
    )
    app.state.sandbox = state
    for api in (openai_format, amber, morpheus, adaptive, pages):
        app.include_router(api.router)
    app.add_exception_handler(HTTPException, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    for kind in (UnicodeEncodeError, PydanticSerializationError):
        app.add_exception_handler(kind, _answer_half_characters)

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
            state.faults.forget()
        return state.faults.shown()

    # A web page may send requests here under a name of its own: such are refused.
    faulty = FaultLayer(app, state.faults, connections)
    return TrustedHostMiddleware(faulty, LOOPBACK, www_redirect=False)


def _is_adaptive(request: Request) -> bool:
    return request.url.path.startswith(adaptive.router.prefix)


async def _answer_error(request: Request, error: Exception) -> Response:
    """`{"detail": text}`, Adaptive's `{"error": text}`, or the body that an API formed."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    name = "error" if _is_adaptive(request) else "detail"
    detail: object = error.detail
    body = detail if isinstance(detail, dict) else {name: detail}
    return JSONResponse(body, error.status_code, error.headers)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """FastAPI's 422 without what was sent, in seed 003's form; of Adaptive, a 400 in one text."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    wrong = [{name: each[name] for name in ("loc", "msg", "type")} for each in error.errors()]
    if not _is_adaptive(request):
        return JSONResponse({"detail": wrong}, 422)
    texts = [f"{'.'.join(map(str, each['loc'][1:])) or 'body'}: {each['msg']}" for each in wrong]
    return JSONResponse({"error": "; ".join(texts)}, 400)


async def _answer_half_characters(request: Request, _: Exception) -> Response:
    """A 400 for halves of characters, which JSON allows and an answer cannot repeat."""
    return await _answer_error(request, HTTPException(400, "The body has half a character"))
