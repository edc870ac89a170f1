"""A file of half a gigabyte goes through the real program without being held in it."""

import sys
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from tests.e2e.programs import stdio_program
from tests.e2e.talking import call, reaching
from tests.upstream import Canned

SIZE = 512 * 1024**2
SHA256_OF_ZEROS = "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767"


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
async def test_half_a_gigabyte_is_uploaded_without_being_held_in_memory(
    tmp_path: Path, upstream: Canned
) -> None:
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(SIZE)
    async with upstream(JSONResponse({"id": "f-1"})) as canned:
        limits = {"AMBER_UPLOAD_ROOTS": str(tmp_path), "AMBER_CALL_TIMEOUT": "55"}
        async with stdio_program(**reaching(canned, **limits)) as program:
            await program.handshake()
            result = await call(program, "upload_file", path=str(tmp_path / "large.bin"))
            peak = program.peak_memory()
    assert result["structuredContent"]["size_bytes"] == SIZE
    assert result["structuredContent"]["sha256"] == SHA256_OF_ZEROS
    assert canned.seen[0].size > SIZE
    assert peak < 200 * 1024**2
