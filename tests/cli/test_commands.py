"""The commands as a person runs them: what they print, where, and how they end."""

import json
import signal
from pathlib import Path

import anyio
import pytest
from starlette.responses import JSONResponse

from amber_mcp import __version__
from tests.cli.commands import run
from tests.conftest import SandboxProgram
from tests.e2e.programs import COMMAND, environment, open_program, run_program
from tests.planted import KEY
from tests.upstream import Canned, events, stalled_stream, text_chunk

QUESTION = "How many vacation days do I get?"


async def test_the_version_and_the_help_are_told() -> None:
    program = await run_program("--version", env=environment())
    assert program.stdout.decode() == f"amber-mcp, version {__version__}\n"
    told = await run("--help")
    assert told.status == 0
    for command in ("ask", "serve", "sandbox", "doctor"):
        assert f"  {command}  " in told.out


@pytest.mark.parametrize("arguments", [("aks",), ("ask",), ("ask", "  "), ("ask", "x", "--nope")])
async def test_a_mistyped_command_is_explained(arguments: tuple[str, ...]) -> None:
    done = await run(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "Error: " in done.err


async def test_ask_answers_on_the_sandbox_and_lists_its_sources() -> None:
    done = await run_program("ask", "--sandbox", QUESTION, env=environment())
    assert done.returncode == 0
    assert b"30" in done.stdout
    assert b"\nSources\n  1. " in done.stdout
    assert b"hr/annual-leave.md" in done.stdout
    assert b"\x1b" not in done.stdout


async def test_ask_prints_one_json_object() -> None:
    done = await run("ask", "--sandbox", "--json", "Wie viele Urlaubstage habe ich?")
    answered = json.loads(done.out)
    assert answered["question"] == "Wie viele Urlaubstage habe ich?"
    assert "hr/urlaubsregelung.md" in answered["sources"][0]["title"]
    assert set(answered) == {
        "question", "answer", "sources", "model", "finish_reason", "usage", "truncated",
        "completion_id",
        "elapsed_seconds",
    }  # fmt: skip
    assert done.err == ""


async def test_ask_searches_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "lighthouse.md").write_text("# Lighthouse\n\nIt opens on 3 June.\n")
    (tmp_path / "other.md").write_text("# Canteen\n\nLunch is served at noon.\n")
    done = await run("ask", "--docs", str(tmp_path), "When does the lighthouse open?")
    assert "3 June" in done.out
    assert "sub/lighthouse.md" in done.out


async def test_ask_uploads_a_file_and_answers_from_it(
    tmp_path: Path, sandbox: SandboxProgram
) -> None:
    (tmp_path / "memo.txt").write_text("The lighthouse opens on 3 June.")
    file = str(tmp_path / "memo.txt")
    done = await run("ask", "When does it open?", "--file", file, **sandbox.environment)
    assert done.status == 0
    assert "3 June" in done.out


async def test_ask_takes_an_agent_a_model_a_language_and_the_web(sandbox: SandboxProgram) -> None:
    done = await run(
        "ask", "Was tue ich, wenn ich krank bin?", "--agent", "hr", "--model", "sandbox/detailed",
        "--language", "de", "--json", **sandbox.environment,
    )  # fmt: skip
    answered = json.loads(done.out)
    assert answered["model"] == "sandbox/detailed"
    assert all("hr/" in source["title"] for source in answered["sources"])
    done = await run("ask", "What is cavitation?", "--web", **sandbox.environment)
    assert "cavitation" in done.out


async def test_what_an_answer_holds_cannot_steer_the_terminal(upstream: Canned) -> None:
    text = "\x1b]0;owned\x07Be\u202ecause \x9b31m[a](https://w.example/a)"
    async with upstream(events(text_chunk(text, "stop"))) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        done = await run("ask", "Why?", **given)
    assert done.out.startswith("]0;ownedBecause 31m[a](https://w.example/a)\n")


async def test_without_settings_ask_tells_what_to_set_and_what_to_try() -> None:
    done = await run("ask", QUESTION)
    assert done.status == 2
    assert done.out == ""
    assert "AMBER_BASE_URL is not set" in done.err
    assert "sandbox" in done.err


async def test_an_unknown_model_is_an_error_with_status_1(sandbox: SandboxProgram) -> None:
    done = await run("ask", QUESTION, "--model", "nope", **sandbox.environment)
    assert done.status == 1
    assert done.err.startswith("not_found: ")


async def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, sandbox: SandboxProgram) -> None:
    done = await run("ask", QUESTION, "--file", str(tmp_path / "none"), **sandbox.environment)
    assert done.status == 2
    assert "does not exist" in done.err


async def test_ctrl_c_ends_a_question_without_a_traceback(upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        async with open_program([*COMMAND, "ask", "Why?"], env=environment(**given)) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            with anyio.fail_after(20):
                assert await process.stdout.receive() == b"Half"
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 130
                errors = b"".join([chunk async for chunk in process.stderr])
        assert b"Traceback" not in errors
        with anyio.fail_after(5):
            await canned.closed.wait()


async def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"'{COMMAND[0]}' -m amber_mcp ask --sandbox '{QUESTION}' | true"
    with anyio.fail_after(30):
        done = await anyio.run_process(["/bin/sh", "-c", command], env=environment())
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


async def test_the_sandbox_tells_how_to_reach_it_and_ends_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nText.\n")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    command = [*COMMAND, "sandbox", "--docs", str(tmp_path), "--port", "0", "--key", "ambrs-mine"]
    async with open_program(command, shows_keys=True, env=environment()) as process:
        assert process.stdout is not None
        with anyio.fail_after(20):
            told = b""
            while b"b.bin" not in told:
                told += await process.stdout.receive()
            process.terminate()
            assert await process.wait() == 0
    assert b"from 1 document." in told
    assert b"AMBER_BASE_URL=http://127.0.0.1:" in told
    assert b"AMBER_API_KEY=ambrs-mine" in told


async def test_a_sandbox_port_in_use_is_told(sandbox: SandboxProgram) -> None:
    port = sandbox.base_url.rpartition(":")[2]
    done = await run_program("sandbox", "--port", port, env=environment())
    assert done.returncode == 1
    assert b"--port" in done.stderr


async def test_serve_without_http_is_the_stdio_server() -> None:
    with anyio.fail_after(20):
        done = await anyio.run_process(
            [*COMMAND, "serve"],
            input=b'{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}\n',
            env=environment(),
        )
    assert json.loads(done.stdout)["id"] == 1


async def test_a_path_that_is_none_is_refused() -> None:
    done = await run("serve", "--http", "--path", "mcp")
    assert done.status == 2
    assert "--path" in done.err


async def test_for_the_sandbox_a_tenant_s_settings_do_not_count() -> None:
    tenant = {
        "AMBER_BASE_URL": "https://customerDomain.ambersearch.de",
        "AMBER_API_KEY": "ambrs-…",
        "AMBER_AGENTS": "hr=00000000-0000-4000-8000-000000000000",
        "AMBER_MODEL": "theirs",
    }
    done = await run("ask", "--sandbox", "--agent", "hr", "--json", QUESTION, **tenant)
    assert done.status == 0
    assert "hr/" in json.loads(done.out)["sources"][0]["title"]
    assert (await run("doctor", "--sandbox", **tenant)).status == 0


async def test_files_that_are_left_out_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Lighthouse\n\nIt opens on 3 June.\n")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    done = await run("ask", "--docs", str(tmp_path), "When does the lighthouse open?")
    assert "3 June" in done.out
    assert "Left out: b.bin" in done.err


async def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    done = await run("ask", "--docs", str(tmp_path), "When does the lighthouse open?")
    assert "0 documents" in done.out


async def test_web_addresses_are_listed_on_the_sandbox_too() -> None:
    done = await run("ask", "--sandbox", "--web", "What is cavitation?")
    assert "\n     https://" in done.out
    assert "\n     http://127.0.0.1" not in done.out


async def test_json_holds_nothing_that_steers_a_terminal(upstream: Canned) -> None:
    async with upstream(events(text_chunk("a\x9b31m\u202eb", "stop"))) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        done = await run("ask", "--json", "Why?", **given)
    assert json.loads(done.out)["answer"] == "a31mb"


async def test_an_answer_that_ended_early_is_noted(upstream: Canned) -> None:
    async with upstream(events(text_chunk("Half", "length"))) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        done = await run("ask", "Why?", **given)
    assert "ended this answer early: length" in done.err


async def test_a_file_over_the_limit_is_not_uploaded(
    tmp_path: Path, sandbox: SandboxProgram
) -> None:
    (tmp_path / "memo.txt").write_text("123456")
    given = {**sandbox.environment, "AMBER_MAX_UPLOAD_BYTES": "5"}
    done = await run("ask", QUESTION, "--file", str(tmp_path / "memo.txt"), **given)
    assert done.status == 1
    assert done.err.startswith("too_large: ")


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_a_key_in_an_answer_is_not_shown(upstream: Canned, options: tuple[str, ...]) -> None:
    halves = (text_chunk(f"The key is {KEY[:9]}"), text_chunk(f"{KEY[9:]}, they say.", "stop"))
    async with upstream(events(*halves)) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        done = await run("ask", "Why?", *options, **given)
    assert "The key is {hidden}, they say." in done.out


async def test_no_error_of_a_command_shows_the_key(upstream: Canned) -> None:
    body = {"error": {"message": f"no {KEY}", "suggestions": [KEY]}}
    broken = events(text_chunk(f"Half of {KEY} and"), end=False)
    models = JSONResponse({"data": [{"id": KEY}]})
    for answer in (JSONResponse(body, 404), broken, models):
        async with upstream(answer) as canned:
            given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY}
            await run("doctor", **given)
            await run("ask", "Why?", **given, AMBER_MODEL="m")


async def test_an_odd_end_cannot_steer_the_terminal(upstream: Canned) -> None:
    async with upstream(events(text_chunk("Yes.", "\x1b]0;x\x07\x1b[2J\u202e"))) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY, "AMBER_MODEL": "m"}
        done = await run("ask", "Why?", **given)
    assert not set("\x1b\x07\u202e") & set(done.out + done.err)
