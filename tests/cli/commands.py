"""A command, run in the tests' own process: what it prints, where, and how it ends."""

import logging
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from click.testing import CliRunner

from amber_mcp.__main__ import main
from tests.planted import Watch


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it had printed."""

    status: int
    out: str
    err: str


async def run(*arguments: str, cwd: Path | None = None, **variables: str) -> Done:
    """Run `amber-mcp` with these arguments; no key may stand in what it prints."""
    with anyio.fail_after(60):
        return await anyio.to_thread.run_sync(_run, arguments, cwd or Path.cwd(), variables)


def _run(arguments: tuple[str, ...], cwd: Path, variables: dict[str, str]) -> Done:
    with (
        chdir(cwd),
        _logging_as_before(),
        pytest.MonkeyPatch.context() as patch,
        CliRunner().isolation(env=variables) as (out, err, _),
    ):
        patch.setattr(sys, "argv", ["amber-mcp", *arguments])
        status = main()
        sys.stdout.flush()
        sys.stderr.flush()
    Watch("stdout")(out.getvalue())
    Watch("stderr")(err.getvalue())
    return Done(status, out.getvalue().decode(), err.getvalue().decode())


@contextmanager
def _logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "amber_mcp", "stamina")]
    levels = [each.level for each in loggers]
    handlers = loggers[0].handlers[:]
    try:
        yield
    finally:
        loggers[0].handlers[:] = handlers
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
