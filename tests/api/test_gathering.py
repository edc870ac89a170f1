"""Gathering: the pieces of a stream become the body that would have come at once."""

import copy

from amber_mcp.api.gathering import Gathered


def gathered(*chunks: dict) -> dict:
    whole = Gathered()
    for chunk in chunks:
        whole.add(chunk)
    return whole.body()


def choice(index: int = 0, finish_reason: str | None = None, **delta: object) -> dict:
    return {"index": index, "delta": delta, "finish_reason": finish_reason}


def test_a_whole_body_stays_what_it_was_less_what_is_null() -> None:
    body = {
        "id": "chatcmpl-1",
        "created": 1782397258,
        "model": "gpt-5.4-2026-03-05",
        "service_tier": "default",
        "system_fingerprint": "",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": '{"city":"Aachen"}'},
                        }
                    ],
                },
            }
        ],
        "usage": {"total_tokens": 195, "prompt_tokens_details": {"cached_tokens": 0}},
    }
    sent = copy.deepcopy(body)
    sent["choices"][0]["message"] |= {"refusal": None, "audio": None, "function_call": None}
    sent["choices"][0]["logprobs"] = None
    assert gathered(sent) == body


def test_text_is_joined_choice_by_choice() -> None:
    body = gathered(
        {"id": "x", "choices": [choice(0, role="assistant", content="A"), choice(1, content="C")]},
        {"id": "x", "choices": [choice(1, content="D"), choice(0, content="B")]},
        {"choices": [choice(0, "stop", content=None), choice(1, "length")]},
        {"choices": [], "usage": {"total_tokens": 3}},
        {"id": None, "choices": None, "usage": None},
    )
    assert body == {
        "id": "x",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "AB"},
            },
            {
                "index": 1,
                "finish_reason": "length",
                "message": {"role": "assistant", "content": "CD"},
            },
        ],
        "usage": {"total_tokens": 3},
    }


def test_empty_text_in_later_pieces_of_a_call_never_overwrites() -> None:
    first = {"index": 0, "id": "chatcmpl-tool-1", "type": "function", "function": {"name": "f"}}
    later = {"index": 0, "id": "", "type": "", "function": {"name": "", "arguments": '{"a"'}}
    last = {"index": 0, "id": "", "type": "", "function": {"arguments": ":1}"}}
    body = gathered(
        {"choices": [choice(content=None, tool_calls=[first])]},
        {"choices": [choice(tool_calls=[later])]},
        {"choices": [choice(0, "tool_calls", tool_calls=[last])]},
    )
    (call,) = body["choices"][0]["message"]["tool_calls"]
    assert call == {
        "id": "chatcmpl-tool-1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":1}'},
    }


def test_several_calls_are_told_apart_by_their_index() -> None:
    def piece(index: int, name: str = "", arguments: str = "") -> dict:
        return {"index": index, "function": {"name": name, "arguments": arguments}}

    body = gathered(
        {"choices": [choice(tool_calls=[piece(1, "g"), piece(0, "f")])]},
        {"choices": [choice(tool_calls=[piece(0, arguments="1")])]},
        {"choices": [choice(tool_calls=[piece(1, arguments="2"), "odd"])]},
    )
    calls = [call["function"] for call in body["choices"][0]["message"]["tool_calls"]]
    assert calls == [{"name": "f", "arguments": "1"}, {"name": "g", "arguments": "2"}]


def test_usage_goes_by_several_names_and_the_last_counts() -> None:
    body = gathered(
        {"choices": [], "usage_from_provider": {"total_tokens": 1}},
        {"choices": ["odd"], "usage_from_consumer": {"total_tokens": 2}},
    )
    assert body == {"choices": [], "usage": {"total_tokens": 2}}


def test_what_an_api_adds_is_kept() -> None:
    delta = {
        "content": "A",
        "annotations": [{"type": "url_citation"}],
        "audio": {"id": "a"},
        "function_call": {"name": "f", "arguments": "{}"},
    }
    choice = {
        "index": 0,
        "completion_id": "c",
        "model": "llama",
        "logprobs": {"content": []},
        "delta": delta,
    }
    body = gathered(
        {"session_id": "s", "choices": [choice]},
        {"session_id": "s", "choices": [{"index": 0, "completion_id": "c", "delta": {}}]},
    )
    kept = {name: value for name, value in choice.items() if name != "delta"}
    message = {"role": "assistant", **delta}
    assert body == {"session_id": "s", "choices": [{**kept, "message": message}], "usage": {}}


def test_a_refusal_and_the_arguments_of_an_old_call_are_joined_too() -> None:
    body = gathered(
        {"choices": [choice(refusal="No", function_call={"name": "f", "arguments": "{"})]},
        {"choices": [choice(refusal=".", function_call={"arguments": "}"})]},
    )
    message = body["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "refusal": "No.",
        "function_call": {"name": "f", "arguments": "{}"},
    }
