"""Uploads: files that callers sent, kept in a private folder for as long as the sandbox runs."""

import shutil
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import formats
from .documents import Document, read_document

_LONGEST_SUFFIX = 12


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, and what it says or why that cannot be read."""

    id: str
    filename: str
    content_type: str
    size: int
    file: Path
    document: Document | None
    unreadable: str = ""


class Uploads:
    """All files sent so far, by their ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._by_id: dict[str, Upload] = {}

    def add(self, content: BinaryIO, filename: str, content_type: str) -> Upload:
        """Keep a file, copied piece by piece, and read it as a document if it is one."""
        number = str(uuid.uuid4())
        suffix = Path(filename).suffix[:_LONGEST_SUFFIX].lower()
        kept = suffix if suffix[1:].isalnum() else ""
        file = self._folder / f"{number}{kept}"
        with file.open("xb") as target:
            shutil.copyfileobj(content, target, 2**20)
        document, reason = None, ""
        try:
            document = read_document(file, filename)
        except formats.UnreadableError as error:
            reason = str(error)
        size = file.stat().st_size
        upload = Upload(number, filename, content_type, size, file, document, reason)
        with self._lock:
            self._by_id[number] = upload
        return upload

    def get(self, number: str) -> Upload | None:
        """The file with an id."""
        with self._lock:
            return self._by_id.get(number)
