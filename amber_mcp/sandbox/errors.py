"""Errors in the shapes that FastAPI gives them, which is what amber's documents point to."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class SandboxError(Exception):
    """The sandbox cannot start, or cannot go on; the message says why."""


class InvalidRequestError(Exception):
    """A request that does not fit the documents: one entry for each thing that is wrong."""

    def __init__(self, details: Sequence[dict[str, Any]]) -> None:
        super().__init__("invalid request")
        self.details = list(details)


class ApiError(Exception):
    """An error in a shape that one API alone has."""

    def __init__(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.body = body
        self.headers = headers


def invalid(location: Sequence[str | int], message: str, kind: str) -> InvalidRequestError:
    """A request with one thing wrong."""
    return InvalidRequestError([{"loc": list(location), "msg": message, "type": kind}])


def invalid_body(error: ValidationError) -> InvalidRequestError:
    """What pydantic found wrong with a body, without repeating what was sent."""
    return InvalidRequestError(
        [
            {"loc": ["body", *each["loc"]], "msg": each["msg"], "type": each["type"]}
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    )


async def answer_http_error(_: Request, error: Exception) -> Response:
    """`{"detail": "..."}` with the status of the error."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def answer_invalid(_: Request, error: Exception) -> Response:
    """`{"detail": [{"loc", "msg", "type"}]}` with status 422."""
    assert isinstance(error, InvalidRequestError)  # noqa: S101 - registered for this class alone
    return JSONResponse({"detail": error.details}, 422)


async def answer_api_error(_: Request, error: Exception) -> Response:
    """The body that the API formed."""
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class alone
    return JSONResponse(error.body, error.status, error.headers)
