"""Which resources there are: the fixed ones, and what the caller has used last.

Both lists are bounded, so that they have no pages: a cursor is not given out, nor read.
"""

import logging
from collections.abc import AsyncIterator

import anyio
from mcp.types import Annotations, ListResourcesResult, ListResourceTemplatesResult
from mcp.types import Resource as ResourceDescription
from mcp.types import ResourceTemplate as TemplateDescription

from amber_mcp.app import App
from amber_mcp.errors import AmberError, NotFound
from amber_mcp.redaction import distinct_secrets, without_secrets
from amber_mcp.state.store import StateUnavailable

from . import RESOURCES, TEMPLATES, Template
from .resource import Document

logger = logging.getLogger(__name__)

MOST_LISTED = 20
"""How many of a template's resources are listed."""

_SECONDS = 5.0


async def list_resources(app: App) -> ListResourcesResult:
    """The resources. Where the state cannot be read, those that need none are listed."""
    listed = [
        ResourceDescription(
            uri=each.uri,
            name=each.name,
            title=each.title,
            description=each.description,
            mime_type=each.media_type,
            annotations=Annotations(audience=["user", "assistant"]),
        )
        for each in RESOURCES
    ]
    with anyio.move_on_after(min(_SECONDS, app.settings.call_timeout)) as within:
        try:
            for template in TEMPLATES:
                async for each in _latest(app, template):
                    listed.append(each)  # noqa: PERF401  # what is there counts, if time runs out
        except AmberError as error:
            logger.warning("latest resources not listed", extra={"cause": error.kind})
        except Exception:
            logger.exception("latest resources not listed")
    if within.cancelled_caught:
        logger.warning("latest resources not listed", extra={"cause": "timeout"})
    return ListResourcesResult(resources=listed)


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
                annotations=Annotations(audience=["user", "assistant"]),
            )
            for each in TEMPLATES
        ]
    )


async def _latest(app: App, template: Template) -> AsyncIterator[ResourceDescription]:
    for each in (await app.store.ids(template.kind, await app.caller()))[:MOST_LISTED]:
        try:
            yield _described(app, template, each, await template.read(app, each))
        except NotFound:  # It has come to its end meanwhile.
            continue
        except StateUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # of one record, which says what it will
            told = {"kind": template.kind, "id": each, "cause": type(error).__name__}
            logger.warning("not listed", extra=told)


def _described(app: App, template: Template, each: str, document: Document) -> ResourceDescription:
    secrets = distinct_secrets(app.settings.keys)
    modified = document.last_modified and document.last_modified.isoformat(timespec="seconds")
    return ResourceDescription(
        uri=template.uri_of(each),
        name=each,
        title=without_secrets(document.title, *secrets),
        description=without_secrets(document.description, *secrets),
        mime_type=template.media_type,
        annotations=Annotations(audience=["user", "assistant"], last_modified=modified or None),
    )
