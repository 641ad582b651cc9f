"""The catalogue: papers, their sentences and chunks, and where each came from. The one truth.

A paper's row is immutable: a changed paper gets a new row (its *ordinal*) and the old one is
retired, so that a reader of an older generation still finds the text its vectors belong to.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from ingest.chunk import Chunk
from ingest.database import now
from ingest.errors import InvalidInput
from ingest.ledger import Ledger, dump, load
from ingest.papers import Paper, arxiv_key
from ingest.sentences import Span

_IN_COLUMNS = frozenset({"title", "abstract"})


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


class Catalogue(Ledger):
    """The SQLite file at `path`; made where it is missing. Safe to share between threads."""

    def n_papers(self) -> int:
        return int(self._query("SELECT count(*) FROM papers WHERE is_live")[0][0])

    def n_without_records(self) -> int:
        """How many live papers no record is of: none, unless something went wrong."""
        sql = (
            "SELECT count(*) FROM papers WHERE is_live "
            "AND NOT EXISTS (SELECT 1 FROM records WHERE paper = papers.id)"
        )
        return int(self._query(sql)[0][0])

    def n_sentences(self) -> int:
        """How many sentences live papers have."""
        return int(self._query("SELECT total(n_sentences) FROM papers WHERE is_live")[0][0])

    def vector_rows(self) -> tuple[int, int]:
        """How many chunk rows and sentence rows papers have ever taken.

        Those of papers long forgotten count: a reader may still have them in memory.
        """
        chunks, sentences = orjson.loads(self.meta("vector_rows") or "[0, 0]")
        return chunks, sentences

    def live(self) -> list[tuple[int, str, str]]:
        """`(ordinal, id, revision)` of every live paper, by ordinal."""
        return self._query("SELECT ordinal, id, revision FROM papers WHERE is_live ORDER BY 1")

    def columns(self) -> list[tuple[Any, ...]]:
        """`(ordinal, id, year, chunk_row, n_chunks, sentence_row, n_sentences)` of live papers."""
        return self._query(
            "SELECT ordinal, id, year, chunk_row, n_chunks, sentence_row, n_sentences "
            "FROM papers WHERE is_live ORDER BY ordinal"
        )

    def facts(self) -> list[tuple[int, str | None, list[str], list[str]]]:
        """`(ordinal, venue, authors, categories)` of every live paper, by ordinal."""
        sql = "SELECT ordinal, venue, facts FROM papers WHERE is_live ORDER BY ordinal"
        rows = ((o, venue, orjson.loads(facts)) for o, venue, facts in self._query(sql))
        return [(o, v, f.get("authors", []), f.get("categories", [])) for o, v, f in rows]

    def tally(self, column: Literal["year", "venue"]) -> list[tuple[str, int]]:
        """Every year or venue of live papers and how many papers have it, most first."""
        return self._query(
            f"SELECT CAST({column} AS TEXT), count(*) FROM papers "
            f"WHERE is_live AND {column} IS NOT NULL GROUP BY {column} ORDER BY 2 DESC, 1"
        )

    def titles(self) -> list[tuple[int, str]]:
        """`(ordinal, title)` of every live paper, by ordinal."""
        return self._query("SELECT ordinal, title FROM papers WHERE is_live ORDER BY ordinal")

    def papers(self, ordinals: Sequence[int]) -> list[StoredPaper]:
        """The papers in these rows, live or retired, in the order asked; missing ones left out."""
        found = {p.ordinal: p for p in self._papers("ordinal IN ({})", ordinals)}
        return [found[o] for o in ordinals if o in found]

    def by_id(self, ids: Sequence[str]) -> dict[str, StoredPaper]:
        """The live papers with these ids, by id."""
        return {p.id: p for p in self._papers("is_live AND id IN ({})", ids)}

    def _papers(self, where: str, values: Sequence[object]) -> Iterator[StoredPaper]:
        sql = (
            "SELECT ordinal, id, title, abstract, facts, sentences, chunks, "
            f"chunk_row, sentence_row FROM papers WHERE {where}"
        )
        return (_stored(row) for row in self._query_in(sql, values))

    def find(self, name: str) -> StoredPaper | None:
        """The live paper with this id, DOI, arXiv id, PubMed id or source key, if there is one.

        In this order, when the name could be several of these.
        """
        bare = name.strip()
        keys = [f"id:{bare}", *_keys(bare)]
        owners = self.owners(keys)
        for paper_id in [bare, *(owners[k] for k in keys if k in owners)]:
            if found := self.by_id([paper_id]):
                return found[paper_id]
        sql = "SELECT DISTINCT paper FROM records WHERE name = ? ORDER BY source LIMIT 1"
        return next(iter(self.by_id([r[0] for r in self._query(sql, (bare,))]).values()), None)

    def n_matching(self, wanted: str) -> int:
        """How many live papers have `wanted` in their title or facts, in any case."""
        sql = f"SELECT count(*) FROM papers WHERE is_live AND {_MATCHING}"
        return int(self._query(sql, (wanted, wanted))[0][0])

    def page(
        self, wanted: str, *, sort: str, cursor: str, limit: int
    ) -> tuple[list[str], str | None]:
        """Ids of live papers that match, `limit` after the cursor, and the next cursor.

        `sort` is "added" (newest first), "title" or "year" (newest first). The cursor stays good
        while papers come and go.

        Raises:
            InvalidInput: the cursor is none of ours.
        """
        key, order = _ORDERS[sort]
        after, values = "", [wanted, wanted]
        if cursor:
            after = f"AND ({key}, ordinal) {'>' if order == 'ASC' else '<'} (?, ?)"
            values += _read_cursor(cursor)
        sql = (
            f"SELECT id, {key}, ordinal FROM papers WHERE is_live AND {_MATCHING} {after} "
            f"ORDER BY {key} {order}, ordinal {order} LIMIT {int(limit) + 1}"
        )
        rows = self._query(sql, values)
        following = _cursor(rows[limit - 1][1:]) if len(rows) > limit else None
        return [row[0] for row in rows[:limit]], following

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
        """Stores a paper, retiring the row it had."""
        values = {
            "id": paper_id,
            "revision": paper.revision,
            "year": paper.year,
            "venue": paper.venue,
            "chunk_row": chunk_row,
            "n_chunks": len(chunks),
            "sentence_row": sentence_row,
            "n_sentences": len(sentences),
            "title": paper.title,
            "abstract": paper.abstract,
            "facts": dump(paper, without=_IN_COLUMNS).decode(),
            "sentences": orjson.dumps(sentences).decode(),
            "chunks": orjson.dumps([(c.start, c.end, c.sentences) for c in chunks]).decode(),
            "added_at": now(),
        }
        with self.transaction():
            self._write("UPDATE papers SET is_live = 0 WHERE id = ? AND is_live", (paper_id,))
            self._write(
                f"INSERT INTO papers ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                list(values.values()),
            )

    def took_rows(self, n_chunks: int, n_sentences: int) -> None:
        """Remembers that the vectors of papers reach up to these row numbers."""
        self.set_meta("vector_rows", orjson.dumps([n_chunks, n_sentences]).decode())

    def move_rows(self, starts: Iterable[tuple[int, int, int]], *, vectors: str) -> None:
        """Says where the vectors of live papers start, `(chunk row, sentence row, ordinal)`, and
        which store they are in."""
        with self.transaction():
            self._write_many(
                "UPDATE papers SET chunk_row = ?, sentence_row = ? WHERE ordinal = ?", starts
            )
            self.set_meta("vectors", vectors)

    def retire(self, paper_ids: Sequence[str]) -> None:
        """Takes papers out of the library with their identities."""
        with self.transaction():
            for sql in (
                "UPDATE papers SET is_live = 0 WHERE id = ? AND is_live",
                "DELETE FROM identities WHERE paper = ?",
            ):
                self._write_many(sql, [(i,) for i in paper_ids])

    def forget_retired(self, kept: Iterable[int]) -> None:
        """Deletes retired rows whose ordinals are not in `kept` (those a generation still uses)."""
        retired = {row[0] for row in self._query("SELECT ordinal FROM papers WHERE NOT is_live")}
        if gone := retired.difference(kept):
            with self.transaction():
                self._write_many("DELETE FROM papers WHERE ordinal = ?", [(o,) for o in gone])

    def ids_in(self, venues: Sequence[str]) -> list[str]:
        """Ids of the live papers of these venues, compared without regard to case."""
        sql = "SELECT id FROM papers WHERE is_live AND lower(venue) IN ({})"
        return [row[0] for row in self._query_in(sql, [v.lower() for v in venues])]


_MATCHING = "(instr(lower(title), lower(?)) OR instr(lower(facts), lower(?)))"
_ORDERS = {
    "added": ("ordinal", "DESC"),
    "title": ("lower(title)", "ASC"),
    "year": ("coalesce(year, 0)", "DESC"),
}


def _cursor(place: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def _read_cursor(cursor: str) -> list[Any]:
    try:
        key, ordinal = orjson.loads(base64.urlsafe_b64decode(cursor))
        if isinstance(key, str | int) and isinstance(ordinal, int):
            return [key, ordinal]
    except ValueError:
        pass
    raise InvalidInput("The cursor is not one this library gave. Start at the first page.")


def _keys(name: str) -> list[str]:
    """The identities that a name typed by a person can mean, likeliest first."""
    bare = name.casefold()
    for start in ("https://", "http://", "dx.", "doi.org/", "doi:", "arxiv.org/abs/"):
        bare = bare.removeprefix(start)
    return [f"doi:{bare}", arxiv_key(bare), f"pubmed:{bare.removeprefix('pmid:').strip()}"]


def _stored(row: tuple[Any, ...]) -> StoredPaper:
    ordinal, paper_id, title, abstract, facts, sentences, chunks, chunk_row, first = row
    return StoredPaper(
        ordinal=ordinal,
        id=paper_id,
        paper=load(facts, title=title, abstract=abstract),
        sentences=tuple((s, e) for s, e in orjson.loads(sentences)),
        chunks=tuple(Chunk(s, e, tuple(covers)) for s, e, covers in orjson.loads(chunks)),
        chunk_row=chunk_row,
        sentence_row=first,
    )
