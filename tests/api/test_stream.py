"""Streams as they really are: recorded ones, cut anywhere; and bytes that are none.

The files in `streams/` hold the bodies of the sandbox's four APIs, and one with what the documents
allow and proxies add: comments, CRLF, fields of every kind, events over several lines, empty tool
deltas, usage under another name, no `[DONE]`.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amber_mcp.api.adaptive import AdaptiveApi
from amber_mcp.api.stream import read_stream
from amber_mcp.api.types import ChatDelta, Usage
from amber_mcp.errors import AmberError, StreamBroken, UpstreamError
from amber_mcp.http.client import Limits
from tests.api.asking import body_of

STREAMS = {path.stem: path.read_bytes() for path in Path(__file__).with_name("streams").iterdir()}
LIMITS = Limits(response_bytes=1_000_000, json_bytes=100_000)


class Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def deltas_in(
    *pieces: bytes,
    limits: Limits = LIMITS,
    content_type: str = "text/event-stream",
    stream: httpx2.AsyncByteStream | None = None,
    choices: int = 1,
) -> AsyncIterator[ChatDelta]:
    response = httpx2.Response(
        200,
        headers={"Content-Type": content_type},
        stream=stream or Pieces(pieces),
        request=httpx2.Request("POST", "https://acme.example"),
    )
    return read_stream(response, limits, ignored=AdaptiveApi.control_fields, choices=choices)


async def deltas_of(*pieces: bytes, **more: Any) -> list[ChatDelta]:
    with anyio.fail_after(60):
        return [delta async for delta in deltas_in(*pieces, **more)]


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize("name", STREAMS)
@given(places=st.lists(st.integers(0, 1_000_000), max_size=40))
@settings(max_examples=60, deadline=None)
@example(places=list(range(12_000)))
async def test_a_stream_says_the_same_wherever_it_is_cut(name: str, places: list[int]) -> None:
    whole = await deltas_of(STREAMS[name])
    assert len(whole) > 3
    assert await deltas_of(*cut(STREAMS[name], places)) == whole


async def test_quirks_are_understood() -> None:
    deltas = await deltas_of(STREAMS["quirks-crlf"])
    assert "".join(delta.text for delta in deltas) == "Grüße 🙂 über\nzwei Zeilen"
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["tool_calls"]
    assert deltas[-1].usage == Usage(3, 4, 7)
    body = body_of(deltas)
    assert body["session_id"] == "s1"
    (call,) = body["choices"][0]["message"]["tool_calls"]
    assert call["id"] == "call_1"
    assert call["function"] == {"name": "f", "arguments": '{"a":"ä"}'}


@pytest.mark.parametrize("name", STREAMS)
async def test_line_ends_of_every_kind_are_understood(name: str) -> None:
    lines = STREAMS[name].splitlines()
    whole = await deltas_of(STREAMS[name])
    for end in (b"\n", b"\r\n", b"\r"):
        assert await deltas_of(end.join([*lines, b"", b""])) == whole


@pytest.mark.parametrize("name", STREAMS)
@given(place=st.integers(0, 1_000_000))
@settings(max_examples=60, deadline=None)
async def test_a_stream_that_ends_early_is_broken_or_whole_and_never_anything_else(
    name: str, place: int
) -> None:
    content = STREAMS[name][: place % len(STREAMS[name])]
    try:
        deltas = await deltas_of(content)
    except StreamBroken:
        return
    assert any(delta.finish_reason for delta in deltas) or b"[DONE]" in content


FIELDS = [
    "choices", "delta", "message", "content", "finish_reason", "index", "error", "usage",
    "usage_from_provider", "prompt_tokens", "tool_calls", "function", "arguments", "annotations",
    "url_citation", "sources", "url", "title", "type", "code", "TTFT",
]  # fmt: skip
CHUNKS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["", "stop", "Half"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(st.lists(CHUNKS, max_size=5))
@settings(max_examples=200, deadline=None)
@example([{"choices": [{"index": 10**30, "delta": {"content": "x"}}]}])
@example([{"choices": [{"delta": {"tool_calls": [{"index": -1}, 3, None]}}]}])
async def test_chunks_of_any_form_are_read_or_refused(chunks: list[object]) -> None:
    content = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
    with suppress(AmberError):
        body_of(await deltas_of(content))


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"data:", b"\n\n", b"{}", b"\r"])))
@settings(max_examples=200, deadline=None)
async def test_bytes_of_any_kind_are_read_or_refused(pieces: list[bytes]) -> None:
    with suppress(AmberError, httpx2.HTTPError):
        await deltas_of(*pieces)


def chunk(text: str, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (["Half and half."], "Half and half."),
        ([" Half and half.\n"], "Half and half."),
        (["Half"], "Half and half.Half"),
        ([], "Half and half."),
    ],
)
async def test_what_deltas_said_is_not_said_again(messages: list[str], text: str) -> None:
    whole = [
        {"choices": [{"message": {"content": each, "x": 1}, "finish_reason": "stop"}]}
        for each in messages
    ]
    last = [f"data: {json.dumps(each)}\n\n".encode() for each in whole]
    deltas = await deltas_of(chunk("Half"), chunk(" and half."), *last, b"data: [DONE]\n\n")
    assert "".join(delta.text for delta in deltas) == text
    (choice,) = body_of(deltas)["choices"]
    assert choice["message"]["content"] == text
    assert choice["message"].get("x") == (1 if messages else None)


async def test_pieces_that_are_messages_may_be_alike() -> None:
    piece = b'data: {"choices": [{"message": {"content": "ha"}}]}\n\n'
    deltas = await deltas_of(piece, piece, b"data: [DONE]\n\n")
    assert "".join(delta.text for delta in deltas) == "haha"


async def test_events_without_blank_lines_are_told_one_by_one() -> None:
    lines = b"".join(chunk(text).strip() + b"\n" for text in ("Half", " and half."))
    deltas = []
    with anyio.fail_after(10), pytest.raises(UpstreamError, match="not a JSON object"):
        async for delta in deltas_in(lines + b"data: {oops\n\n"):
            deltas.append(delta.text)  # noqa: PERF401  # the ones before the error count
    assert deltas == ["Half", " and half."]


async def test_a_byte_order_mark_hides_nothing() -> None:
    deltas = await deltas_of(b"\xef\xbb", b"\xbf" + chunk("First. "), chunk("Second.", "stop"))
    assert "".join(delta.text for delta in deltas) == "First. Second."


@pytest.mark.parametrize("end", [b"", b"\n", b"data: [DONE]", b"data: [DONE]\n"])
async def test_the_last_event_needs_no_blank_line(end: bytes) -> None:
    deltas = await deltas_of(chunk("Half"), chunk(" and half.", "stop").rstrip() + b"\n\n" + end)
    assert "".join(delta.text for delta in deltas) == "Half and half."
    (delta,) = await deltas_of(chunk("Whole.", "stop").rstrip() + end[:0])
    assert delta.text == "Whole."


@pytest.mark.parametrize(
    "error",
    [
        b'data: {"object": "error", "message": "engine died", "code": 500}\n\n',
        b'event: error\ndata: {"message": "engine died"}\n\n',
        b"event: error\ndata: engine died\n\n",
        b'data: {"detail": "engine died"}\n\n',
        b'data: {"error": "engine died", "finish_reason": "error"}\n\n',
        b'data: {"choices": [{"delta": {}, "error": {"message": "engine died"}}]}\n\n',
    ],
)
async def test_an_error_of_any_form_is_one(error: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        await deltas_of(chunk("Half an ans"), error, b"data: [DONE]\n\n")
    assert raised.value.upstream == "engine died"


@pytest.mark.parametrize("charset", ["iso-8859-1", "idna", "undefined", "base64", "utf-16"])
async def test_events_are_utf_8_whatever_the_header_says(charset: str) -> None:
    kind = f"text/event-stream; charset={charset}"
    (delta,) = await deltas_of(chunk("Grüße", "stop"), content_type=kind)
    assert delta.text == "Grüße"


class Breaks(Pieces):
    """Its pieces, and then the connection breaks, or falls silent."""

    def __init__(self, pieces: Sequence[bytes], *, silent: bool) -> None:
        super().__init__(pieces)
        self._silent = silent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in super().__aiter__():
            yield piece
        if self._silent:
            await anyio.sleep_forever()
        raise httpx2.ReadError("reset")


@pytest.mark.parametrize("silent", [False, True], ids=["broken", "silent"])
async def test_after_its_finish_an_answer_is_whole(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.api.stream._AFTER_ANSWER_SECONDS", 0.05)
    (delta,) = await deltas_of(stream=Breaks([chunk("All of it.", "stop")], silent=silent))
    assert delta.text == "All of it."


@pytest.mark.parametrize(
    "after",
    [
        b"data: {oops\n\n",
        b'event: error\ndata: {"message": "late"}\n\n',
        b"data: " + b"x" * 200_000,
    ],
    ids=["no JSON", "an error", "too long"],
)
async def test_what_comes_after_a_whole_answer_is_of_no_account(after: bytes) -> None:
    (delta,) = await deltas_of(chunk("All of it.", "stop"), after)
    assert delta.text == "All of it."


async def test_a_connection_that_breaks_after_done_breaks_nothing() -> None:
    done = [chunk("All of it.", "stop"), b"data: [DONE]\n\n"]
    (delta,) = await deltas_of(stream=Breaks(done, silent=False))
    assert delta.text == "All of it."


async def test_after_a_call_of_a_tool_more_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amber_mcp.api.stream._AFTER_ANSWER_SECONDS", 0)

    class Pausing(Pieces):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in super().__aiter__():
                yield piece
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()

    pieces = Pausing([chunk("", "tool_calls"), chunk("The answer.", "stop")])
    assert "".join(delta.text for delta in await deltas_of(stream=pieces)) == "The answer."


async def test_before_its_finish_it_is_not() -> None:
    with pytest.raises(httpx2.ReadError):
        await deltas_of(stream=Breaks([chunk("All of")], silent=False))
    with pytest.raises(httpx2.ReadError):
        await deltas_of(stream=Breaks([chunk("One of two.", "stop")], silent=False), choices=2)


async def test_an_event_has_its_limit() -> None:
    with pytest.raises(httpx2.SSEError, match="limit"):
        await deltas_of(b"data: ", *[b"x" * 10_000] * 20)


async def test_an_answer_has_its_limit() -> None:
    chunk = b'data: {"choices": [{"delta": {"content": "' + b"x" * 900 + b'"}}]}\n\n'
    with pytest.raises(UpstreamError, match="AMBER_MAX_RESPONSE_BYTES"):
        await deltas_of(*[chunk] * 20, limits=Limits(response_bytes=10_000, json_bytes=2_000))
