"""What the doctor finds, and what it says to do."""

import os
from pathlib import Path

import anyio
import pytest

from tests.cli.commands import run
from tests.conftest import SandboxProgram
from tests.e2e.programs import COMMAND, environment
from tests.planted import KEY
from tests.storage.servers import KEY as STATE_KEY
from tests.upstream import Canned, completion

NOBODY = "http://127.0.0.1:9"


async def test_doctor_finds_nothing_to_mend(sandbox: SandboxProgram, tmp_path: Path) -> None:
    given = {**sandbox.environment, "AMBER_UPLOAD_ROOTS": str(tmp_path)}
    done = await run("doctor", **given)
    assert done.status == 0
    assert "accepts the key" in done.out
    assert "sandbox-brief" in done.out
    assert sandbox.api_key not in done.out
    assert "Next: " in done.out


async def test_doctor_notes_that_no_folder_is_allowed(sandbox: SandboxProgram) -> None:
    done = await run("doctor", cwd=Path("/"), **sandbox.environment)
    assert done.status == 0
    assert "AMBER_UPLOAD_ROOTS is not set" in done.out


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "AMBER_BASE_URL is not set"),
        ({"AMBER_BASE_URL": "ftp://x", "AMBER_API_KEY": KEY}, "AMBER_BASE_URL starts with ftp"),
        (
            {"AMBER_BASE_URL": NOBODY, "AMBER_API_KEY": KEY, "AMBER_RETRIES": "0"},
            "upstream_unreachable",
        ),
    ],
)
async def test_doctor_names_what_is_wrong(variables: dict[str, str], told: str) -> None:
    done = await run("doctor", **variables)
    assert done.status == 1
    assert told in done.out
    assert "Fix the first problem" in done.out
    assert KEY not in done.out + done.err


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AMBER_API_KEY": "ambrs-wrong"}, "unauthorized"),
        ({"AMBER_MODEL": "nope"}, "AMBER_MODEL is nope, which is not listed"),
        ({"AMBER_UPLOAD_ROOTS": "/no/such/folder"}, "names no folder: /no/such/folder"),
    ],
)
async def test_doctor_names_what_amber_does_not_accept(
    sandbox: SandboxProgram, variables: dict[str, str], told: str
) -> None:
    done = await run("doctor", **{**sandbox.environment, **variables})
    assert done.status == 1
    assert told in done.out
    assert "amber answers" in done.out


async def test_doctor_tells_of_a_tenant_without_models(upstream: Canned) -> None:
    async with upstream(completion("", data=[])) as canned:
        done = await run("doctor", AMBER_BASE_URL=canned.base_url, AMBER_API_KEY=KEY)
    assert done.status == 1
    assert "lists no models" in done.out


async def test_doctor_asks_for_a_model_that_is_not_listed(upstream: Canned) -> None:
    models = completion("", data=[{"id": "m"}])
    async with upstream(models, completion("", id="hidden/m")) as canned:
        given = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY}
        done = await run("doctor", **given, AMBER_MODEL="hidden/m")
    assert "AMBER_MODEL is hidden/m, which is not listed, and which amber has" in done.out
    assert [seen.path for seen in canned.seen][1].startswith("/api/beta/amberai/models/hidden")


async def test_doctor_names_what_is_half_set(sandbox: SandboxProgram) -> None:
    given = {"ADAPTIVE_BASE_URL": "https://adaptive.example", "MORPHEUS_API_KEY": "sk-x"}
    done = await run("doctor", **sandbox.environment, **given)
    assert done.status == 1
    assert "ADAPTIVE_API_KEY is not set" in done.out
    assert "MORPHEUS_BASE_URL is not set" in done.out


async def test_doctor_is_content_with_another_api_alone(upstream: Canned) -> None:
    async with upstream(completion("", data=[{"id": "llama"}])) as canned:
        given = {"MORPHEUS_BASE_URL": canned.base_url, "MORPHEUS_API_KEY": "sk-x"}
        done = await run("doctor", **given)
        half = await run("doctor", **given, AMBER_API_KEY=KEY)
    assert (done.status, half.status) == (0, 1)
    assert "morpheus: llama" in done.out
    assert "note  not_configured" in done.out


async def test_doctor_checks_the_embedded_sandbox() -> None:
    done = await run("doctor", "--sandbox", cwd=Path(os.sep))
    assert done.status == 0
    for name in ("amber-openai", "morpheus", "adaptive"):
        assert f"ok  {name}: " in done.out


async def test_doctor_names_another_api_that_is_silent(sandbox: SandboxProgram) -> None:
    given = {"MORPHEUS_BASE_URL": NOBODY, "MORPHEUS_API_KEY": "sk-x", "AMBER_RETRIES": "0"}
    done = await run("doctor", **{**sandbox.environment, **given})
    assert done.status == 1
    assert "morpheus: upstream_unreachable" in done.out


async def test_doctor_tells_whether_state_can_be_kept(
    sandbox: SandboxProgram, tmp_path: Path
) -> None:
    file = f"sqlite:{tmp_path / 'state.db'}"
    kept = await run("doctor", AMBER_STATE=file, **sandbox.environment)
    assert kept.status == 0
    assert f"ok  State: {file}" in kept.out
    nobody = {"AMBER_STATE": "redis://127.0.0.1:1/0", "AMBER_STATE_KEY": STATE_KEY}
    done = await run("doctor", **nobody, **sandbox.environment)
    assert done.status == 1
    assert "Redis at redis://127.0.0.1:1/0 (AMBER_STATE) is out of order" in done.out


async def test_doctor_ends_quietly_when_nobody_reads() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        with anyio.fail_after(30):
            done = await anyio.run_process(
                [*COMMAND, "doctor", "--sandbox"], check=False, stdout=write, env=environment()
            )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
