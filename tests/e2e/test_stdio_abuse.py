"""Lines that no client should send: each gets its answer, or none, and the next call is served."""

import base64
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse

from tests.e2e.programs import ENVELOPE, HANDSHAKE, StdioProgram, stdio_program
from tests.e2e.talking import ask_halfway, reaching
from tests.upstream import Canned, stalled_stream, text_chunk

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
MIB = 1024**2
LIMIT = 32 * MIB


@pytest.fixture(scope="module")
async def program() -> AsyncIterator[StdioProgram]:
    """One program for many lines: what one of them breaks, the next test sees."""
    async with stdio_program() as program:
        await program.handshake()
        yield program
        await program.close_stdin()
        assert "Traceback" not in await program.errors()


def request(members: str) -> bytes:
    return f'{{"jsonrpc":"2.0",{members}}}'.encode()


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"this is no JSON", PARSE_ERROR, None),
        (b"{", PARSE_ERROR, None),
        (b"\x00", PARSE_ERROR, None),
        (b"\xff\xfe" + request('"id":1,"method":"ping"'), PARSE_ERROR, None),
        (request('"id":1,"method":"ping"')[:-1], PARSE_ERROR, 1),
        (request('"id":1,"method":"pi') + b'\xffng"}', PARSE_ERROR, 1),
        (request('"method":"ping","id":"one"') + b"}", PARSE_ERROR, "one"),
        (request('"id":1,"method":"ping","params":{"a":NaN}'), PARSE_ERROR, 1),
        (request('"id":1,"method":"ping","params":{"a":' + "9" * 9999 + "}"), PARSE_ERROR, 1),
        (b"[" * 10_000, PARSE_ERROR, None),
        (b"[" * 10_000 + b"]" * 10_000, PARSE_ERROR, None),
        (
            request('"id":1,"method":"x","params":' + '{"a":' * 5_000 + "1" + "}" * 5_000),
            PARSE_ERROR,
            1,
        ),
        (b"5", INVALID_REQUEST, None),
        (b"null", INVALID_REQUEST, None),
        (b'"ping"', INVALID_REQUEST, None),
        (b"[]", INVALID_REQUEST, None),
        (b"[" + request('"id":1,"method":"ping"') + b"]", INVALID_REQUEST, None),
        (b"{}", INVALID_REQUEST, None),
        (request('"id":1'), INVALID_REQUEST, 1),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', INVALID_REQUEST, 1),
        (b'{"id":1,"method":"ping"}', INVALID_REQUEST, 1),
        (request('"id":1.5,"method":"ping"'), INVALID_REQUEST, None),
        (request('"id":null,"method":"ping"'), INVALID_REQUEST, None),
        (request('"id":true,"method":"ping"'), INVALID_REQUEST, None),
        (request('"id":{},"method":"ping"'), INVALID_REQUEST, None),
        (request('"id":1,"method":["ping"]'), INVALID_REQUEST, 1),
        (request('"id":1,"method":"ping","params":[]'), INVALID_REQUEST, 1),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_is_not_a_message_is_refused_and_told_of(
    line: bytes, code: int, request_id: object, program: StdioProgram
) -> None:
    (refusal,) = await program.around(line)
    assert refusal["error"]["code"] == code
    assert refusal["error"]["message"].startswith("The message is not ")
    assert "id" not in refusal if request_id is None else refusal["id"] == request_id


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" \t\r",
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":',
        b'{"method":"notifications/cancelled"}',
        request('"method":"notifications/progress","params":[]'),
        request('"method":"notifications/of/nothing/known"'),
        request('"method":"notifications/cancelled","params":{"requestId":[]}'),
        request('"method":"notifications/cancelled","params":{"requestId":77}'),
        request('"id":1,"result":{}'),
        request('"id":1,"result":"none"'),
        request('"id":1,"error":{"code":-32700,"message":"The line is not JSON"}'),
        request('"error":{"code":-32700,"message":"The line is not JSON"}'),
        b'{"jsonrpc":"2.0","id":1,"result":{"a":\xff}}',
        b"[" + request('"method":"notifications/initialized"') + b"]",
    ],
    ids=lambda line: repr(line)[-50:],
)
async def test_notifications_and_responses_are_never_answered(
    line: bytes, program: StdioProgram
) -> None:
    assert await program.around(line) == []


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b"\xef\xbb\xbf" + request('"id":1,"method":"ping"'), 1),
        (request('"id":2,"method":"ping"') + b"\r", 2),
        (b"\t " + request('"id":3,"method":"ping"'), 3),
        (request('"id":3,"id":4,"method":"tools/list","method":"ping"'), 4),
        (request('"id":"","method":"ping"'), ""),
        (request('"id":"\\ud83d","method":"ping"'), "\ufffd"),
        (request('"id":-9223372036854775809,"method":"ping"'), -9223372036854775809),
        (request(f'"id":"{"i" * 50_000}","method":"ping"'), "i" * 50_000),
        (request('"id":5,"method":"ping","params":{"a":1e999}'), 5),
        (request('"id":6,"method":"ping","params":null'), 6),
        (request('"id":7,"method":"ping","more":1'), 7),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_odd_but_understood(line: bytes, request_id: object, program: StdioProgram) -> None:
    (answer,) = await program.around(line)
    assert answer["id"] == request_id
    assert answer["result"] == {}


async def test_half_a_character_reaches_a_tool_as_a_whole_one(program: StdioProgram) -> None:
    call = '"name":"ask_amber","arguments":{"question":"Why?","language":"d\\ud83d"}'
    await program.send_line(request(f'"id":1,"method":"tools/call","params":{{{call}}}'))
    result = (await program.answer_to(1))["result"]
    assert result["isError"]


async def test_a_method_nobody_has(program: StdioProgram) -> None:
    for number, name in enumerate(["no/such", "x" * 50_000, "", "\x00", "tools/call/"], 1):
        await program.send(name, {}, request_id=number)
        assert (await program.answer_to(number))["error"]["code"] == METHOD_NOT_FOUND


async def test_a_second_handshake_is_answered(program: StdioProgram) -> None:
    await program.handshake()
    await program.send("tools/list", {}, request_id=1)
    assert "tools" in (await program.answer_to(1))["result"]


async def test_the_other_era_is_refused_on_a_connection(program: StdioProgram) -> None:
    await program.send("tools/list", {"_meta": ENVELOPE}, request_id=1)
    assert (await program.answer_to(1))["error"]["code"] == INVALID_REQUEST


async def test_a_request_before_the_handshake_is_refused_and_the_handshake_still_works() -> None:
    async with stdio_program() as program:
        await program.send("notifications/cancelled", {"requestId": 9})
        for line in (b"", b"noise"):
            await program.send_line(line)
        assert (await program.receive())["error"]["code"] == PARSE_ERROR
        await program.send("tools/list", {}, request_id=1)
        assert (await program.answer_to(1))["error"]["code"] == INVALID_PARAMS
        await program.handshake()
        await program.send("tools/list", {}, request_id=2)
        assert "result" in await program.answer_to(2)


@pytest.mark.parametrize("version", ["1999-01-01", "2026-07-28"])
async def test_a_handshake_with_an_unknown_version_is_offered_a_known_one(version: str) -> None:
    async with stdio_program() as program:
        given = {**HANDSHAKE, "protocolVersion": version}
        await program.send("initialize", given, request_id=1)
        assert (await program.answer_to(1))["result"]["protocolVersion"] == "2025-11-25"


async def test_a_call_is_cancelled_once_however_often_that_is_said(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with stdio_program(**reaching(canned)) as program:
            await program.handshake()
            await ask_halfway(program)
            for _ in range(3):
                await program.send("notifications/cancelled", {"requestId": 1})
            await canned.closed.wait()
            assert await program.around(b"") == []


def upload(content_base64: str, request_id: int) -> bytes:
    """A call as TypeScript clients write it: with the id at the end."""
    arguments = {"content_base64": content_base64, "filename": "large.bin"}
    call: dict[str, Any] = {"name": "upload_file", "arguments": arguments}
    message = {"method": "tools/call", "params": call, "jsonrpc": "2.0", "id": request_id}
    return json.dumps(message).encode()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
async def test_50_mib_are_refused_without_being_held() -> None:
    async with stdio_program() as program:
        await program.handshake()
        before = program.peak_memory()
        (refusal,) = await program.around(upload("A" * 50 * MIB, 1))
        held = program.peak_memory() - before
        await program.send("tools/list", {}, request_id=2)
        assert "tools" in (await program.answer_to(2))["result"]
    assert refusal["id"] == 1
    assert refusal["error"]["code"] == INVALID_REQUEST
    assert "AMBER_MAX_BODY_BYTES" in refusal["error"]["message"]
    assert held < LIMIT + 10 * MIB


async def test_50_mib_without_an_end_are_refused_at_the_end_of_stdin() -> None:
    async with stdio_program() as program:
        await program.handshake()
        assert program.process.stdin is not None
        with anyio.fail_after(20):
            await program.process.stdin.send(
                b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 50 * MIB
            )
            await program.close_stdin()
            refusal = json.loads(await program.rest())
            assert await program.process.wait() == 0
    assert refusal["error"]["code"] == INVALID_REQUEST
    assert refusal["id"] == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (request('"id":1,"method":"ping"'), '"result":{}'),
        (request('"method":"tools/list","par')[:-1], f'"code":{PARSE_ERROR}'),
    ],
)
async def test_the_end_of_stdin_ends_the_last_line(line: bytes, told: str) -> None:
    async with stdio_program() as program:
        await program.handshake()
        assert program.process.stdin is not None
        await program.process.stdin.send(line)
        await program.close_stdin()
        assert told in (await program.rest()).decode()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
async def test_50_mib_within_a_raised_limit_are_served(upstream: Canned) -> None:
    size = 50 * MIB // 4 * 3
    async with upstream(JSONResponse({"id": "f-1"})) as canned:
        raised = {"AMBER_MAX_BODY_BYTES": str(64 * MIB)}
        async with stdio_program(**reaching(canned), **raised) as program:
            await program.handshake()
            before = program.peak_memory()
            await program.send_line(upload(base64.b64encode(bytes(size)).decode(), 1))
            result = (await program.answer_to(1))["result"]
            held = program.peak_memory() - before
            assert await program.around(b"") == []
    assert result["structuredContent"]["size_bytes"] == size
    assert canned.seen[0].size > size
    assert held < 200 * MIB
