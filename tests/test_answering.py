"""Answering: pieces are reported, gathered and bounded, and every end keeps the text so far."""

import json
import time

import anyio
import pytest

from amber_mcp.answering import Answer, answer
from amber_mcp.api.types import ChatRequest, Message, Source, Usage
from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, StreamBroken, UpstreamTimeout
from tests.planted import KEY
from tests.upstream import (
    Canned,
    Upstream,
    amber_of,
    broken_stream,
    client_of,
    events,
    stalled_stream,
    text_chunk,
)

QUESTION = ChatRequest((Message("user", "Why?"),), model="asked-for")


async def answered(
    settings: Settings, pieces: list[str], *, max_chars: int = 1_000, timeout: float = 10
) -> Answer:
    with anyio.fail_after(10):
        async with client_of(settings) as http:
            api = amber_of(http)
            return await answer(
                api, QUESTION, on_text=pieces.append, max_chars=max_chars, timeout=timeout
            )


async def test_an_answer_is_the_sum_of_its_pieces(upstream: Canned) -> None:
    usage = json.dumps({"choices": [], "usage": {"total_tokens": 5}})
    chunks = (text_chunk("See [A](https://w.example/a)"), text_chunk(".", "stop"), usage)
    pieces: list[str] = []
    async with upstream(events(*chunks)) as canned:
        whole = await answered(canned.settings(), pieces)
    assert pieces == ["See [A](https://w.example/a)", "."]
    assert whole.text == "See [A](https://w.example/a)."
    assert whole.model == "canned"
    assert whole.finish_reason == "stop"
    assert whole.usage == Usage(total_tokens=5)
    assert whole.sources == (Source(1, "A", "https://w.example/a", "", "link"),)
    assert not whole.truncated
    assert whole.elapsed_seconds >= 0


async def test_a_long_answer_is_cut_and_says_so(upstream: Canned) -> None:
    chunks = (text_chunk("12345"), text_chunk("67890"), text_chunk("12345", "stop"))
    async with upstream(events(*chunks)) as canned:
        cut = await answered(canned.settings(), [], max_chars=8)
        whole = await answered(canned.settings(), [], max_chars=15)
    assert (cut.text, cut.truncated, cut.finish_reason) == ("12345678", True, "stop")
    assert (whole.text, whole.truncated) == ("123456789012345", False)


async def test_fields_of_sources_come_before_links_and_images_become_links(
    upstream: Canned,
) -> None:
    chunk = json.loads(text_chunk("![i](https://w.example/i.png) https://w.example/a", "stop"))
    chunk["sources"] = [{"url": "https://w.example/a", "title": "A"}]
    async with upstream(events(json.dumps(chunk))) as canned:
        whole = await answered(canned.settings(), [])
    assert whole.text == "[i](https://w.example/i.png) https://w.example/a"
    assert whole.sources == (
        Source(1, "A", "https://w.example/a", "", "citation"),
        Source(2, "i", "https://w.example/i.png", "", "link"),
    )


async def test_a_limit_ends_the_request_and_keeps_the_text_so_far(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        with pytest.raises(UpstreamTimeout) as error:
            await answered(canned.settings(), [], timeout=0.3)
        with anyio.fail_after(5):
            await canned.closed.wait()
    assert error.value.partial == "Half"
    assert "AMBER_CALL_TIMEOUT" in error.value.next_step


async def test_a_cancelled_question_closes_the_request(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        arrived = anyio.Event()
        async with client_of(canned.settings()) as http, anyio.create_task_group() as tasks:
            api = amber_of(http)

            async def ask() -> None:
                await answer(api, QUESTION, on_text=lambda _: arrived.set())

            tasks.start_soon(ask)
            with anyio.fail_after(5):
                await arrived.wait()
                tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            await canned.closed.wait()


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda _: events(text_chunk("Half"), end=False), "stream_broken"),
        (lambda _: events(text_chunk("Half"), '{"error": "boom"}'), "upstream_error"),
        (broken_stream, "stream_broken"),
    ],
)
async def test_a_broken_answer_keeps_its_text(upstream: Canned, end: object, kind: str) -> None:
    async with upstream(end) as canned:
        with pytest.raises(AmberError) as error:
            await answered(canned.settings(), [])
    assert error.value.kind == kind
    assert error.value.partial == "Half"


async def test_silence_amid_an_answer_keeps_its_text(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        with pytest.raises(AmberError) as error:
            await answered(canned.settings(AMBER_READ_TIMEOUT="0.3"), [])
    assert error.value.kind == "upstream_timeout"
    assert error.value.partial == "Half"
    assert "AMBER_READ_TIMEOUT" in error.value.next_step


async def test_nobody_there_stays_unreachable() -> None:
    nobody = Upstream("http://127.0.0.1:9").settings(AMBER_RETRIES="0")
    with pytest.raises(AmberError) as error:
        await answered(nobody, [])
    assert error.value.kind == "upstream_unreachable"
    assert not isinstance(error.value, StreamBroken)


async def test_a_link_that_the_cut_runs_through_is_no_source(upstream: Canned) -> None:
    text = "See https://w.example/a and https://w.example/very/long/address"
    async with upstream(events(text_chunk(text, "stop"))) as canned:
        whole = await answered(canned.settings(), [], max_chars=len(text) - 5)
    assert whole.truncated
    assert [source.url for source in whole.sources] == ["https://w.example/a"]


async def test_half_a_character_never_gets_out(upstream: Canned) -> None:
    pieces: list[str] = []
    stream = events(text_chunk("A \ud83d"), text_chunk("\ude00 B \ud83d", "stop"))
    async with upstream(stream) as canned:
        whole = await answered(canned.settings(), pieces)
    assert whole.text == "A \U0001f600 B \ufffd"
    "".join(pieces).encode()


async def test_a_refusal_is_reported_as_text_of_the_model_asked_for(upstream: Canned) -> None:
    chunk = json.dumps({"choices": [{"delta": {"refusal": "No."}, "finish_reason": "stop"}]})
    pieces: list[str] = []
    async with upstream(events(chunk)) as canned:
        whole = await answered(canned.settings(), pieces)
    assert pieces == [whole.text] == ["No."]
    assert whole.model == "asked-for"  # as the API names none
    assert whole.notes == []


async def test_an_early_or_an_empty_end_is_noted(upstream: Canned) -> None:
    async with upstream(events(text_chunk("", "content_filter"))) as canned:
        whole = await answered(canned.settings(), [])
    assert whole.notes == [
        "amber gave an empty answer",
        "amber ended this answer early: content_filter",
    ]


async def test_a_long_word_that_is_cut_holds_nobody_up(upstream: Canned) -> None:
    """A pattern that is quadratic in such words took 20 s here."""
    long_word = "x" * 90_000 + " " + "y" * 50_000
    async with upstream(events(text_chunk(long_word, "stop"))) as canned:
        began = time.process_time()
        result = await answered(canned.settings(), [], max_chars=100_000)
        assert time.process_time() - began < 2
    assert result.truncated


async def test_half_a_key_at_the_cut_is_hidden(upstream: Canned) -> None:
    stream = events(text_chunk(f"It is {KEY} indeed", "stop"))
    async with upstream(stream, stream, stream) as canned:
        async with client_of(canned.settings()) as http:
            for hidden in (1, 5, len(KEY) - 6):
                whole = await answer(
                    amber_of(http),
                    QUESTION,
                    on_text=lambda _: None,
                    max_chars=len(f"It is {KEY}") - hidden,
                    secrets=(KEY,),
                )
                assert whole.text == "It is {hidden}"
