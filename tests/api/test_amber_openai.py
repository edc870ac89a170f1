"""amber's OpenAI-format API: what seed 002 shows is sent and read, and nothing else is sent."""

from starlette.responses import JSONResponse

from amber_mcp.api.types import ChatRequest, Message
from tests.api.asking import CALL, FUNCTION, QUESTION, asked, sent
from tests.planted import KEY
from tests.upstream import Canned, completion, events, text_chunk

IMAGE = {"type": "image_url", "image_url": {"url": "https://images.example/team.jpg"}}


async def test_a_request_is_sent_as_the_documents_show_it(upstream: Canned) -> None:
    question = {"type": "text", "text": "What's in this image?"}
    request = ChatRequest(
        messages=(
            Message("developer", "You are a helpful assistant."),
            Message("user", [question, IMAGE]),
        ),
        model="azure/gpt-5.4",
        functions=(FUNCTION,),
        parameters={"max_tokens": 300, "tool_choice": "auto"},
    )
    async with upstream(events(text_chunk("A team.", "stop"))) as canned:
        await asked(canned, "amber-openai", request)
    (seen,) = canned.seen
    assert seen.path == "/api/beta/openai/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["accept"] == "text/event-stream"
    assert sent(canned)[0] == {
        "model": "azure/gpt-5.4",
        "messages": [
            {"role": "developer", "content": "You are a helpful assistant."},
            {"role": "user", "content": [question, IMAGE]},
        ],
        "max_tokens": 300,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [FUNCTION],
        "tool_choice": "auto",
    }


async def test_a_plain_request_carries_no_metadata_and_no_empty_tools(upstream: Canned) -> None:
    async with upstream(completion("Hello!")) as canned:
        (delta,) = await asked(canned, "amber-openai", stream=False)
    assert delta.text == "Hello!"
    assert sent(canned)[0] == {
        "model": "m",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": False,
    }


async def test_tool_calls_and_their_results_go_back_and_forth(upstream: Canned) -> None:
    called = Message("assistant", None, {"tool_calls": [CALL]})
    result = Message("tool", "Sun.", {"tool_call_id": "c"})
    request = ChatRequest((*QUESTION.messages, called, result), "m")
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL]}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    async with upstream(JSONResponse(answer)) as canned:
        (delta,) = await asked(canned, "amber-openai", request, stream=False)
    assert sent(canned)[0]["messages"][1:] == [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "Sun.", "tool_call_id": "c"},
    ]
    assert delta.finish_reason == "tool_calls"
    assert delta.chunk == answer
