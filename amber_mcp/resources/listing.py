"""Which resources there are: the fixed ones, and what the caller has used last.

Both lists are bounded, so that they have no pages: no cursor is given out.
"""

import logging
from datetime import datetime

import anyio
from mcp.types import Annotations, ListResourcesResult, ListResourceTemplatesResult
from mcp.types import Resource as ResourceDescription
from mcp.types import ResourceTemplate as TemplateDescription

from amber_mcp.app import App
from amber_mcp.errors import NotFound
from amber_mcp.protocol.boundary import best_effort
from amber_mcp.storage.base import StorageUnavailable
from amber_mcp.text.redaction import distinct_secrets, remove_secrets

from . import RESOURCES, TEMPLATES, Template

logger = logging.getLogger(__name__)

MOST_LISTED = 20
"""How many of a template's resources are listed."""

_SECONDS = 5.0


async def list_resources(app: App) -> ListResourcesResult:
    """The resources. Where the state cannot be read, those that need none are listed."""
    fixed = [
        ResourceDescription(
            uri=each.uri,
            name=each.name,
            title=each.title,
            description=each.description,
            mime_type=each.media_type,
            annotations=_for_both(),
        )
        for each in RESOURCES
    ]
    used: dict[str, list[ResourceDescription]] = {template.name: [] for template in TEMPLATES}
    async with anyio.create_task_group() as tasks:
        for template in TEMPLATES:
            tasks.start_soon(_add_recent, app, template, used[template.name])
    return ListResourcesResult(
        resources=fixed + [each for found in used.values() for each in found]
    )


def list_templates() -> ListResourceTemplatesResult:
    """The templates."""
    return ListResourceTemplatesResult(
        resource_templates=[
            TemplateDescription(
                uri_template=each.uri,
                name=each.name,
                title=each.title,
                description=each.description,
                mime_type=each.media_type,
                annotations=_for_both(),
            )
            for each in TEMPLATES
        ]
    )


async def _add_recent(app: App, template: Template, found: list[ResourceDescription]) -> None:
    """Add the latest of a template's resources, the latest first, as far as they can be had soon.

    What keeps one of them, or the rest, is logged.
    """
    kind = template.kind
    seconds = min(_SECONDS, app.settings.call_timeout)
    with best_effort("latest resources not listed", seconds, logging.WARNING, kind=kind):
        caller = await app.caller()
        for each in (await app.store.ids(kind, caller))[:MOST_LISTED]:
            try:
                found.append(await _described(app, template, caller, each))
            except NotFound:  # It has come to its end meanwhile.
                continue
            except StorageUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # of one record, whose words may be in it
                fields = {"kind": kind, "id": each, "cause": type(error).__name__}
                logger.warning("not listed", extra=fields)


async def _described(app: App, template: Template, caller: str, each: str) -> ResourceDescription:
    entry = await template.describe(app, caller, each)
    secrets = distinct_secrets(app.settings.keys)
    return ResourceDescription(
        uri=template.uri_of(each),
        name=each,
        title=remove_secrets(entry.title, *secrets),
        description=remove_secrets(entry.description, *secrets),
        mime_type=template.media_type,
        annotations=_for_both(entry.last_modified),
    )


def _for_both(last_modified: datetime | None = None) -> Annotations:
    """What hosts are told of every resource: users and assistants may read it."""
    when = last_modified and last_modified.isoformat(timespec="seconds")
    return Annotations(audience=["user", "assistant"], last_modified=when or None)
