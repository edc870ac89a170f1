"""Spans, as an operator collects them: what they tell of a call, and that no key is in them."""

import pytest
from mcp import Client
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import JSONResponse

from amber_mcp.server import build_server
from tests.planted import KEY
from tests.upstream import Canned, completion

QUESTION = {"question": "What is the confidential plan?"}


@pytest.mark.parametrize(
    "answer",
    [
        completion(f"The answer of {KEY}"),
        JSONResponse({"detail": f"Bearer {KEY} is no key"}, 401),
        JSONResponse({"detail": f"{KEY} crashed"}, 500),
    ],
    ids=["answer", "refusal", "failure"],
)
async def test_spans_tell_of_calls_and_hold_no_key(
    spans: InMemorySpanExporter, upstream: Canned, answer: JSONResponse
) -> None:
    async with upstream(answer) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_RETRIES="0")
        async with Client(build_server(settings, local_files=False)) as client:
            await client.call_tool("ask_amber", QUESTION)
    told = [span.to_json() for span in spans.get_finished_spans()]
    assert any("tools/call ask_amber" in span for span in told)
    assert not any("confidential" in span or "planted" in span for span in told)
