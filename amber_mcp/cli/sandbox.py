"""`amber-mcp sandbox`: the embedded amber as a server of its own."""

from pathlib import Path

import click

from amber_mcp.config.settings import Settings
from amber_mcp.errors import InvalidRequest
from amber_mcp.logs import configure_logging
from amber_mcp.process import shutdown_signals
from amber_mcp.sandbox import Sandbox, SandboxError, running_sandbox
from amber_mcp.text.sanitise import strip_controls

from .terminal import run_async

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--docs", type=_FOLDER, help="The folder to search. Default: a sample company.")
@click.option("--web-pages", type=_FOLDER, help="The saved pages that web search reads.")
@click.option("--port", default=8010, show_default=True, type=click.IntRange(0, 65535))
@click.option("--key", default="", help="The key to ask for. Default: one that is made up.")
def sandbox(docs: Path | None, web_pages: Path | None, port: int, key: str) -> None:
    """Run the embedded amber: the API, answered from a folder, until Ctrl-C."""

    configure_logging(Settings())

    async def command() -> None:
        starting = running_sandbox(documents=docs, web=web_pages, port=port, api_key=key)
        try:
            with shutdown_signals() as signals:
                async with starting as running:
                    _introduce(running)
                    async for _ in signals:
                        return
        except SandboxError as error:
            raise InvalidRequest(
                str(error), advice="Look at --docs, --web-pages and --port."
            ) from None

    run_async(command)


def _introduce(running: Sandbox) -> None:
    documents = (
        "1 document" if running.document_count == 1 else f"{running.document_count} documents"
    )
    click.echo(f"The sandbox answers from {documents}. Ctrl-C ends it.\n")
    click.echo(f"  AMBER_BASE_URL={running.base_url}")
    click.echo(f"  AMBER_API_KEY={running.api_key}")
    if running.openai_models:
        click.echo(f"  AMBER_OPENAI_MODELS={','.join(running.openai_models)}")
    click.echo(f"  MORPHEUS_BASE_URL={running.morpheus_url}")
    click.echo(f"  MORPHEUS_API_KEY={running.morpheus_key}")
    click.echo(f"  ADAPTIVE_BASE_URL={running.adaptive_url}")
    click.echo(f"  ADAPTIVE_API_KEY={running.adaptive_key}")
    click.echo(f"  ADAPTIVE_MODELS={','.join(running.adaptive_models)}")
    if running.agents:
        agents = ",".join(f"{name}={agent_id}" for name, agent_id in running.agents.items())
        click.echo(f"  AMBER_AGENTS={strip_controls(agents)}")
    if running.left_out:
        click.echo("\nLeft out:")
    for left_out in running.left_out:
        click.echo(f"  {strip_controls(str(left_out.path))}: {left_out.reason}")
