"""One resource, read: its text, within its time, without secrets, and logged."""

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ReadResourceResult, TextResourceContents
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from amber_mcp.app import App
from amber_mcp.errors import NotFound
from amber_mcp.protocol.boundary import error_message, request_boundary
from amber_mcp.text.json_values import well_formed
from amber_mcp.text.redaction import distinct_secrets, redact, remove_secrets
from amber_mcp.text.sanitise import quoted, strip_controls, truncate

from . import RESOURCES, TEMPLATES, Resource, Template

RESOURCE_NOT_FOUND = -32002
"""The code up to the revision 2025-11-25; from 2026-07-28 on it is -32602."""


async def read_resource(app: App, uri: str, *, protocol_version: str) -> ReadResourceResult:
    """What stands at an address.

    Raises:
        MCPError: if nothing does, or it cannot be read.
    """
    with request_boundary(app.settings, "read", "reading a resource") as fields:
        if (found := _found(uri)) is None:
            fields["outcome"] = NotFound.kind
            raise _nothing_at(app, uri, protocol_version)
        resource, id_ = found
        fields["resource"] = resource.name
        await app.ready()
        if isinstance(resource, Resource):
            text = await resource.read(app)
        else:
            try:
                text = await resource.read(app, id_)
            except NotFound:
                fields["outcome"] = NotFound.kind
                raise _nothing_at(app, uri, protocol_version) from None
        clean = remove_secrets(strip_controls(text), *distinct_secrets(app.settings.keys))
    contents = TextResourceContents(uri=uri, mime_type=resource.media_type, text=clean)
    return ReadResourceResult(contents=[contents])


def _found(uri: str) -> tuple[Resource | Template, str] | None:
    """The resource with this address; or the template that it is of, and the id in it."""
    for resource in RESOURCES:
        if uri == resource.uri:
            return resource, ""
    for template in TEMPLATES:
        if id_ := template.id_in(uri):
            return template, id_
    return None


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
        message=error_message(error, app.settings),
        data={"uri": well_formed(redact(truncate(uri), *app.settings.secrets))},
    )
