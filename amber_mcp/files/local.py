"""Local files that may be sent: which folders are allowed, and how a file in them is opened.

A file is reached from an allowed folder step by step, each step opened without following a link,
and what was opened is checked on its descriptor, so that nothing can be swapped in between.
"""

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.request import url2pathname

from amber_mcp.config.settings import Settings
from amber_mcp.errors import Forbidden, InvalidRequest, NotFound, TooLarge
from amber_mcp.text.sanitise import quoted

_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")
_FILE_SCHEME = re.compile(r"file:(//(localhost)?)?(?=/)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file is read for, in the words of a refusal."""

    limit: str = "AMBER_MAX_UPLOAD_BYTES allows"
    otherwise: str = "pass its bytes as `content_base64`"


_UPLOAD = Purpose()


def upload_roots(settings: Settings) -> tuple[Path, ...]:
    """The allowed folders: the configured ones, or else the working directory.

    The working directory does not count where hosts start servers without meaning it: at the file
    system's root, in a home folder, or above one.
    """
    if settings.upload_roots is not None:
        return settings.upload_roots
    try:
        here = Path.cwd()
    except OSError:
        return ()
    is_meant = here != Path(here.anchor) and not _home().is_relative_to(here)
    return (here,) if is_meant else ()


def _home() -> Path:
    """The home folder; where there is none, a place that no folder lies above."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("~")


def meant_path(text: str) -> str:
    """The path in a text: that of a `file:` address, without quotes and blanks around it."""
    path = text.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'`":
        path = path[1:-1].strip()
    address = _FILE_SCHEME.match(path)
    return url2pathname(path[address.end() :]) if address else path


@contextmanager
def open_allowed(
    path: str, roots: tuple[Path, ...], max_bytes: int, purpose: Purpose = _UPLOAD
) -> Iterator[IO[bytes]]:
    """The regular file at `path`, open for reading; a relative path starts at the first folder.

    Where there is none, `meant_path` is tried. Unicode's normal form is that of the file's name.

    Raises:
        Forbidden: if it is outside `roots`, hidden, behind a link, or not a regular file.
        NotFound: if there is no such file.
        TooLarge: if it has more than `max_bytes`.
    """
    descriptor = _open(path, roots, purpose)
    if descriptor is None:
        descriptor = _open(meant_path(path), roots, purpose)
    if descriptor is None:
        raise NotFound(
            f"there is no file {quoted(path)}", advice="Check the path; names are case-sensitive."
        )
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, roots, "it is not a regular file", purpose)
        if status.st_size > max_bytes:
            raise TooLarge(
                f"{quoted(path)} has {status.st_size} bytes, more than {purpose.limit} "
                f"({max_bytes})"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _open(path: str, roots: tuple[Path, ...], purpose: Purpose) -> int | None:
    """A descriptor of the file at `path`, or `None` where there is none.

    Raises:
        Forbidden: if it may not be read.
    """
    root, steps = _within(path, roots, purpose)
    try:
        return _descend(root, steps)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, roots, _reason(error), purpose) from None


def _within(path: str, roots: tuple[Path, ...], purpose: Purpose) -> tuple[Path, tuple[str, ...]]:
    """The real path of the allowed folder that `path` lies in, and the way on from there."""
    if not path.strip() or "\0" in path:
        raise InvalidRequest(f"not a path: {quoted(path)}")
    if not roots:
        raise Forbidden(
            "no local file may be read: this server runs in a home folder, above one, "
            "or at the file system's root",
            advice="Set AMBER_UPLOAD_ROOTS to the folders that may be read, "
            "such as /home/me/Documents.",
        )
    wanted = Path(path)
    if wanted.parts[:1] == ("~",):
        wanted = _home().joinpath(*wanted.parts[1:])
    if ".." in wanted.parts:
        raise _refused(path, roots, "it holds '..'", purpose)
    if not wanted.is_absolute():
        wanted = roots[0] / wanted
    for root in roots:
        real = Path(os.path.realpath(root))
        for form in (root, real):
            length = len(form.parts)
            if len(wanted.parts) > length and _composed(wanted.parts[:length]) == _composed(
                form.parts
            ):
                return real, wanted.parts[length:]
    raise _refused(path, roots, "it is outside the allowed folders", purpose)


def _descend(root: Path, steps: tuple[str, ...]) -> int:
    """A descriptor of what lies at `steps` below `root`.

    Raises:
        OSError: if a step does not exist, is hidden, is a link, or is not a folder.
    """
    full = root.joinpath(*steps)
    if any(step.startswith(".") for step in steps):
        raise PermissionError(0, "it is hidden")
    if any(full.is_relative_to(folder) for folder in _KERNEL_FOLDERS):
        raise PermissionError(0, "it is one of the kernel's own files")
    if os.open not in os.supports_dir_fd:
        return _descend_by_path(root, full)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for step in steps[:-1]:
            name = _name_in(folder, step)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        # To open a device or a FIFO may already do something; what is opened is checked again.
        name = _name_in(folder, steps[-1])
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            raise PermissionError(0, "it is not a regular file")
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


def _composed(parts: tuple[str, ...]) -> list[str]:
    return [unicodedata.normalize("NFC", part) for part in parts]


def _name_in(folder: int, step: str) -> str:
    """`step` in the normal form in which the folder has it: systems differ in what they write."""
    for name in (step, *(unicodedata.normalize(form, step) for form in ("NFC", "NFD"))):
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            return name
    return step


def _descend_by_path(root: Path, full: Path) -> int:
    """Where folders cannot be opened (Windows): a path with a link is not its own real path."""
    if Path(os.path.realpath(full)) != full or not full.is_relative_to(root):
        raise PermissionError(0, "its path holds a link")
    return os.open(full, os.O_RDONLY | getattr(os, "O_BINARY", 0))


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ELOOP:
            return "it is a link"
        case errno.ENOTDIR:
            return "a step of its path is a link, or not a folder"
        case _:
            return error.strerror or str(error)


def _refused(path: str, roots: tuple[Path, ...], reason: str, purpose: Purpose) -> Forbidden:
    return Forbidden(
        f"{quoted(path)} is not read: {reason}",
        advice=f"Pass a regular, visible file in {', '.join(map(str, roots))} "
        f"(AMBER_UPLOAD_ROOTS names the folders), or {purpose.otherwise}.",
    )
