"""Documents: the files of a folder, each with a title and passages."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from . import formats
from .passages import Passage, plain, split_passages

AGENTS_FILE = "agents.json"
SYNONYMS_FILE = "synonyms.txt"
_NO_DOCUMENTS = {AGENTS_FILE, SYNONYMS_FILE}
_SKIPPED_FOLDERS = {"node_modules", "__pycache__"}
_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Document:
    """One file: where it lies in its folder, what it is called, what it says."""

    path: str
    title: str
    passages: tuple[Passage, ...]
    url: str = ""
    """The page that the file was saved from."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not part of the collection, and why."""

    path: str
    reason: str


def read_document(path: str, content: bytes) -> Document:
    """A file's content as the document called `path`.

    Raises:
        formats.UnreadableError: with the reason for leaving the file out.
    """
    text = formats.read(path, content)
    heading, passages = split_passages(text.markdown[: formats.MOST_TEXT])
    if not passages:
        raise formats.UnreadableError("empty")
    name = PurePath(path).stem.replace("_", " ").replace("-", " ")
    title = plain(text.title) or heading or name
    return Document(path, title[:_LONGEST_TITLE], tuple(passages), text.url)


def read_folder(root: Path) -> tuple[list[Document], list[LeftOut]]:
    """Every document beneath a folder, in the order of their paths, and what cannot become one."""
    root = root.resolve()
    documents: list[Document] = []
    left_out: list[LeftOut] = []
    for file in _files(root):
        raw = file.relative_to(root).as_posix()
        path = raw.encode("utf-8", "replace").decode()
        try:
            if path != raw:
                raise formats.UnreadableError("its name is not readable text")
            if not file.resolve().is_relative_to(root):
                raise formats.UnreadableError("a link that leaves the folder")
            if not file.is_file():
                raise formats.UnreadableError("not a regular file")
            if file.stat().st_size > formats.MOST_BYTES:
                raise formats.UnreadableError(f"bigger than {formats.MOST_BYTES // 2**20} MiB")
            documents.append(read_document(path, file.read_bytes()))
        except formats.UnreadableError as error:
            left_out.append(LeftOut(path, str(error)))
        except OSError as error:
            left_out.append(LeftOut(path, f"cannot be opened ({error.strerror})"))
    return documents, left_out


def _files(root: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(root):
        folder = Path(here)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS
        )
        linked = [name for name in folders if (folder / name).is_symlink()]
        for name in sorted([*names, *linked]):
            if not name.startswith(".") and (folder != root or name not in _NO_DOCUMENTS):
                yield folder / name
