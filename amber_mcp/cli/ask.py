"""`amber-mcp ask`: one question from the terminal."""

import json
import mimetypes
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.status import Status

from amber_mcp.answering import Answer, answer
from amber_mcp.api.amber import Search, search_parameters
from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.app import App, open_app
from amber_mcp.config.agents import resolve_agent
from amber_mcp.config.settings import Settings
from amber_mcp.errors import InvalidRequest, TooLarge
from amber_mcp.http.retry import reporting_waits
from amber_mcp.logs import configure_logging
from amber_mcp.text.redaction import remove_secrets
from amber_mcp.text.sanitise import strip_controls

from .terminal import run_async

if TYPE_CHECKING:
    from amber_mcp.sandbox import Sandbox

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("question")
@click.option("--sandbox", is_flag=True, help="Ask the embedded amber and its sample company.")
@click.option("--docs", type=_FOLDER, help="Ask the embedded amber about your own folder.")
@click.option("--web", is_flag=True, help="Search the web instead of the company's sources.")
@click.option("--file", "files", type=_FILE, multiple=True, help="Upload a file and ask about it.")
@click.option("--agent", default="", help="Let this agent answer: a configured name, or an id.")
@click.option("--model", default="", help="The model. Default: AMBER_MODEL, or the first one.")
@click.option("--language", default="", help="Language of the answer. Default: AMBER_LANGUAGE.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def ask(
    question: str,
    sandbox: bool,
    docs: Path | None,
    web: bool,
    files: tuple[Path, ...],
    agent: str,
    model: str,
    language: str,
    as_json: bool,
) -> None:
    """Answer QUESTION, streamed to the terminal, with its sources at the end."""
    if not question.strip():
        raise click.UsageError("The question is empty.")
    settings = Settings.for_sandbox() if sandbox or docs else Settings.from_environment()
    configure_logging(settings)

    async def command() -> None:
        async with open_app(settings, documents=docs) as app:
            await app.ready()
            screen = _Screen(quiet=as_json, keys=app.settings.keys)
            for left_out in app.sandbox.left_out if app.sandbox else ():
                reason = strip_controls(f"{left_out.path}: {left_out.reason}")
                click.secho(f"Left out: {reason}", dim=True, err=True)
            with screen.status, reporting_waits(screen.show_status):
                request = ChatRequest(
                    messages=(Message("user", question),),
                    model=model or await app.default_model(),
                    parameters=search_parameters(
                        _search(web=web, files=files, agent=agent),
                        agent_id=resolve_agent(agent, app.settings.agents) if agent else "",
                        file_ids=await _uploaded(app, files, screen),
                        language=language,
                    ),
                )
                screen.show_status("Searching the web" if web else "Asking amber")
                answered = await answer(app.amber, request, on_text=screen.show_text)
            if as_json:
                whole = json.dumps(_as_object(question, answered), ensure_ascii=False, indent=2)
                click.echo(strip_controls(remove_secrets(whole, *app.settings.keys)))
            else:
                screen.finish(answered, app.sandbox)

    run_async(command, *settings.secrets)


def _search(*, web: bool, files: tuple[Path, ...], agent: str) -> Search:
    """A question about a file is answered from the file; all others search."""
    if web:
        return "web"
    return "none" if files and not agent else "company"


async def _uploaded(app: App, files: tuple[Path, ...], screen: "_Screen") -> tuple[str, ...]:
    ids: list[str] = []
    for path in files:
        screen.show_status(f"Uploading {path.name}")
        if path.stat().st_size > app.settings.max_upload_bytes:
            raise TooLarge(f"{path} is larger than AMBER_MAX_UPLOAD_BYTES allows")
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            with path.open("rb") as file:
                uploaded = await app.amber.upload(file, filename=path.name, media_type=media_type)
        except OSError as error:
            raise InvalidRequest(f"{path} cannot be read: {error.strerror}") from None
        ids.extend(uploaded.ids)
    return tuple(ids)


def _as_object(question: str, answered: Answer) -> dict[str, object]:
    fields = asdict(answered)
    return {"question": question, "answer": fields.pop("text"), **fields}


def _beginning(key: str, text: str) -> str:
    """The end of `text` with which `key` begins."""
    lengths = range(min(len(key), len(text)), 0, -1)
    return next((key[:length] for length in lengths if text.endswith(key[:length])), "")


def _lasting_address(url: str, sandbox: "Sandbox | None") -> str:
    """An address that leads somewhere when this process has ended; empty where there is none."""
    if sandbox is None or not url.startswith(sandbox.base_url):
        return url
    file = sandbox.file_of(url)
    return file.as_uri() if file else ""


class _Screen:
    """The answer on stdout as it comes; what is going on, on stderr while nothing has come yet."""

    def __init__(self, *, quiet: bool, keys: tuple[str, ...]) -> None:
        console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
        self.status = Status("Starting", console=console)
        self._quiet = quiet
        self._keys = keys
        self._pending = ""

    def show_status(self, status: str) -> None:
        self.status.update(f"{status} …")

    def show_text(self, piece: str) -> None:
        """Show a piece of the answer, but for an end in which a key may begin."""
        self.status.stop()
        text = remove_secrets(self._pending + piece, *self._keys)
        self._pending = max((_beginning(key, text) for key in self._keys), key=len, default="")
        self._echo(text.removesuffix(self._pending))

    def _echo(self, text: str) -> None:
        if not self._quiet:
            click.echo(strip_controls(text), nl=False)
            sys.stdout.flush()

    def finish(self, answered: Answer, sandbox: "Sandbox | None") -> None:
        """End the answer and list its sources.

        In place of an address that ends with the sandbox stands that of the file, if it has one.
        """
        self._echo(self._pending)
        click.echo("" if answered.text.endswith("\n") else "\n", nl=False)
        if answered.sources:
            click.secho("\nSources", bold=True)
        for source in answered.sources:
            click.echo(f"  {source.number}. {strip_controls(source.title)}")
            if where := _lasting_address(source.url, sandbox) or source.place:
                click.secho(f"     {strip_controls(where)}", dim=True)
        for note in answered.notes:
            click.secho(f"\n{strip_controls(note)}", fg="yellow", err=True)
        click.secho(
            f"\n{strip_controls(answered.model)}, {answered.elapsed_seconds:g} s",
            dim=True,
            err=True,
        )
