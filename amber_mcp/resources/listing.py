"""Which resources there are: the fixed ones, and what the caller has used last.

Both lists are bounded, so that they have no pages: no cursor is given out.
"""

import anyio
from mcp.types import ListResourcesResult, ListResourceTemplatesResult
from mcp.types import Resource as ResourceDescription
from mcp.types import ResourceTemplate as TemplateDescription

from amber_mcp.app import App

from . import RESOURCES, TEMPLATES, Template
from .recent import recent_resources
from .resource import for_both


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
