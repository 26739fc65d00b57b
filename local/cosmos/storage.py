"""The SQLite file: opening it, its schema, transactions, a copy of it.

WAL with `synchronous=NORMAL`: what was committed survives `kill -9` of the process. A power failure may cost
the last commits, but never leaves the file broken. One connection is used inline: statements are short.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

FILE_NAME = "cosmos.sqlite3"
"""Of the file in a data folder."""

_APPLICATION_ID = 0x434F534D
_SCHEMA_VERSION = 2
_SCHEMA = Path(__file__).with_name("schema.sql")
_FROM_1_TO_2 = """
    BEGIN;
    ALTER TABLE databases ADD COLUMN throughput TEXT;
    CREATE TABLE ranges (
        container INTEGER NOT NULL, number INTEGER NOT NULL, start REAL NOT NULL, end REAL NOT NULL,
        parents TEXT NOT NULL, PRIMARY KEY (container, number)
    ) WITHOUT ROWID;
    INSERT INTO ranges SELECT number, 0, 0, 1, '[]' FROM containers;
    PRAGMA user_version = 2;
    COMMIT;
"""


class ForeignFile(Exception):
    """The data file is not this engine's, or of another version of it. It was left as it is."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"The file {file} {reason}. Nothing was changed; "
            "move it away, or choose another folder with --data."
        )


class DamagedFile(Exception):
    """The data file can't be trusted. It was left as it is."""

    def __init__(self, file: Path, reason: object) -> None:
        super().__init__(
            f"The file {file} is damaged ({reason}). Nothing was changed; "
            "move its folder away, put a backup in its place, or choose another folder with --data."
        )


class NoSuchFile(Exception):
    """There is no data."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"There is no file {file}; is --data the right folder?")


def connect(file: Path | None) -> sqlite3.Connection:
    """Open the engine's file, new or existing; None is a database in memory.

    Raises ForeignFile for a file of something else or of an unknown schema version, and DamagedFile.
    """
    if file is not None:
        _inspect(file)
    connection = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
    try:
        if _is_new(connection, file):
            _create_schema(connection)
        if _version(connection) == 1:
            connection.executescript(_FROM_1_TO_2)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")  # each costs a sync: not so often
    except BaseException:
        connection.close()
        raise
    return connection


def back_up(file: Path, to: Path) -> None:
    """Copy the engine's file as it is at this moment, also while an engine writes to it.

    Raises NoSuchFile, ForeignFile, DamagedFile, and FileExistsError where there is something in the copy's
    place already.
    """
    if not file.is_file():
        raise NoSuchFile(file)
    with closing(sqlite3.connect(file)) as source, _whole_or_not_at_all(to) as unfinished:
        _is_new(source, file)
        with closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)  # all pages in one step, so within one read transaction


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done within, all of it, or nothing if an exception leaves it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has left it by itself where the disk was full
            connection.execute("ROLLBACK")
        raise


def unavailable(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is to blame: the disk is full or fails, writing isn't allowed, or it is damaged."""
    return isinstance(error, sqlite3.OperationalError) or _code(error) == sqlite3.SQLITE_CORRUPT


def _code(error: sqlite3.DatabaseError) -> int:
    """SQLite's own, without the details of an extended one; 0 where the error is the Python module's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def _whole_or_not_at_all(file: Path) -> Iterator[Path]:
    """The name under which to write a new file, which gets its own when the context ends well."""
    with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        unfinished = Path(folder) / file.name
        yield unfinished
        os.link(unfinished, file)  # unlike a rename it replaces nothing


def _inspect(file: Path) -> None:
    """Raise ForeignFile or DamagedFile; read only, since a writer merges the log into the file as it closes.

    It reads all of the file, at about a gigabyte a second.
    """
    if not file.exists() or Path(f"{file}-journal").exists():  # the start that made the file broke off
        return
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        _is_new(connection, file)
        with _damage_named(file):
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DamagedFile(file, " ".join(found.split()))


@contextmanager
def _damage_named(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _code(error) == sqlite3.SQLITE_NOTADB:
            raise ForeignFile(file, "is not a SQLite database, or no longer one") from error
        if _code(error) == sqlite3.SQLITE_CORRUPT:
            raise DamagedFile(file, error) from error
        raise


def _is_new(connection: sqlite3.Connection, file: Path | None) -> bool:
    """Whether there is no schema yet; raises ForeignFile and DamagedFile."""
    path = file or Path(":memory:")
    with _damage_named(path):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        version = _version(connection)
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == 0 and tables == 0:
        return True
    if application != _APPLICATION_ID:
        raise ForeignFile(path, "belongs to another program")
    if not 1 <= version <= _SCHEMA_VERSION:
        raise ForeignFile(path, f"has schema version {version}, and this engine knows {_SCHEMA_VERSION}")
    return False


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create_schema(connection: sqlite3.Connection) -> None:
    marks = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_SCHEMA_VERSION};"
    connection.executescript(f"BEGIN; {_SCHEMA.read_text()} {marks} COMMIT;")
