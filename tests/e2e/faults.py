"""The faults that are tried on every tool, as the sandbox is told to commit them."""

from collections.abc import Mapping
from typing import Any

from tests.planted import SANDBOX_KEY

_EVENTS = {"Content-Type": "text/event-stream"}
_JSON = {"Content-Type": "application/json"}
_HALF = 'data: {"choices": [{"index": 0, "delta": {"content": "Half an answer"}}]}\n\n'


def _answer(status: int, body: object, **headers: str) -> Mapping[str, Any]:
    return {"status": status, "body": body, "headers": headers}


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "400, FastAPI's detail": _answer(400, {"detail": "Only one tool is allowed"}),
    "401": _answer(401, {"detail": "Invalid API key"}),
    "401 that repeats the key": _answer(
        401, f"Authorization: Bearer {SANDBOX_KEY} is no key; ?api_key={SANDBOX_KEY}"
    ),
    "402, Morpheus's form": _answer(
        402, {"error": {"message": "Insufficient balance", "type": "insufficient_balance"}}
    ),
    "403": _answer(403, {"detail": "No licence"}),
    "404": _answer(404, {"detail": "Not found"}),
    "413 of a proxy, in HTML": _answer(413, "<html><h1>413 Request Entity Too Large</h1></html>"),
    "422, FastAPI's list": _answer(
        422, {"detail": [{"loc": ["body", "model"], "msg": "Field required", "type": "missing"}]}
    ),
    "429 once": {**_answer(429, {"detail": "Slow down"}, **{"Retry-After": "0"}), "times": 1},
    "429, wait a minute": _answer(429, {"detail": "Slow down"}, **{"Retry-After": "60"}),
    "429, wait until 2999": _answer(
        429, "Slow down", **{"Retry-After": "Fri, 01 Nov 2999 00:00:00 GMT"}
    ),
    "500, plain text": _answer(500, "Internal Server Error"),
    "500, long": _answer(500, {"detail": "what happened, at length; " * 4000}),
    "502 of a proxy, in HTML": _answer(
        502, "<html><head><title>x</title></head><h1>502 Bad Gateway</h1></html>"
    ),
    "503 once": {**_answer(503, "Restarting"), "times": 1},
    "503": _answer(503, "Down for maintenance"),
    "504": _answer(504, ""),
    "a redirect": _answer(302, "", Location="https://login.example/"),
    "a login page": _answer(200, "<html><h1>Sign in</h1></html>", **{"Content-Type": "text/html"}),
    "an empty body": _answer(200, ""),
    "JSON of another form": _answer(200, {"ok": True}),
    "JSON nested very deeply": _answer(200, "[" * 100_000, **_JSON),
    "bad JSON": {"bad_json": True},
    "an answer of a megabyte": _answer(200, {"choices": [], "data": [], "x": "x" * 1_000_000}),
    "an error inside a stream": _answer(
        200, 'data: {"error": {"message": "Too busy", "type": "rate_limit_error"}}\n\n', **_EVENTS
    ),
    "a stream that ends early": _answer(200, _HALF, **_EVENTS),
    "a stream of nothing but comments": _answer(200, ": keep-alive\n\n" * 50, **_EVENTS),
    "a stream that is no JSON": _answer(200, "data: {oops\n\n", **_EVENTS),
    "an event without end": _answer(200, "data: " + "x" * 200_000, **_EVENTS),
    "silence before the answer": {"delay": 60},
    "silence after 40 bytes": {"stop_at": 40, "stop_by": "stall"},
    "a connection taken late": {"accept_delay": 60},
    "closed before the answer": {"stop_at": -1, "stop_by": "close"},
    "reset before the answer": {"stop_at": -1, "stop_by": "reset"},
    "closed after 40 bytes": {"stop_at": 40, "stop_by": "close"},
    "reset after 40 bytes": {"stop_at": 40, "stop_by": "reset"},
    "half a second late": {"delay": 0.5},
    "an answer byte by byte": {"piece_bytes": 1},
}
"""By name; each holds for every request, unless it says for how many."""

PATHS = {
    "ask_amber": "/api/beta/amberai/chat/completions",
    "run_agent": "/api/beta/amberai/chat/completions",
    "list_models": "/api/beta/amberai/models",
    "upload_file": "/api/beta/files/upload",
    "chat_completion": "/morpheus/api/v1/chat/completions",
    "send_feedback": "/adaptive/api/v1/outcome",
}
"""Where each tool's requests go."""
