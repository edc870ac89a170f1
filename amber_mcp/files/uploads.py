"""Uploads: amber has no list of files, so that their ids are remembered here."""

import logging
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from amber_mcp.storage.base import InvalidRecord, Key, Store, validating
from amber_mcp.text.sanitise import truncate

logger = logging.getLogger(__name__)

_MOST_SHOWN = 5


class Upload(BaseModel):
    """A file that amber took, and when; `sha256` and `size_bytes` are of what was sent."""

    model_config = ConfigDict(frozen=True)

    file_id: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime

    @property
    def when(self) -> str:
        """The time of the upload, to the minute."""
        return f"{self.uploaded_at:%Y-%m-%d %H:%M} UTC"

    def is_named(self, name: str) -> bool:
        """Whether this is its name, in whatever case and Unicode form."""
        return _folded(self.filename) == _folded(name)


def list_uploads(uploads: Sequence[Upload]) -> str:
    """The ids of the first five and their times, for an error."""
    known = [f"{truncate(each.file_id)} ({each.when})" for each in uploads[:_MOST_SHOWN]]
    more = len(uploads) - len(known)
    return ", ".join(known) + (f" and {more} more" if more else "")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class Uploads:
    """The uploads of all callers in a store."""

    def __init__(self, store: Store, *, ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def add(self, caller: str, upload: Upload) -> None:
        """Remember an upload of the caller's."""
        key = Key("upload", caller, upload.file_id)
        await self._store.put(key, upload.model_dump(mode="json"), ttl=self._ttl)

    async def get(self, caller: str, file_id: str) -> Upload | None:
        """The caller's upload with this id, or `None`.

        Raises:
            InvalidRecord: if another version saved it.
        """
        record = await self._store.get(Key("upload", caller, file_id))
        with validating(f"the upload {file_id[:80]!r}"):
            return None if record is None else Upload.model_validate(record)

    async def all(self, caller: str, *, most: int) -> Sequence[Upload]:
        """The caller's uploads, at most so many, the latest first; without what cannot be read."""
        found: list[Upload] = []
        for file_id in (await self._store.ids("upload", caller))[:most]:
            try:
                upload = await self.get(caller, file_id)
            except InvalidRecord as error:
                logger.warning("upload not listed", extra={"cause": error.message})
                continue
            if upload is not None:
                found.append(upload)
        return found
