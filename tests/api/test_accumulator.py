"""Gathering: the pieces of a stream become the body that would have come at once."""

import copy
import time

import pytest

from amber_mcp.api.accumulator import CompletionAccumulator
from amber_mcp.errors import TooLarge


def gathered(*chunks: dict) -> dict:
    whole = CompletionAccumulator()
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


def test_usage_goes_by_several_names_and_the_last_counts() -> None:
    body = gathered(
        {"choices": [], "usage_from_provider": {"total_tokens": 1}},
        {"choices": [5], "usage_from_consumer": {"total_tokens": 2}},
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


def calls_of(body: dict) -> list[dict]:
    calls: list[dict] = body["choices"][0]["message"]["tool_calls"]
    return calls


def call(name: str = "", arguments: str = "", **more: object) -> dict:
    return {**more, "function": {"name": name, "arguments": arguments}}


def test_a_call_keeps_its_index_whatever_comes_before_it() -> None:
    only_second = gathered(
        {"choices": [choice(tool_calls=[call("f", index=1, id="c")])]},
        {"choices": [choice(tool_calls=[call(arguments="{}", index=1)])]},
    )
    assert calls_of(only_second) == [call("f", "{}", index=1, id="c")]
    swapped = gathered(
        {"choices": [choice(tool_calls=[call("g", "{", index=1, id="b")])]},
        {"choices": [choice(tool_calls=[call("f", "{", index=0, id="a")])]},
        {"choices": [choice(tool_calls=[call(arguments="1}", index=1)])]},
        {"choices": [choice(tool_calls=[call(arguments="0}", index=0)])]},
    )
    assert calls_of(swapped) == [
        call("f", "{0}", index=0, id="a"),
        call("g", "{1}", index=1, id="b"),
    ]


def test_another_id_begins_another_call() -> None:
    for more in ({}, {"index": 0}):
        body = gathered(
            {"choices": [choice(tool_calls=[call("f", "{", id="a", **more)])]},
            {"choices": [choice(tool_calls=[call(arguments="}", id="a", **more)])]},
            {"choices": [choice(tool_calls=[call("g", "[", id="b", **more)])]},
            {"choices": [choice(tool_calls=[call(arguments="]", **more)])]},
        )
        assert calls_of(body) == [call("f", "{}", id="a", **more), call("g", "[]", id="b", **more)]


def test_the_calls_of_a_whole_body_stay_apart() -> None:
    same = [call("f", "{}", index=0), call("f", "{}", index=0), call("g", "{}", id="x")]
    message = {"role": "assistant", "content": None, "tool_calls": same}
    assert calls_of(gathered({"choices": [{"index": 0, "message": message}]})) == same


def test_all_that_comes_in_pieces_is_joined() -> None:
    def token(text: str) -> dict:
        return {"token": text, "logprob": -0.0}

    def piece(text: str, number: int) -> dict:
        delta = {
            "content": [{"type": "text", "text": text}],
            "reasoning": text,
            "reasoning_content": text,
            "thinking": text,
            "refusal": text,
            "function_call": {"name": "f", "arguments": text},
            "annotations": [{"number": number}],
            "reasoning_details": [{"text": text}],
            "audio": {"id": "a", "data": text, "transcript": text, "expires_at": number},
        }
        return {"index": 0, "delta": delta, "logprobs": {"content": [token(text)]}}

    body = gathered({"choices": [piece("A", 1)]}, {"choices": [piece("B", 2)]})
    (whole,) = body["choices"]
    assert whole["logprobs"] == {"content": [token("A"), token("B")]}
    assert whole["message"] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
        "reasoning": "AB",
        "reasoning_content": "AB",
        "thinking": "AB",
        "refusal": "AB",
        "function_call": {"name": "f", "arguments": "AB"},
        "annotations": [{"number": 1}, {"number": 2}],
        "reasoning_details": [{"text": "A"}, {"text": "B"}],
        "audio": {"id": "a", "data": "AB", "transcript": "AB", "expires_at": 2},
    }


def test_text_and_parts_of_one_content_are_both_kept() -> None:
    part = {"type": "text", "text": "B"}
    body = gathered(
        {"choices": [choice(content="A")]},
        {"choices": [choice(content=[part])]},
        {"choices": [choice(content="C")]},
    )
    content = body["choices"][0]["message"]["content"]
    assert [each["text"] for each in content] == ["A", "B", "C"]


def test_what_is_empty_never_overwrites() -> None:
    body = gathered(
        {
            "session_id": "s",
            "choices": [{**choice(0, "stop"), "completion_id": "c"}],
            "usage": {"total_tokens": 3},
        },
        {"session_id": "", "choices": [{**choice(0, ""), "completion_id": ""}], "usage": {}},
    )
    assert body["session_id"] == "s"
    assert body["usage"] == {"total_tokens": 3}
    (whole,) = body["choices"]
    assert (whole["finish_reason"], whole["completion_id"]) == ("stop", "c")


def test_a_bare_text_stands_for_a_choice() -> None:
    body = gathered({"choices": ["Hel", {"text": "B"}]}, {"choices": ["lo"]})
    assert body["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}},
        {"index": 1, "message": {"role": "assistant", "content": "B"}},
    ]


def test_a_finish_reason_of_the_whole_stream_is_that_of_every_choice() -> None:
    body = gathered(
        {"choices": [choice(0, content="A"), choice(1, "stop", content="B")]},
        {"finish_reason": "length"},
    )
    assert [each["finish_reason"] for each in body["choices"]] == ["length", "stop"]
    assert "finish_reason" not in body


def test_the_object_of_gathered_chunks_is_a_completion() -> None:
    for told in ("chat.completion", "chat.completion.chunk"):
        assert gathered({"object": told, "choices": []})["object"] == "chat.completion"


def test_many_pieces_are_joined_in_time() -> None:
    whole = CompletionAccumulator()
    started = time.process_time()
    for _ in range(50_000):
        whole.add({"choices": [choice(content="x" * 19)]})
    (one,) = whole.body()["choices"]
    assert len(one["message"]["content"]) == 950_000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x" * 100_000},
        {"audio": {"data": "x" * 100_000}},
        {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 100_000}}]},
        {"annotations": [[]] * 3_000},
        {"tool_calls": [{"index": n, "id": str(n)} for n in range(9_000)]},
    ],
    ids=["text", "audio", "arguments", "lists", "calls"],
)
def test_what_grows_too_large_is_refused(delta: dict) -> None:
    whole = CompletionAccumulator()
    with pytest.raises(TooLarge, match="1,000,000 characters"):
        for _ in range(100):
            whole.add({"choices": [choice(**delta)]})


def test_what_was_told_is_not_changed() -> None:
    chunk = {"choices": [choice(annotations=[{"a": 1}], audio={"id": "x"})], "usage": {"a": 1}}
    before = copy.deepcopy(chunk)
    assert gathered(chunk, chunk)["choices"]
    assert chunk == before


def test_an_id_that_comes_late_or_again_is_the_same_call_s() -> None:
    body = gathered(
        {"choices": [choice(tool_calls=[call("f", "{", index=0, id="")])]},
        {"choices": [choice(tool_calls=[call(arguments="}", index=0, id="a")])]},
    )
    assert calls_of(body) == [call("f", "{}", index=0, id="a")]


def test_another_name_begins_another_call_where_there_is_no_id() -> None:
    body = gathered(
        {"choices": [choice(tool_calls=[call("f", "{", index=0)])]},
        {"choices": [choice(tool_calls=[call(arguments="1", index=0)])]},
        {"choices": [choice(tool_calls=[call("g", "[", index=0)])]},
        {"choices": [choice(tool_calls=[call("f", "}", index=0)])]},
        {"choices": [choice(tool_calls=[call("g", "]", index=0, id="late")])]},
    )
    assert calls_of(body) == [call("f", "{1}", index=0), call("g", "[]", index=0, id="late")]


def test_arguments_under_an_index_of_their_own_belong_to_the_latest_call() -> None:
    body = gathered(
        {"choices": [choice(tool_calls=[call("f", index=0, id="a")])]},
        {"choices": [choice(tool_calls=[call(arguments="{", index=1)])]},
        {"choices": [choice(tool_calls=[call(arguments="}", index=1)])]},
        {"choices": [choice(tool_calls=[call("g", "[", index=1, id="b")])]},
        {"choices": [choice(tool_calls=[call(arguments="]", index=7)])]},
    )
    assert calls_of(body) == [
        call("f", "{}", index=0, id="a"),
        call("g", "[]", index=1, id="b"),
    ]
