"""The SQLite file: made for its owner alone, and refused where it is somebody else's."""

import errno
import os
import secrets
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from amber_mcp.errors import NotConfigured

APPLICATION_ID = 0x616D6272
SCHEMA_VERSION = 2

# SQLITE_NOMEM is none of them: the standard library raises MemoryError in its place.
_PASSING = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
)
_PASSING_ERRNOS = (
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
)

_SCHEMA = """
CREATE TABLE store (secret BLOB NOT NULL);
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, caller TEXT NOT NULL, id TEXT NOT NULL,
    record BLOB, length INTEGER NOT NULL, expires REAL NOT NULL, written INTEGER NOT NULL,
    UNIQUE (kind, caller, id)
);
CREATE TABLE items (
    entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
    position INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (entry, position)
);
CREATE INDEX entries_by_expiry ON entries (expires);
CREATE INDEX entries_by_write ON entries (written);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, or make it; any thread may use the connection, one at a time.

    It waits for no lock: what meets one fails with SQLITE_BUSY.

    Raises:
        NotConfigured: naming AMBER_STATE and what is wrong with the file.
        sqlite3.Error, OSError, MemoryError: of what passes: a lock, a full disk.
    """
    try:
        _make_private(path)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        if _passes(error, path):
            raise
        raise _unusable(path, reason(error)) from None
    return connection


def reason(error: Exception) -> str:
    """What the system or SQLite says."""
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return str(error) or "out of memory"


def _passes(error: sqlite3.Error | OSError, path: Path) -> bool:
    if isinstance(error, OSError):
        return error.errno in _PASSING_ERRNOS
    # The code's first byte tells the kind; the others tell more of it.
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind == sqlite3.SQLITE_CANTOPEN:
        # No descriptor is left, unless it is for the permissions.
        return os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    return kind in _PASSING


def _make_private(path: Path) -> None:
    """Make the file if there is none, before anything is in it; others must not read it."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise _unusable(path, f"there is no folder {path.parent.parent}") from None
    except OSError as error:
        if _passes(error, path):
            raise
        raise _unusable(path, f"{path.parent} is no folder: {reason(error)}") from None
    # A file that exists is looked at and never opened here: to close it again would take away
    # the locks that SQLite may hold on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with suppress(FileNotFoundError):
            _check(each, each.lstat())


def _check(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _unusable(path, "it is a link: name the file itself")
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "it is not a regular file")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise _unusable(path, "it belongs to somebody else")
    if status.st_mode & 0o077:
        path.chmod(0o600)


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if not _is_ours(connection, path):
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute("INSERT INTO store VALUES (?)", (secrets.token_bytes(32),))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    # Of processes that start together, SQLite lets but one do this.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; if not, the file is empty.

    Raises:
        NotConfigured: if it is another program's, or another version's.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID:
        if version != SCHEMA_VERSION:
            raise _unusable(path, f"another version of amber-mcp wrote it (format {version})")
        return True
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application or version or tables:
        raise _unusable(path, "it is the database of another program")
    return False


def _unusable(path: Path, reason: str) -> NotConfigured:
    return NotConfigured(f"AMBER_STATE names a file that cannot be used: {path}: {reason}")
