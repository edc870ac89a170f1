"""What is kept of a call: never at the cost of its result, which is there already."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from pydantic import BaseModel

from amber_mcp.app import App
from amber_mcp.errors import AmberError
from amber_mcp.text.json_values import well_formed_json
from amber_mcp.text.redaction import distinct_secrets, remove_secrets_in_json

logger = logging.getLogger(__name__)

_Record = TypeVar("_Record", bound=BaseModel)


async def save_record(
    app: App,
    record: _Record,
    keep: Callable[[str, _Record], Awaitable[None]],
    *,
    within: float,
) -> bool:
    """Keep a record without secrets, if that can be done soon; tell whether it was, and log if not.

    Args:
        keep: what keeps it; takes the caller, and the record.
        within: the seconds that it may take.
    """
    cause = "timeout"
    with anyio.move_on_after(within):
        try:
            await keep(await app.caller(), _clean(app, record))
        except AmberError as error:
            cause = error.kind
        except Exception:
            logger.exception("%s not kept", _name(record))
            return False
        else:
            return True
    logger.warning("%s not kept", _name(record), extra={"cause": cause})
    return False


def _clean(app: App, record: _Record) -> _Record:
    secrets = distinct_secrets(app.settings.keys)
    fields = record.model_dump(mode="json")
    return type(record).model_validate(well_formed_json(remove_secrets_in_json(fields, *secrets)))


def _name(record: BaseModel) -> str:
    return type(record).__name__.lower()
