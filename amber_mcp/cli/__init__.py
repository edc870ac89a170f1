"""The command line, one file a command. Imported by commands alone, never on the way to stdio."""

import sys

import click

from amber_mcp import __version__

from .ask import ask
from .doctor import doctor
from .sandbox import sandbox
from .serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="amber-mcp")
def program() -> None:
    """Your company's amber for AI assistants: answers with sources, web search, files, agents.

    Without a command it serves MCP on stdin and stdout, for an assistant that starts it. It is
    set up by environment variables: AMBER_BASE_URL and AMBER_API_KEY, at least.

    \b
    Try it without a tenant:
      amber-mcp ask --sandbox "How many vacation days do I get?"
    """


def run() -> int:
    """Run the command that the arguments name, and return its exit status."""
    for command in (ask, serve, sandbox, doctor):
        program.add_command(command)
    try:
        status: object = program.main(standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter must not fail at flushing the rest.
        sys.stdout = None
        return 141
    return status if isinstance(status, int) else 0
