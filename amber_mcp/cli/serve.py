"""`amber-mcp serve`: the MCP server, on stdio or over HTTP."""

import click

from amber_mcp.config.settings import Settings
from amber_mcp.logs import configure_logging
from amber_mcp.server import build_server
from amber_mcp.transports.http import serve_http
from amber_mcp.transports.stdio import run_on_stdio

from .terminal import run_async


@click.command()
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--path", default="/mcp", show_default=True, help="The endpoint's path.")
def serve(http: bool, host: str, port: int, path: str) -> int:
    """Serve MCP to an assistant: on stdin and stdout, or with --http to several on this machine."""
    if not http:
        return run_on_stdio()
    if not path.startswith("/"):
        raise click.BadParameter("must start with a slash", param_hint="--path")
    settings = Settings.from_environment()
    configure_logging(settings)
    if settings.problems:
        raise click.UsageError("\n".join(settings.problems))

    async def command() -> None:
        await serve_http(
            build_server(settings, local_files=False),
            host=host,
            port=port,
            path=path,
            settings=settings,
            on_listening=lambda address: click.echo(f"Serving MCP on {address}", err=True),
        )

    run_async(command)
    return 0
