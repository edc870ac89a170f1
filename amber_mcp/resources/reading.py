"""One resource, read: its text, within its time, without secrets, and logged."""

import logging

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ReadResourceResult, TextResourceContents
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from amber_mcp.api.json_text import mended
from amber_mcp.app import App
from amber_mcp.errors import NotFound
from amber_mcp.harmless import harmless
from amber_mcp.protocol_errors import protocol_errors, worded
from amber_mcp.quoting import cut, quoted
from amber_mcp.redaction import distinct_secrets, redacted, without_secrets

from . import RESOURCES, TEMPLATES

logger = logging.getLogger(__name__)

RESOURCE_NOT_FOUND = -32002
"""The code up to the revision 2025-11-25; from 2026-07-28 on it is -32602."""


async def read_resource(app: App, uri: str, *, protocol_version: str) -> ReadResourceResult:
    """What stands at an address.

    Raises:
        MCPError: if nothing does, or it cannot be read.
    """
    started, outcome, name = anyio.current_time(), "cancelled", "-"
    try:
        with protocol_errors(app.settings, "reading a resource"):
            name, media_type, text = await _found(app, uri, protocol_version)
            clean = without_secrets(harmless(text), *distinct_secrets(app.settings.keys))
        outcome = "completed"
    except MCPError:
        outcome = "failed"
        raise
    finally:
        seconds = f"{anyio.current_time() - started:.3f}"
        logger.info("read", extra={"resource": name, "outcome": outcome, "seconds": seconds})
    contents = TextResourceContents(uri=uri, mime_type=media_type, text=clean)
    return ReadResourceResult(contents=[contents])


async def _found(app: App, uri: str, protocol_version: str) -> tuple[str, str, str]:
    """The name, the media type and the text of what stands at `uri`."""
    for resource in RESOURCES:
        if uri == resource.uri:
            return resource.name, resource.media_type, await resource.read(app)
    for template in TEMPLATES:
        if found := template.id_in(uri):
            try:
                document = await template.read(app, found)
            except NotFound:
                break
            return template.name, template.media_type, document.text
    raise _nothing_at(app, uri, protocol_version)


def _nothing_at(app: App, uri: str, protocol_version: str) -> MCPError:
    """The same, whether there never was such a resource, or it is another caller's."""
    error = NotFound(
        f"there is no resource {quoted(uri)}, or not any more",
        advice="Take an address from `resources/list`, or make one as `resources/templates/list` "
        "says. AMBER_STATE_TTL says how long each kind is kept.",
    )
    is_old = protocol_version in HANDSHAKE_PROTOCOL_VERSIONS
    return MCPError(
        code=RESOURCE_NOT_FOUND if is_old else INVALID_PARAMS,
        message=worded(error, app.settings),
        data={"uri": mended(redacted(cut(uri), *app.settings.secrets))},
    )
