"""The search for planted keys: it has to be able to find one."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from tests.e2e.programs import open_program
from tests.planted import KEY, SANDBOX_KEY, Watch

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("key", [KEY, SANDBOX_KEY, "sk-sandbox-abcdefghijklmnopqrstuvwxyz"])
@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_key_is_found_though_it_comes_in_pieces(key: str, cut: int) -> None:
    text = f"what a program wrote before {key} and after"
    watch = Watch("stdout")
    with pytest.raises(AssertionError, match="a key stands in stdout"):
        for piece in (text[:cut], text[cut : cut + 3], text[cut + 3 :]):
            watch(piece.encode())


def test_other_text_is_let_through() -> None:
    watch = Watch("stdout")
    for _ in range(100):
        watch(b"planted trees, ambrs-sandbox-short, sk-sandbox\n")


async def test_a_program_that_prints_a_key_is_found_out() -> None:
    command = [sys.executable, "-c", f"import sys; sys.stderr.write({KEY!r})"]
    with pytest.raises(AssertionError, match="a key stands in stderr"):
        async with open_program(command) as process:
            await process.wait()


async def test_a_test_that_prints_or_logs_a_key_fails(tmp_path: Path) -> None:
    (tmp_path / "test_leaks.py").write_text(
        "import logging\n"
        f"def test_print(): print({KEY!r})\n"
        f"def test_log(): logging.warning({KEY!r})\n"
        "def test_neither(): print('nothing')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n0",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    with anyio.fail_after(60):
        # Without the options of this run: a second measurement would erase the first one's data.
        env = {**os.environ, "PYTEST_ADDOPTS": ""}
        done = await anyio.run_process([*command, str(tmp_path)], check=False, cwd=ROOT, env=env)
    assert b"2 failed, 1 passed" in done.stdout
