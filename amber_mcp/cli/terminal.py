"""What a person sees: text that cannot steer the terminal, and errors as errors are worded."""

import shutil
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from amber_mcp.errors import AmberError, NotConfigured, describe
from amber_mcp.process import run
from amber_mcp.text.redaction import redact
from amber_mcp.text.sanitise import strip_controls

_T = TypeVar("_T")


def wrapped(text: str, *, indent: str = "") -> str:
    """`text` in lines that fit the terminal; as it is where nobody looks on."""
    if not sys.stdout.isatty():
        return text
    return click.wrap_text(text, shutil.get_terminal_size().columns, "", indent)


def run_async(command: Callable[[], Awaitable[_T]], *secrets: str) -> _T:
    """Run `command` and word its error, if any: exit status 2 for settings, 1 for the rest."""
    try:
        return run(command)
    except KeyboardInterrupt:
        raise click.exceptions.Abort from None
    except AmberError as error:
        sys.stdout.flush()
        click.secho(wrapped(strip_controls(redact(describe(error), *secrets))), fg="red", err=True)
        raise click.exceptions.Exit(2 if isinstance(error, NotConfigured) else 1) from None
