"""Bodies: what a request carries, read within a limit and held against what is documented."""

import json
import math
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .errors import invalid, invalid_body

_MOST_BODY = 16 * 2**20

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request) -> bytes:
    """The body of a request, as long as it is not too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BODY:
            raise HTTPException(413, "Request body too large")
    return bytes(body)


def parse(body: bytes, kind: type[Body], *, strict: bool = False) -> Body:
    """A body as the model that documents it; `strict` takes no text for a number.

    Raises:
        InvalidRequestError: it does not fit the documents.
    """
    try:
        sent = _whole(json.loads(body, parse_constant=_no_number, parse_float=_finite))
    except (ValueError, RecursionError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        raise invalid(["body", at], "JSON decode error", "json_invalid") from error
    try:
        if strict:
            return kind.model_validate_json(json.dumps(sent), strict=True)
        return kind.model_validate(sent)
    except ValidationError as error:
        raise invalid_body(error) from error


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _whole(value: object) -> object:
    """The same with halves of characters, which JSON allows and UTF-8 does not, as `?`."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value
