"""`file_ids`: uploads by their ids, or by names that only one of them has."""

import logging
from collections.abc import Sequence

from amber_mcp.errors import InvalidRequest
from amber_mcp.files.uploads import Upload, list_uploads
from amber_mcp.protocol.boundary import best_effort
from amber_mcp.protocol.call import Call
from amber_mcp.text.sanitise import quoted

from .list_files import uploads_of

_SECONDS = 2.0
"""The state has no longer to answer: the question is to be asked as well."""


async def resolve_file_ids(call: Call, given: Sequence[str]) -> list[str]:
    """The ids of what is given; what is no name of a remembered upload is taken for an id.

    Where the state does not answer, all of it is.

    Raises:
        InvalidRequest: if several uploads have a name, with the ids and the times of each.
    """
    uploads: Sequence[Upload] = ()
    if given:
        with best_effort("uploads not looked up", _SECONDS, logging.WARNING):
            uploads = await uploads_of(call.app)
    return [_id_of(each, uploads) for each in given]


def _id_of(given: str, uploads: Sequence[Upload]) -> str:
    if any(upload.file_id == given for upload in uploads):
        return given
    named = [upload for upload in uploads if upload.is_named(given)]
    if len(named) > 1:
        raise InvalidRequest(
            f"`file_ids` names {quoted(given)}, and {len(named)} uploads have this name: "
            f"{list_uploads(named)}",
            advice="Pass the id of the one that is meant, as a rule the latest, which is first.",
        )
    return named[0].file_id if named else given
