"""`amber-mcp doctor`: what is set, whether amber answers, and what to do next."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.request import getproxies

import anyio
import click

from amber_mcp.api.amber import AmberApi
from amber_mcp.api.completions import CompletionsApi
from amber_mcp.api.model_cache import list_models
from amber_mcp.app import App, open_app
from amber_mcp.config.settings import Settings
from amber_mcp.config.tls import authorities
from amber_mcp.errors import AmberError, NotConfigured, Unauthorized, describe
from amber_mcp.files.local import upload_roots
from amber_mcp.http.proxies import ProxyRoute, route_to
from amber_mcp.logs import configure_logging
from amber_mcp.storage.base import StorageUnavailable
from amber_mcp.text.redaction import redact
from amber_mcp.text.sanitise import strip_controls

from .terminal import run_async, wrapped

_SECONDS_FOR_STATE = 10.0
_COLOURS = {"ok": "green", "note": "yellow", "problem": "red"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    verdict: Literal["ok", "note", "problem"]
    text: str


@click.command()
@click.option("--sandbox", is_flag=True, help="Check against the embedded amber.")
def doctor(sandbox: bool) -> int:
    """Check the settings, the way to amber, the key and the models, and say what to do next."""
    settings = Settings.for_sandbox() if sandbox else Settings.from_environment()
    configure_logging(settings)

    async def command() -> bool:
        healthy = True
        async with open_app(settings) as app:
            await app.ready()
            async for finding in _findings(app):
                healthy = healthy and finding.verdict != "problem"
                mark = click.style(f"{finding.verdict:>8}", fg=_COLOURS[finding.verdict])
                text = strip_controls(redact(finding.text, *settings.secrets))
                click.echo(f"{mark}  {wrapped(text, indent=' ' * 10)}")
        return healthy

    healthy = run_async(command, *settings.secrets)
    if healthy:
        click.echo("\nNext: add amber-mcp to your assistant; the README has an entry for each.")
    else:
        click.echo("\nFix the first problem, then run `amber-mcp doctor` again.")
    return 0 if healthy else 1


async def _findings(app: App) -> AsyncIterator[Finding]:
    settings = app.settings
    try:
        amber = app.amber
    except NotConfigured as error:
        is_begun = settings.base_url or settings.api_key
        yield Finding("note" if app.apis and not is_begun else "problem", describe(error))
        async for finding in _check_others(app):
            yield finding
        return
    yield Finding("ok", f"Settings: {_settings_text(app)}")
    yield await _check_state(app)
    for of_network in _check_network(settings):
        yield of_network
    try:
        models = await list_models(amber, within=app.settings.call_timeout)
    except Unauthorized as error:
        yield Finding("ok", "amber answers")
        yield Finding("problem", describe(error))
        return
    except AmberError as error:
        yield Finding("problem", describe(error))
        return
    yield Finding("ok", "amber answers, and accepts the key")
    ids = [model.id for model in models]
    yield await _check_models(amber, ids, settings.model)
    async for finding in _check_others(app):
        yield finding
    yield _check_folders(settings)


def _settings_text(app: App) -> str:
    settings = app.settings
    agents = ", ".join(settings.agents) or "none named"
    return (
        f"{settings.base_url}, key set, language {settings.language}, agents: {agents}, "
        f"tools: {', '.join(settings.tools)}"
    )


async def _check_state(app: App) -> Finding:
    """Whether conversations and runs can be kept."""
    try:
        with anyio.fail_after(_SECONDS_FOR_STATE):
            await app.store.secret()
    except TimeoutError:
        fault = f"what AMBER_STATE names did not answer within {_SECONDS_FOR_STATE:g} s"
        return Finding("problem", describe(StorageUnavailable(fault)))
    except AmberError as error:
        return Finding("problem", describe(error))
    return Finding("ok", f"State: {app.settings.state}")


async def _check_others(app: App) -> AsyncIterator[Finding]:
    """What is said of the APIs for `chat_completion`: those that answer, and those half set up."""
    for name, api in app.apis.items():
        if name != "amber" and (finding := await _check_api(app, name, api)):
            yield finding
    settings = app.settings
    for upstream, url, key in (
        ("MORPHEUS", settings.morpheus_base_url, settings.morpheus_api_key),
        ("ADAPTIVE", settings.adaptive_base_url, settings.adaptive_api_key),
    ):
        if bool(url) != bool(key) and not settings.problems:
            missing = "API_KEY" if url else "BASE_URL"
            yield Finding("problem", f"{upstream}_{missing} is not set, so it cannot be asked.")


def _check_network(settings: Settings) -> Iterator[Finding]:
    """Which proxies and which certificates are used."""
    urls = [
        url
        for url, key in (
            (settings.base_url, settings.api_key),
            (settings.morpheus_base_url, settings.morpheus_api_key),
            (settings.adaptive_base_url, settings.adaptive_api_key),
        )
        if url and key
    ]
    ways = dict.fromkeys(_way_settings_text(route_to(url)) for url in urls)
    yield Finding("ok", f"Network: {'; '.join(ways)}")
    if not any(url.startswith("https:") for url in urls):
        return
    if getproxies().keys() & {"http", "https", "all"} == {"http"}:
        yield Finding(
            "note", "HTTP_PROXY is for plain http, so it is not used. For https, set HTTPS_PROXY."
        )
    client = settings.client_cert
    presented = f"; client certificate: {client} (AMBER_CLIENT_CERT)" if client else ""
    yield Finding("ok", f"Trusted authorities: {authorities(settings)}{presented}")


def _way_settings_text(way: ProxyRoute) -> str:
    if way.proxy is None:
        return f"{way.host} directly"
    login = f", as {way.proxy.auth[0]}, password hidden" if way.proxy.auth else ""
    return f"{way.host} through the proxy {way.via} ({way.variable}{login})"


async def _check_api(app: App, name: str, api: CompletionsApi) -> Finding | None:
    """What one of the APIs for `chat_completion` answers; nothing where it names no models."""
    try:
        ids = [model.id for model in await list_models(api, within=app.settings.call_timeout)]
    except AmberError as error:
        return Finding("problem", f"{name}: {describe(error)}")
    return Finding("ok", f"{name}: {_listed(ids)}") if ids else None


def _listed(ids: list[str]) -> str:
    return ", ".join(ids[:10]) + (" …" if len(ids) > 10 else "")


async def _check_models(amber: AmberApi, ids: list[str], configured: str) -> Finding:
    if not ids:
        return Finding("problem", "The tenant lists no models: ask your amber administrator.")
    listed = _listed(ids)
    if configured and configured not in ids:
        text = f"AMBER_MODEL is {configured}, which is not listed"
        try:
            await amber.model(configured)
        except AmberError as error:
            return Finding("problem", f"{text} ({error.kind}). There are {listed}.")
        return Finding("ok", f"{text}, and which amber has. There are {listed}.")
    return Finding("ok", f"Models: {listed}; the default is {configured or ids[0]}")


def _check_folders(settings: Settings) -> Finding:
    roots = upload_roots(settings)
    missing = [str(root) for root in roots if not root.is_dir()]
    if missing:
        return Finding("problem", f"AMBER_UPLOAD_ROOTS names no folder: {', '.join(missing)}")
    if not roots:
        return Finding("note", "upload_file reads no local files: AMBER_UPLOAD_ROOTS is not set.")
    return Finding("ok", f"upload_file may read {', '.join(map(str, roots))}")
