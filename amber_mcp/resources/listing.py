"""Which resources there are: the fixed ones, and what the caller has used last.

Both lists are bounded, so that they have no pages: no cursor is given out.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from mcp.types import ListResourcesResult, ListResourceTemplatesResult
from mcp.types import Resource as ResourceDescription
from mcp.types import ResourceTemplate as TemplateDescription

from amber_mcp.app import App
from amber_mcp.errors import AmberError, NotFound
from amber_mcp.storage.base import StorageUnavailable
from amber_mcp.text.redaction import distinct_secrets, remove_secrets

from . import RESOURCES, TEMPLATES, Template
from .resource import for_both

logger = logging.getLogger(__name__)

MOST_LISTED = 20
"""How many of a template's resources are listed."""

_SECONDS = 5.0
_AT_ONCE = 5


async def list_resources(app: App) -> ListResourcesResult:
    """The resources. Where the state cannot be read, those that need none are listed."""
    fixed = [
        ResourceDescription(
            uri=each.uri,
            name=each.name,
            title=each.title,
            description=each.description,
            mime_type=each.media_type,
            annotations=for_both(),
        )
        for each in RESOURCES
    ]
    used: dict[str, list[ResourceDescription]] = {}

    async def add(template: Template) -> None:
        used[template.name] = await recent_resources(app, template)

    async with anyio.create_task_group() as tasks:
        for template in TEMPLATES:
            tasks.start_soon(add, template)
    return ListResourcesResult(
        resources=fixed + [each for template in TEMPLATES for each in used[template.name]]
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
                annotations=for_both(),
            )
            for each in TEMPLATES
        ]
    )


async def recent_resources(app: App, template: Template) -> list[ResourceDescription]:
    """The latest of a template's resources, the latest first; without what cannot be had."""
    found: dict[str, ResourceDescription | None] = {}
    with _bounded(app, template):
        caller = await app.caller()
        found |= dict.fromkeys((await app.store.ids(template.kind, caller))[:MOST_LISTED])
        await _describe(app, template, caller, found)
    return [each for each in found.values() if each is not None]


async def _describe(
    app: App, template: Template, caller: str, found: dict[str, ResourceDescription | None]
) -> None:
    """Describe what was found, a few at once.

    Raises:
        StorageUnavailable: if the state is out of order.
    """
    few = anyio.CapacityLimiter(_AT_ONCE)
    failures: list[StorageUnavailable] = []

    async def describe(each: str) -> None:
        async with few:
            try:
                found[each] = await _described(app, template, caller, each)
            except NotFound:  # It has come to its end meanwhile.
                return
            except StorageUnavailable as error:
                failures.append(error)
                tasks.cancel_scope.cancel()
            except Exception as error:  # noqa: BLE001  # of one record, whose words may be in it
                fields = {"kind": template.kind, "id": each, "cause": type(error).__name__}
                logger.warning("not listed", extra=fields)

    async with anyio.create_task_group() as tasks:
        for each in found:
            tasks.start_soon(describe, each)
    if failures:
        raise failures[0]


async def _described(app: App, template: Template, caller: str, each: str) -> ResourceDescription:
    entry = await template.describe(app, caller, each)
    secrets = distinct_secrets(app.settings.keys)
    return ResourceDescription(
        uri=template.uri_of(each),
        name=each,
        title=remove_secrets(entry.title, *secrets),
        description=remove_secrets(entry.description, *secrets),
        mime_type=template.media_type,
        annotations=for_both(entry.last_modified),
    )


@contextmanager
def _bounded(app: App, template: Template) -> Iterator[None]:
    """Do as much as can be done soon; log what kept the rest."""
    fields: dict[str, object] = {"kind": template.kind}
    with anyio.move_on_after(min(_SECONDS, app.settings.call_timeout)) as within:
        try:
            yield
        except AmberError as error:
            logger.warning("latest resources not listed", extra={**fields, "cause": error.kind})
        except Exception:
            logger.exception("latest resources not listed", extra=fields)
    if within.cancelled_caught:
        logger.warning("latest resources not listed", extra={**fields, "cause": "timeout"})
