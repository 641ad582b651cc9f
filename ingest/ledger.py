"""Who said what: records of sources, the papers they belong to, the runs that took them."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import orjson

from ingest.database import Database, now
from ingest.merge import Said
from ingest.papers import Paper, Record


@dataclass(frozen=True, slots=True)
class RecordName:
    """How one source calls one record: `(source, name, variant)`."""

    source: str
    name: str
    variant: int


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """What is known of a record without reading it: its name, its content's hash, its paper."""

    name: RecordName
    digest: str
    paper_id: str


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with what it said; `joined_by` is what made it its paper's, "" for the first."""

    name: RecordName
    paper_id: str
    said: Said
    locator: str
    joined_by: str


@dataclass(frozen=True, slots=True)
class Traits:
    """Hashes by which papers without a common identifier find each other."""

    title: int
    stem: int
    text: int


@dataclass(frozen=True, slots=True)
class Run:
    """One ingestion; `finished_at` is None for one that is under way or was cut off."""

    id: int
    started_at: str
    finished_at: str | None
    sources: tuple[str, ...]
    report: Mapping[str, object]


class Ledger(Database):
    """The tables of records, identities and runs."""

    # --- identities ---

    def owners(self, keys: Sequence[str]) -> dict[str, str]:
        """Which paper each identity names; unknown ones are left out."""
        return dict(self._query_in("SELECT key, paper FROM identities WHERE key IN ({})", keys))

    def keys_of(self, paper_ids: Sequence[str]) -> dict[str, set[str]]:
        """The identities of each of these papers."""
        found: dict[str, set[str]] = {i: set() for i in paper_ids}
        sql = "SELECT paper, key FROM identities WHERE paper IN ({})"
        for paper_id, key in self._query_in(sql, paper_ids):
            found[paper_id].add(key)
        return found

    def own(self, paper_id: str, keys: Iterable[str]) -> None:
        """Lets exactly these identities name the paper, besides ids of papers it took in.

        Ones that name another paper go on naming that.
        """
        self._write("DELETE FROM identities WHERE paper = ? AND key NOT LIKE 'id:%'", (paper_id,))
        self._write_many(
            "INSERT OR IGNORE INTO identities VALUES (?, ?)", [(k, paper_id) for k in keys]
        )

    def hand_over(self, gone: str, to: str) -> None:
        """Gives all records and identities of one paper to another, which its id names then."""
        self._write(
            "UPDATE records SET paper = ?, joined_by = coalesce(nullif(joined_by, ''), "
            "'another record') WHERE paper = ?",
            (to, gone),
        )
        self._write("UPDATE identities SET paper = ? WHERE paper = ?", (to, gone))
        self._write("INSERT OR REPLACE INTO identities VALUES (?, ?)", (f"id:{gone}", to))

    # --- records ---

    def known(self, source: str, names: Sequence[str]) -> dict[str, list[KnownRecord]]:
        """The records a source gave under each of these names, by variant."""
        sql = (
            "SELECT name, variant, digest, paper FROM records WHERE source = ? AND name IN ({}) "
            "ORDER BY name, variant"
        )
        found: dict[str, list[KnownRecord]] = defaultdict(list)
        for name, variant, digest, paper in self._query_in(sql, names, before=[source]):
            found[name].append(KnownRecord(RecordName(source, name, variant), digest, paper))
        return found

    def titled(self, titles: Sequence[int]) -> dict[int, set[str]]:
        """The papers of which some record has a title of this hash."""
        return self._papers_by("title_hash", titles)

    def worded(self, texts: Sequence[int]) -> dict[int, set[str]]:
        """The papers of which some record has an abstract of this hash."""
        return self._papers_by("text_hash", texts)

    def _papers_by(self, column: str, values: Sequence[int]) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        sql = f"SELECT {column}, paper FROM records WHERE {column} IN ({{}})"
        for value, paper in self._query_in(sql, values):
            found[value].add(paper)
        return found

    def records_of(self, paper_ids: Sequence[str]) -> Iterator[StoredRecord]:
        """Every record of these papers; those of one paper by source, name and variant."""
        sql = (
            "SELECT source, name, variant, paper, version, locator, joined_by, fields "
            "FROM records JOIN contents ON record = id WHERE paper IN ({}) "
            "ORDER BY paper, source, name, variant"
        )
        for source, name, variant, paper_id, version, locator, why, packed in self._query_in(
            sql, paper_ids
        ):
            said = Said(load(zlib.decompress(packed)), version)
            yield StoredRecord(RecordName(source, name, variant), paper_id, said, locator, why)

    def ids_of_many_records(self) -> list[str]:
        """Ids of the papers that more than one record is of."""
        sql = "SELECT paper FROM records GROUP BY paper HAVING count(*) > 1 ORDER BY paper"
        return [row[0] for row in self._query(sql)]

    def ids_alike(self, column: str) -> Iterator[list[str]]:
        """Groups of papers, each with the same `stem_hash` or `text_hash`, ids in order."""
        sql = (
            f"SELECT group_concat(DISTINCT paper) FROM records WHERE {column} != 0 "
            f"GROUP BY {column} HAVING count(DISTINCT paper) > 1"
        )
        yield from sorted(sorted(row[0].split(",")) for row in self._query(sql))

    def keep(
        self,
        name: RecordName,
        paper_id: str,
        record: Record,
        *,
        version: int,
        traits: Traits,
        joined_by: str,
        run: int,
    ) -> None:
        """Remembers a record, replacing what was known under its name."""
        where = (name.source, name.name, name.variant)
        self._write("DELETE FROM records WHERE source = ? AND name = ? AND variant = ?", where)
        values = (
            *where,
            record.paper.revision,
            paper_id,
            joined_by,
            version,
            traits.title,
            traits.stem,
            traits.text,
            record.locator,
            run,
        )
        number = self._write(
            "INSERT INTO records (source, name, variant, digest, paper, joined_by, version, "
            "title_hash, stem_hash, text_hash, locator, run) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        content = dump(record.paper, without=frozenset())
        self._write(
            "INSERT INTO contents VALUES (?, ?, ?)",
            (number, zlib.compress(content, 6), _pack(record.raw, content)),
        )

    def raw(self, name: RecordName) -> str | None:
        """The record as it was received."""
        rows = self._query(
            "SELECT fields, raw FROM records JOIN contents ON record = id "
            "WHERE source = ? AND name = ? AND variant = ?",
            (name.source, name.name, name.variant),
        )
        return _unpack(rows[0][1], zlib.decompress(rows[0][0])) if rows else None

    def forget_source(self, source: str) -> list[str]:
        """Deletes the records of a source; the papers they were of, by id."""
        ids = [
            r[0]
            for r in self._query(
                "SELECT DISTINCT paper FROM records WHERE source = ? ORDER BY 1", (source,)
            )
        ]
        self._write("DELETE FROM records WHERE source = ?", (source,))
        return ids

    def forget_paper(self, paper_id: str) -> None:
        """Deletes all records of a paper."""
        self._write("DELETE FROM records WHERE paper = ?", (paper_id,))

    # --- sources ---

    def sources(self) -> list[tuple[str, int]]:
        """`(source, number of its papers)`, most papers first."""
        sql = "SELECT source, count(DISTINCT paper) FROM records GROUP BY source ORDER BY 2 DESC, 1"
        return [(row[0], row[1]) for row in self._query(sql)]

    def ids_from(self, sources: Sequence[str]) -> list[str]:
        """Ids of the papers that at least one of these sources gave."""
        sql = "SELECT DISTINCT paper FROM records WHERE source IN ({})"
        return [row[0] for row in self._query_in(sql, sources)]

    def sources_of(self, paper_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """`(paper id, source)` pairs."""
        sql = "SELECT DISTINCT paper, source FROM records WHERE paper IN ({})"
        yield from self._query_in(sql, paper_ids)

    def keys_of_papers(self) -> dict[str, list[str]]:
        """The names that sources gave each paper, by paper id."""
        found: dict[str, list[str]] = {}
        for paper, name in self._query("SELECT DISTINCT paper, name FROM records ORDER BY 1, 2"):
            found.setdefault(paper, []).append(name)
        return found

    # --- runs ---

    def start_run(self, sources: Sequence[str]) -> int:
        return self._write(
            "INSERT INTO runs (started_at, sources) VALUES (?, ?)",
            (now(), orjson.dumps(list(sources)).decode()),
        )

    def finish_run(self, run: int, report: Mapping[str, object]) -> None:
        self._write(
            "UPDATE runs SET finished_at = ?, report = ? WHERE id = ?",
            (now(), orjson.dumps(report).decode(), run),
        )

    def close_runs(self, *, but: int | None) -> None:
        """Marks runs that were cut off as over: what they stored is published now."""
        left = [r[0] for r in self._query("SELECT id FROM runs WHERE finished_at IS NULL")]
        for run in left:
            if run != but:
                self.finish_run(run, {"cut_off": True})

    def runs(self, n: int = 20) -> list[Run]:
        """The last `n` runs that changed something, newest first."""
        sql = (
            "SELECT id, started_at, finished_at, sources, report FROM runs ORDER BY id DESC LIMIT ?"
        )
        return [
            Run(i, started, finished, tuple(orjson.loads(sources)), orjson.loads(report or "{}"))
            for i, started, finished, sources, report in self._query(sql, (n,))
        ]


def dump(paper: Paper, *, without: frozenset[str]) -> bytes:
    """The paper's fields that are not at their defaults, as JSON."""
    values = {
        f.name: getattr(paper, f.name)
        for f in fields(Paper)
        if f.name not in without and getattr(paper, f.name) != f.default
    }
    return orjson.dumps(values)


def load(stored: bytes | str, **known: str) -> Paper:
    """The paper that `dump` wrote; `known` gives the fields it left out."""
    values = orjson.loads(stored)
    for name in ("authors", "categories"):
        if name in values:
            values[name] = tuple(values[name])
    return Paper(**(known | values))


def _pack(raw: str, fields_: bytes) -> bytes:
    """The raw text, compressed by what it shares with the fields: most of it."""
    packer = zlib.compressobj(6, zdict=fields_)
    return packer.compress(raw.encode("utf-8", "surrogatepass")) + packer.flush()


def _unpack(packed: bytes, fields_: bytes) -> str:
    unpacker = zlib.decompressobj(zdict=fields_)
    return (unpacker.decompress(packed) + unpacker.flush()).decode("utf-8", "surrogatepass")
