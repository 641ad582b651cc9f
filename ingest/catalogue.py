"""The catalogue: papers, their sentences and chunks, and where each came from. The one truth.

A paper's row is immutable: a changed paper gets a new row (its *ordinal*) and the old one is
retired, so that a reader of an older generation still finds the text its vectors belong to.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ingest.chunk import Chunk
from ingest.errors import InvalidInput, Unavailable
from ingest.papers import Paper, Record
from ingest.sentences import Span

_MAX_PARAMETERS = 500  # per statement; SQLite's own limit is far above, its planner's is not
_BUSY_MS = 10_000

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE papers (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    revision TEXT NOT NULL,
    is_live INTEGER NOT NULL DEFAULT 1,
    title TEXT NOT NULL,
    abstract TEXT NOT NULL,
    facts TEXT NOT NULL,       -- JSON: every other field of Paper
    year INTEGER,
    venue TEXT,
    sentences TEXT NOT NULL,   -- JSON: [[start, end], ...] in code points
    chunks TEXT NOT NULL,      -- JSON: [[start, end, [sentence, ...]], ...]
    chunk_row INTEGER NOT NULL,
    n_chunks INTEGER NOT NULL,
    sentence_row INTEGER NOT NULL,
    n_sentences INTEGER NOT NULL,
    added_at TEXT NOT NULL
);
CREATE UNIQUE INDEX live_papers ON papers (id) WHERE is_live;
CREATE TABLE identities (key TEXT PRIMARY KEY, paper TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX identities_of_paper ON identities (paper);
CREATE TABLE records (
    source TEXT NOT NULL,
    name TEXT NOT NULL,        -- the source's own key, else the paper's strongest identity
    variant INTEGER NOT NULL,  -- 0, 1, ... for records of the same name in one source
    paper TEXT NOT NULL,
    digest TEXT NOT NULL,
    fields TEXT NOT NULL,      -- JSON: the Paper as this source gave it
    locator TEXT NOT NULL,
    raw BLOB NOT NULL,         -- as received, zlib
    run INTEGER NOT NULL,
    PRIMARY KEY (source, name, variant)
) WITHOUT ROWID;
CREATE INDEX records_of_paper ON records (paper);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    sources TEXT NOT NULL,     -- JSON: names
    report TEXT                -- JSON
);
"""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """A paper as the library holds it.

    `sentences` are `[start, end)` code-point offsets into `paper.abstract`; vector rows of its
    chunks start at `chunk_row`, those of its sentences at `sentence_row`.
    """

    ordinal: int
    id: str
    paper: Paper
    sentences: tuple[Span, ...]
    chunks: tuple[Chunk, ...]
    chunk_row: int
    sentence_row: int

    def sentence(self, n: int) -> str:
        start, end = self.sentences[n]
        return self.paper.abstract[start:end]


@dataclass(frozen=True, slots=True)
class RecordName:
    """How one source calls one record: `(source, name, variant)`."""

    source: str
    name: str
    variant: int


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What the catalogue remembers of a record: whose it is and what it said."""

    name: RecordName
    paper_id: str
    paper: Paper


class Catalogue:
    """The SQLite file at `path`; made where it is missing. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise Unavailable(f"The catalogue cannot be opened ({error}).") from error

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
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
        """All writes inside happen together or not at all."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _query_in(self, sql: str, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        """Runs `sql`, whose `{}` stands for a list of placeholders, over the values in parts."""
        for at in range(0, len(values), _MAX_PARAMETERS):
            part = values[at : at + _MAX_PARAMETERS]
            yield from self._query(sql.format(", ".join("?" * len(part))), part)

    # --- meta ---

    def meta(self, key: str) -> str | None:
        rows = self._query("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def set_meta(self, key: str, value: str) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # --- papers ---

    def n_papers(self) -> int:
        return int(self._query("SELECT count(*) FROM papers WHERE is_live")[0][0])

    def vector_rows(self) -> tuple[int, int]:
        """How many chunk rows and sentence rows the papers, live or retired, account for."""
        sql = "SELECT max(chunk_row + n_chunks), max(sentence_row + n_sentences) FROM papers"
        chunks, sentences = self._query(sql)[0]
        return chunks or 0, sentences or 0

    def live(self) -> list[tuple[int, str, str]]:
        """`(ordinal, id, revision)` of every live paper, by ordinal."""
        return self._query("SELECT ordinal, id, revision FROM papers WHERE is_live ORDER BY 1")

    def columns(self, ordinals: Sequence[int]) -> list[tuple[Any, ...]]:
        """`(ordinal, id, year, venue, chunk_row, n_chunks, sentence_row, n_sentences)` rows."""
        sql = (
            "SELECT ordinal, id, year, venue, chunk_row, n_chunks, sentence_row, n_sentences "
            "FROM papers WHERE ordinal IN ({}) ORDER BY ordinal"
        )
        return list(self._query_in(sql, ordinals))

    def papers(self, ordinals: Sequence[int]) -> list[StoredPaper]:
        """The papers in these rows, live or retired, in the order asked; missing ones left out."""
        found = {p.ordinal: p for p in self._papers("ordinal IN ({})", ordinals)}
        return [found[o] for o in ordinals if o in found]

    def _papers(self, where: str, values: Sequence[object]) -> Iterator[StoredPaper]:
        sql = (
            "SELECT ordinal, id, title, abstract, facts, year, venue, sentences, chunks, "
            f"chunk_row, sentence_row FROM papers WHERE {where}"
        )
        return (_stored(row) for row in self._query_in(sql, values))

    def find(self, name: str) -> StoredPaper | None:
        """The live paper with this id, DOI, arXiv id, PubMed id or source key, if there is one."""
        bare = name.strip()
        keys = [bare.casefold(), *(f"{p}:{bare.casefold()}" for p in ("doi", "arxiv", "pubmed"))]
        ids = [bare, *self.owners(keys).values()]
        ids += [r[0] for r in self._query("SELECT paper FROM records WHERE name = ?", (bare,))]
        return next(self._papers("is_live AND id IN ({})", ids), None)

    def by_id(self, ids: Sequence[str]) -> dict[str, StoredPaper]:
        """The live papers with these ids, by id."""
        return {p.id: p for p in self._papers("is_live AND id IN ({})", ids)}

    def add(
        self,
        paper_id: str,
        paper: Paper,
        sentences: Sequence[Span],
        chunks: Sequence[Chunk],
        *,
        chunk_row: int,
        sentence_row: int,
    ) -> None:
        """Stores a paper, retiring the row it had; its identities point to it from now on."""
        with self._lock:
            self._db.execute("UPDATE papers SET is_live = 0 WHERE id = ? AND is_live", (paper_id,))
            self._db.execute(
                "INSERT INTO papers (id, revision, title, abstract, facts, year, venue, sentences, "
                "chunks, chunk_row, n_chunks, sentence_row, n_sentences, added_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    paper_id,
                    paper.revision,
                    paper.title,
                    paper.abstract,
                    _dump(paper),
                    paper.year,
                    paper.venue,
                    orjson.dumps(sentences).decode(),
                    orjson.dumps([(c.start, c.end, c.sentences) for c in chunks]).decode(),
                    chunk_row,
                    len(chunks),
                    sentence_row,
                    len(sentences),
                    _now(),
                ),
            )

    def retire(self, paper_ids: Sequence[str]) -> None:
        """Takes papers out of the library with their records and identities."""
        with self._lock:
            for sql in (
                "UPDATE papers SET is_live = 0 WHERE id = ?",
                "DELETE FROM records WHERE paper = ?",
                "DELETE FROM identities WHERE paper = ?",
            ):
                self._db.executemany(sql, [(i,) for i in paper_ids])

    def forget_retired(self, kept: Iterable[int]) -> None:
        """Deletes retired rows whose ordinals are not in `kept` (those a generation still uses)."""
        retired = {row[0] for row in self._query("SELECT ordinal FROM papers WHERE NOT is_live")}
        with self.transaction():
            self._db.executemany(
                "DELETE FROM papers WHERE ordinal = ?", [(o,) for o in retired.difference(kept)]
            )

    # --- identities and records ---

    def owners(self, keys: Sequence[str]) -> dict[str, str]:
        """Which paper each identity names; unknown ones are left out."""
        return dict(self._query_in("SELECT key, paper FROM identities WHERE key IN ({})", keys))

    def own(self, paper_id: str, keys: Iterable[str]) -> None:
        """Lets identities name the paper; ones that already name a paper keep naming that."""
        with self._lock:
            self._db.executemany(
                "INSERT OR IGNORE INTO identities VALUES (?, ?)", [(k, paper_id) for k in keys]
            )

    def digests(self, names: Sequence[RecordName]) -> dict[RecordName, tuple[str, str]]:
        """`(digest, paper id)` of the records the catalogue knows under these names."""
        wanted = set(names)
        sql = "SELECT source, name, variant, digest, paper FROM records WHERE name IN ({})"
        rows = self._query_in(sql, list({n.name for n in names}))
        found = {RecordName(*row[:3]): (row[3], row[4]) for row in rows}
        return {n: v for n, v in found.items() if n in wanted}

    def records_of(self, paper_ids: Sequence[str]) -> Iterator[StoredRecord]:
        """Every record of these papers, in the order of source, name and variant."""
        sql = (
            "SELECT source, name, variant, paper, fields FROM records WHERE paper IN ({}) "
            "ORDER BY source, name, variant"
        )
        for source, name, variant, paper_id, stored in self._query_in(sql, paper_ids):
            yield StoredRecord(RecordName(source, name, variant), paper_id, _load(stored))

    def keep(self, name: RecordName, paper_id: str, record: Record, run: int) -> None:
        """Remembers a record, replacing what was known under its name."""
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name.source,
                    name.name,
                    name.variant,
                    paper_id,
                    record.paper.revision,
                    _dump(record.paper, whole=True),
                    record.locator,
                    zlib.compress(record.raw.encode("utf-8", "surrogatepass"), 6),
                    run,
                ),
            )

    def papers_from(self, source: str) -> list[str]:
        """Ids of the papers that only this source gave."""
        sql = (
            "SELECT paper FROM records GROUP BY paper "
            "HAVING min(source) = max(source) AND min(source) = ?"
        )
        return [row[0] for row in self._query(sql, (source,))]

    def sources(self) -> list[tuple[str, int]]:
        """`(source, number of its papers)`, most papers first."""
        sql = "SELECT source, count(DISTINCT paper) FROM records GROUP BY source ORDER BY 2 DESC, 1"
        return [(row[0], row[1]) for row in self._query(sql)]

    def ids_from(self, sources: Sequence[str]) -> list[str]:
        """Ids of the papers that at least one of these sources gave."""
        sql = "SELECT DISTINCT paper FROM records WHERE source IN ({})"
        return [row[0] for row in self._query_in(sql, sources)]

    def ids_in(self, venues: Sequence[str]) -> list[str]:
        """Ids of the live papers of these venues, compared without regard to case."""
        sql = "SELECT id FROM papers WHERE is_live AND lower(venue) IN ({})"
        return [row[0] for row in self._query_in(sql, [v.lower() for v in venues])]

    def keys_of_papers(self) -> dict[str, list[str]]:
        """The names that sources gave each paper, by paper id."""
        found: dict[str, list[str]] = {}
        for paper, name in self._query("SELECT DISTINCT paper, name FROM records ORDER BY 1, 2"):
            found.setdefault(paper, []).append(name)
        return found

    def sources_of(self, paper_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """`(paper id, source)` pairs."""
        sql = "SELECT DISTINCT paper, source FROM records WHERE paper IN ({})"
        yield from self._query_in(sql, paper_ids)

    # --- runs ---

    def start_run(self, sources: Sequence[str]) -> int:
        with self._lock:
            cursor = self._db.execute(
                "INSERT INTO runs (started_at, sources) VALUES (?, ?)",
                (_now(), orjson.dumps(list(sources)).decode()),
            )
            return int(cursor.lastrowid or 0)

    def finish_run(self, run: int, report: dict[str, object]) -> None:
        with self._lock:
            self._db.execute(
                "UPDATE runs SET finished_at = ?, report = ? WHERE id = ?",
                (_now(), orjson.dumps(report).decode(), run),
            )


_IN_COLUMNS = frozenset({"title", "abstract"})


def _dump(paper: Paper, *, whole: bool = False) -> str:
    """The paper's fields that are not at their defaults; without `whole` no title, abstract."""
    values = {
        f.name: getattr(paper, f.name)
        for f in fields(Paper)
        if (whole or f.name not in _IN_COLUMNS) and getattr(paper, f.name) != f.default
    }
    return orjson.dumps(values).decode()


def _load(stored: str, **known: str) -> Paper:
    values = orjson.loads(stored)
    for name in ("authors", "categories"):
        if name in values:
            values[name] = tuple(values[name])
    return Paper(**(known | values))


def _stored(row: tuple[Any, ...]) -> StoredPaper:
    ordinal, paper_id, title, abstract, facts, _, _, sentences, chunks, chunk_row, first = row
    return StoredPaper(
        ordinal=ordinal,
        id=paper_id,
        paper=_load(facts, title=title, abstract=abstract),
        sentences=tuple((s, e) for s, e in orjson.loads(sentences)),
        chunks=tuple(Chunk(s, e, tuple(covers)) for s, e, covers in orjson.loads(chunks)),
        chunk_row=chunk_row,
        sentence_row=first,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
