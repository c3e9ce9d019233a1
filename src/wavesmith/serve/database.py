"""One SQLite file that outlives crashes: write-ahead log, one owner at a time, damage set aside."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from wavesmith.errors import WavesmithError
from wavesmith.files import remedy

Row = sqlite3.Row

FILE, LOCK = "library.db", "library.lock"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sounds (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    label TEXT,
    labels TEXT NOT NULL,
    model TEXT,
    verb TEXT,
    seed INTEGER,
    seconds REAL NOT NULL,
    rate INTEGER NOT NULL,
    channels INTEGER NOT NULL,
    peak REAL NOT NULL,
    created REAL NOT NULL,
    source INTEGER NOT NULL,
    favourite INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0,
    trash INTEGER NOT NULL DEFAULT 0,
    job TEXT,
    place INTEGER,
    sources TEXT NOT NULL,
    embedding BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS sounds_by_date ON sounds (created);
CREATE INDEX IF NOT EXISTS sounds_by_job ON sounds (job, place);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    total INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    request TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS trainings (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    request TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS evaluations (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    request TEXT NOT NULL
);
"""


class Database:
    """A connection that threads share; each statement is a transaction of its own."""

    def __init__(self, folder: Path) -> None:
        """Open the database of a library folder, which this process then owns until it ends.

        Raises:
            WavesmithError: when the folder cannot be written, or another process owns it.
        """
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._owner = _owned(folder)
            try:
                self._connection = _opened(folder / FILE)
            except sqlite3.DatabaseError:
                _set_aside(folder / FILE)
                self._connection = _opened(folder / FILE)
        except OSError as error:
            raise WavesmithError(
                f"The library {folder} cannot be used ({error.strerror or error}); {remedy(error)}."
            ) from error
        except sqlite3.Error as error:
            raise WavesmithError(
                f"The library {folder} cannot be used ({error}); choose another place."
            ) from error

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query; None if there is none."""
        with self._lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def write(self, sql: str, *values: Any) -> int:
        """Change something; returns how many rows it concerned."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def close(self) -> None:
        """Give the library up."""
        with self._lock:
            self._connection.close()
            self._owner.close()


def claim(path: Path, seconds: float = 0.0) -> sqlite3.Connection:
    """A lock of this process: SQLite's own, which ends with the process, however that ends.

    Raises:
        sqlite3.OperationalError: when another has had it for so many seconds.
    """
    owner = sqlite3.connect(path, timeout=seconds, isolation_level=None, check_same_thread=False)
    try:
        owner.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        owner.close()
        raise
    return owner


def _owned(folder: Path) -> sqlite3.Connection:
    try:
        return claim(folder / LOCK)
    except sqlite3.OperationalError as error:
        raise WavesmithError(
            f"The library {folder} is in use by another wavesmith; close that one, or choose another folder "
            "with --library."
        ) from error


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _set_aside(path: Path) -> None:
    """Keep what cannot be read under another name; the library is made again from its folder."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for ending in ("", "-wal", "-shm"):
        there = path.with_name(path.name + ending)
        if there.exists():
            there.rename(path.with_name(f"{path.stem}-damaged-{stamp}{path.suffix}{ending}"))
