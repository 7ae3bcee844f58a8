"""Opening result databases. The tables are those of schema.sql, shared with the C++ sink."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from pathlib import Path
from typing import Iterator

APPLICATION_ID = 1414025265  # "TWP1"
VERSION = 4  # 2: studies, 3: run.content_hash, 4: profiles
LOCK_WAIT_S = 10.0
ADDED = {"study_id": "INTEGER REFERENCES study", "content_hash": "TEXT",
         "profile_id": "INTEGER REFERENCES profile"}  # to `run`, since the first format
SCHEMA = Path(__file__).resolve().parent.parent / "schema.sql"


class DatabaseError(Exception):
    """A database cannot be used; the text says why and what to do."""


def explain(path: str, error: sqlite3.Error) -> DatabaseError:
    """An SQLite error in words a user can act on."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return DatabaseError(
            f"{path} is locked by another process; close it or choose another --db")
    if "disk is full" in text or "disk I/O" in text or "database or disk is full" in text:
        return DatabaseError(
            f"cannot write more to {path}: disk full, quota or file size limit; what was committed "
            "stays readable, free some space or choose another --db")
    if "unable to open" in text:
        return DatabaseError(f"cannot open {path}; does its folder exist and may you write there?")
    if "not a database" in text:
        return DatabaseError(f"{path} is not an SQLite database")
    return DatabaseError(f"{path}: {text}")


def connect(path: str | os.PathLike[str], lock_wait: float = LOCK_WAIT_S, *,
            durable: bool = True) -> sqlite3.Connection:
    """Opens or creates the database for writing, creating its tables when they are missing. A file
    that is merged soon need not be `durable`: it survives this process, not a power failure."""
    path = os.fspath(path)
    try:
        connection = sqlite3.connect(path, timeout=lock_wait, isolation_level=None)
        connection.row_factory = sqlite3.Row
        if not durable:
            connection.execute("PRAGMA synchronous = OFF")
        _check_kind(connection, path)
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            create(connection)
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        raise explain(path, error) from error
    return connection


def create(connection: sqlite3.Connection) -> None:
    """Creates all tables in one transaction; those of an older format get what they lack."""
    connection.execute("BEGIN IMMEDIATE")  # before looking: another may be adding them
    try:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(run)")]
        for name, kind in ADDED.items():
            if columns and name not in columns:
                connection.execute(f"ALTER TABLE run ADD COLUMN {name} {kind}")
        for statement in _statements(SCHEMA.read_text(encoding="utf-8")):
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _statements(script: str) -> Iterator[str]:
    """One by one: executescript() would end the transaction first. Each ends a line."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@functools.cache
def empty_image() -> bytes:
    """The bytes of a database with all tables and no rows: a new file in a fraction of a
    millisecond, where creating the tables takes several."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create(connection)
        return connection.serialize()
    finally:
        connection.close()


def recover(path: str | os.PathLike[str]) -> None:
    """Folds the log a killed writer left into the file, so that the file alone is whole. Leaves
    it alone while anybody uses the database."""
    path = os.fspath(path)
    if not (os.path.exists(f"{path}-wal") or os.path.exists(f"{path}-journal")):
        return
    try:
        connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return  # in use, or read-only: SQLite reads through the log


def read_only(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Opens an existing database for reading."""
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise DatabaseError(f"no database {path}; `./twinpath demo` or `run` makes one")
    recover(path)
    try:
        connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True,
                                     timeout=LOCK_WAIT_S)
        connection.row_factory = sqlite3.Row
        if not _check_kind(connection, path):
            raise DatabaseError(f"{path} is empty: no run is recorded in it yet")
    except sqlite3.Error as error:
        raise explain(path, error) from error
    return connection


def check_target(path: str | os.PathLike[str]) -> None:
    """DatabaseError unless runs can be recorded in `path`, which need not exist yet: asked before a
    run, not after it. One that is locked now may be free when the run has ended."""
    path = os.fspath(path)
    if not os.path.exists(path):
        return
    if not os.access(path, os.W_OK):
        raise DatabaseError(f"{path} cannot be written: it is read-only")
    try:
        with contextlib.closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro",
                                                uri=True, timeout=0)) as connection:
            _check_kind(connection, path)
    except sqlite3.Error as error:
        if "locked" not in str(error):
            raise explain(path, error) from error


def _check_kind(connection: sqlite3.Connection, path: str) -> bool:
    """Whether there are tables; DatabaseError when they are not ours."""
    # Tables first: whoever creates the file this moment names it before it makes any.
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise DatabaseError(f"{path} is an SQLite database of another program")
    if version > VERSION:
        raise DatabaseError(f"{path} was written by a newer Twinpath (format {version})")
    return bool(tables)
