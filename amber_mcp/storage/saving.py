"""What is saved of a call: never at the cost of its result, which is there already."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from pydantic import BaseModel

from amber_mcp.errors import AmberError
from amber_mcp.text.json_values import well_formed_json
from amber_mcp.text.redaction import remove_secrets_in_json

logger = logging.getLogger(__name__)

_Record = TypeVar("_Record", bound=BaseModel)


async def save_record(
    record: _Record,
    save: Callable[[_Record], Awaitable[None]],
    *,
    secrets: tuple[str, ...],
    within: float,
) -> bool:
    """Save a record without secrets, if that can be done soon; tell whether it was, or log why not.

    Args:
        secrets: what is hidden in it.
        within: the seconds that it may take.
    """
    fields = remove_secrets_in_json(record.model_dump(mode="json"), *secrets)
    clean = type(record).model_validate(well_formed_json(fields))
    name = type(record).__name__.lower()
    cause = "timeout"
    with anyio.move_on_after(within):
        try:
            await save(clean)
        except AmberError as error:
            cause = error.kind
        except Exception:
            logger.exception("%s not saved", name)
            return False
        else:
            return True
    logger.warning("%s not saved", name, extra={"cause": cause})
    return False
