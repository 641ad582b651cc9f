"""The SQLite file that holds everything we know: its tables, its one connection, its errors."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.disk import FORBIDDEN, FULL, explained, is_full, takes_writes
from ingest.errors import Conflict, InvalidInput, Unavailable

_MAX_PARAMETERS = 500  # per statement; SQLite's own limit is far above, its planner's is not
_BUSY_MS = 10_000
_VERSION = 2

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE papers (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    revision TEXT NOT NULL,
    is_live INTEGER NOT NULL DEFAULT 1,
    year INTEGER,
    venue TEXT,
    chunk_row INTEGER NOT NULL,
    n_chunks INTEGER NOT NULL,
    sentence_row INTEGER NOT NULL,
    n_sentences INTEGER NOT NULL,
    title TEXT NOT NULL,
    abstract TEXT NOT NULL,
    facts TEXT NOT NULL,       -- JSON: every other field of Paper
    sentences TEXT NOT NULL,   -- JSON: [[start, end], ...] in code points
    chunks TEXT NOT NULL,      -- JSON: [[start, end, [sentence, ...]], ...]
    added_at TEXT NOT NULL
);
CREATE UNIQUE INDEX live_papers ON papers (id) WHERE is_live;
CREATE INDEX retired_papers ON papers (ordinal) WHERE NOT is_live;
CREATE TABLE identities (key TEXT PRIMARY KEY, paper TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX identities_of_paper ON identities (paper);
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    name TEXT NOT NULL,        -- the source's own key, else the paper's strongest identity
    variant INTEGER NOT NULL,  -- 0, 1, ... for records of the same name in one source
    digest TEXT NOT NULL,      -- of all that the record says
    paper TEXT NOT NULL,
    joined_by TEXT NOT NULL,   -- what made it this paper's; empty for the paper's first record
    version INTEGER NOT NULL,  -- of the arXiv paper; 0 where unknown
    title_hash INTEGER NOT NULL,
    stem_hash INTEGER NOT NULL,
    text_hash INTEGER NOT NULL,
    locator TEXT NOT NULL,
    run INTEGER NOT NULL
);
CREATE UNIQUE INDEX records_by_name ON records (source, name, variant);
CREATE INDEX records_of_paper ON records (paper, source);
CREATE INDEX records_of_source ON records (source, paper);
CREATE INDEX records_by_key ON records (name);
CREATE INDEX records_by_title ON records (title_hash);
CREATE INDEX records_by_stem ON records (stem_hash);
CREATE INDEX records_by_text ON records (text_hash);
CREATE TABLE contents (
    record INTEGER PRIMARY KEY REFERENCES records ON DELETE CASCADE,
    fields BLOB NOT NULL,      -- JSON: the Paper as this source gave it; zlib
    raw BLOB NOT NULL          -- as received; zlib with `fields` as its dictionary
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    sources TEXT NOT NULL,     -- JSON: names
    report TEXT                -- JSON
);
"""


class Database:
    """The file at `path`; made where it is missing. Safe to share between threads.

    Raises, like every method:
        Unavailable: the file or its folder cannot be read or written, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        with explained():
            path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.RLock()
        with _translated(self._path):
            try:
                self._open("rwc")
            except sqlite3.OperationalError:
                if takes_writes(path) and takes_writes(path.parent):
                    raise
                self._open_to_read()

    def _open(self, mode: str) -> None:
        """Opens the file in a mode of SQLite's URIs."""
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        self._is_frozen = "immutable" in mode
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        try:
            self._prepare(is_writable=mode == "rwc")
        except BaseException:
            self._db.close()
            raise

    def _open_to_read(self) -> None:
        """Opens a file that may not be written to, or for whose log there is no space."""
        try:
            self._open("ro")
        except sqlite3.OperationalError:
            if not self._path.is_file() or self._has_log():
                raise
            self._open("ro&immutable=1")

    def _has_log(self) -> bool:
        """Whether the file's write-ahead log holds changes, which one opened alone would lack."""
        log = self._path.with_name(self._path.name + "-wal")
        return log.is_file() and log.stat().st_size > 0

    def thaw(self) -> None:
        """Opens a file anew for writing that was opened as one that nobody changes.

        Raises:
            Unavailable: that can still not be done.
        """
        with self._lock, _translated(self._path):
            if self._is_frozen:
                self._db.close()
                try:
                    self._open("rwc")
                except sqlite3.OperationalError:
                    self._open_to_read()
                    raise

    def _prepare(self, *, is_writable: bool) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        if is_writable:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._create()
        elif version != _VERSION:
            raise InvalidInput(
                f"This library was made by another version of Citelight (catalogue version "
                f"{version}, this one reads {_VERSION}). Start with a new CITELIGHT_HOME and "
                f"ingest again."
            )

    def _create(self) -> None:
        with self.transaction():
            if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";\n"):
                    if statement.strip():
                        self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen together or not at all; inside another one, with that one."""
        with self._lock, _translated(self._path):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """All writes inside are undone at its end."""
        with self._lock, _translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def problem(self) -> str | None:
        """What is wrong inside the file, in SQLite's words; None if nothing is."""
        found = self._query("PRAGMA quick_check(1)")[0][0]
        return None if found == "ok" else str(found)

    def meta(self, key: str) -> str | None:
        """A fact about the library as a whole."""
        rows = self._query("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def set_meta(self, key: str, value: str) -> None:
        if self.meta(key) != value:
            self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock, _translated(self._path):
            if self._is_frozen and self._has_log():  # somebody changes it after all
                self._db.close()
                self._open_to_read()
            return self._db.execute(sql, values).fetchall()

    def _query_in(
        self, sql: str, values: Sequence[object], *, before: Sequence[object] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Runs `sql`, whose `{}` stands for a list of placeholders, over the values in parts.

        `before` are the values of placeholders that stand before the list.
        """
        for at in range(0, len(values), _MAX_PARAMETERS):
            part = values[at : at + _MAX_PARAMETERS]
            yield from self._query(sql.format(", ".join("?" * len(part))), [*before, *part])

    def _write(self, sql: str, values: Sequence[object]) -> int:
        """Runs one statement; the id of the row it inserted."""
        with self._lock, _translated(self._path):
            return int(self._db.execute(sql, values).lastrowid or 0)

    def _write_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self._lock, _translated(self._path):
            self._db.executemany(sql, rows)


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors about the file at `path` as ours."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise  # a mistake of ours, not of the disk
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text or ("I/O" in text and is_full(path.parent)):
            raise Unavailable(FULL) from error
        if "readonly" in text or "unable to open" in text:
            raise Unavailable(FORBIDDEN) from error
        if "locked" in text:
            raise Conflict(
                "Another program holds the catalogue. Wait until it has ended, then try again."
            ) from error
        raise Unavailable(
            f"The catalogue cannot be read or written ({text}). Check the disk's free space and "
            f"health, then run this again: what was stored before is intact."
        ) from error
    except sqlite3.DatabaseError as error:
        raise Unavailable(
            f"The catalogue is damaged ({error}). Put back a copy of catalogue.sqlite, or start "
            f"with a new CITELIGHT_HOME and ingest again."
        ) from error
