"""One generation: what it holds, and whether its parts agree.

A generation is a folder `{chroma/, words/ (tantivy), columns.npz, manifest.json}` that is never
changed once it is published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.catalogue import Catalogue
from ingest.dense import Dense
from ingest.disk import InUse
from ingest.embed import Vectors
from ingest.lexical import Words
from ingest.scan import Scan
from ingest.vectors import VectorStore, blocks, rows_of

_PROBES = 8  # chunks that are looked up when a generation is opened
_SAME = 0.999  # cosine of a vector with itself, float16 and int8 roundings included


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds. `snapshot` hashes papers, embedder and build settings.

    `n_dead` counts removed chunks that still take room in the collection, `files` holds the
    checksums of its files: Chroma does not survive reading some that are damaged. `strays` are
    the rows of chunks that no way in Chroma's graph leads to.
    """

    number: int
    snapshot: str
    embedder: str
    dimension: int
    vectors: str
    n_papers: int
    n_chunks: int
    n_dead: int
    collection: str
    files: Mapping[str, int]
    strays: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """One row a paper, by ordinal: what ranking needs without asking the catalogue."""

    ordinals: NDArray[np.int64]
    ids: NDArray[np.str_]
    years: NDArray[np.int32]  # 0 where unknown
    chunk_rows: NDArray[np.int64]
    n_chunks: NDArray[np.int64]
    sentence_rows: NDArray[np.int64]
    n_sentences: NDArray[np.int64]

    @classmethod
    def read(cls, catalogue: Catalogue) -> "Columns":
        """The columns of all live papers."""
        rows = catalogue.columns()
        column = list(zip(*rows, strict=True)) if rows else [()] * 7
        return cls(
            ordinals=np.array(column[0], np.int64),
            ids=np.array(column[1], "U16"),
            years=np.array([y or 0 for y in column[2]], np.int32),
            chunk_rows=np.array(column[3], np.int64),
            n_chunks=np.array(column[4], np.int64),
            sentence_rows=np.array(column[5], np.int64),
            n_sentences=np.array(column[6], np.int64),
        )

    @property
    def n_rows(self) -> tuple[int, int]:
        """How many rows the vector files must at least have: chunks, sentences."""
        return (
            int((self.chunk_rows + self.n_chunks).max(initial=0)),
            int((self.sentence_rows + self.n_sentences).max(initial=0)),
        )


class Exact:
    """All chunks of a generation, each compared with the question: slower than Chroma by far.

    For a library that may not be written to, or whose disk is full: Chroma writes when opened.
    With `rows`, for chunks in these rows alone.
    """

    def __init__(
        self, columns: Columns, vectors: VectorStore, rows: Sequence[int] | None = None
    ) -> None:
        self._vectors, self._ids = vectors, columns.ids
        every = rows_of(columns.chunk_rows, columns.n_chunks)
        wanted = slice(None) if rows is None else np.isin(every, rows)
        self._rows = every[wanted]
        self._owners = np.repeat(np.arange(len(columns.ids)), columns.n_chunks)[wanted]

    @property
    def n_chunks(self) -> int:
        return len(self._rows)

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The `k` nearest chunks of one unit vector: `(paper id#row, cosine)`, best first."""
        rows = self._rows
        parts = [self._vectors.chunks(rows[part]) @ vector for part in blocks(len(rows))]
        scores = np.concatenate([np.empty(0, np.float32), *parts])
        best = np.argsort(-scores, kind="stable")[: max(k, 1)]
        return [(f"{self._ids[self._owners[i]]}#{self._rows[i]}", float(scores[i])) for i in best]

    def close(self) -> None:
        """Nothing to do: mapped files close by themselves."""


class Completed:
    """Chunks in Chroma's graph, and those that no way in it leads to."""

    def __init__(self, graph: Dense, strays: Exact) -> None:
        self._graph, self._strays = graph, strays

    @property
    def n_chunks(self) -> int:
        return self._graph.n_chunks

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """As `Dense.search`; a stray that the graph leads to after all comes twice."""
        found = [*self._graph.search(vector, k), *self._strays.search(vector, k)]
        return sorted(found, key=lambda hit: -hit[1])[: max(k, 1)]

    def close(self) -> None:
        self._graph.close()


@dataclass(frozen=True, slots=True)
class Generation:
    """A published generation, open for searching."""

    manifest: Manifest
    columns: Columns
    dense: Dense
    words: Words
    vectors: VectorStore
    position: dict[str, int]  # of a paper id in `columns`
    in_use: InUse  # keeps its folder from being deleted
    scan: Scan = field(init=False)  # as exact as the vectors, in place of `dense`

    def __post_init__(self) -> None:
        scan = Scan(self.vectors, self.columns.chunk_rows, self.columns.n_chunks)
        object.__setattr__(self, "scan", scan)

    def near(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """Papers of the `k` nearest chunks: `(paper id, cosine)`, best first, each once.

        A collection on a server may hold chunks of other generations: those are left out.
        """
        best: dict[str, float] = {}
        for name, cosine in self.dense.search(vector, k):
            best.setdefault(name.partition("#")[0], cosine)
        return [(i, cosine) for i, cosine in best.items() if i in self.position]

    @property
    def is_slowed(self) -> bool:
        """Whether every question is compared with every chunk, as Chroma could not be opened."""
        return isinstance(self.dense, Exact)

    def close(self) -> None:
        self.dense.close()
        self.in_use.close()


def problem(generation: Generation, *, is_exact: bool) -> str | None:
    """What does not agree in an open generation; None if all does.

    `is_exact` says that the collection holds no chunk but this generation's.
    """
    manifest, columns = generation.manifest, generation.columns
    n_found, n_words = generation.dense.n_chunks, generation.words.n_papers
    if (n_words, len(columns.ids)) != (manifest.n_papers, manifest.n_papers):
        return f"{n_words} papers in words, {len(columns.ids)} in columns of {manifest.n_papers}"
    if n_found < manifest.n_chunks or (is_exact and n_found > manifest.n_chunks):
        return f"{n_found} chunks in Chroma of {manifest.n_chunks}"
    return generation.vectors.shortage(*columns.n_rows) or _strange_probe(generation)


def strays(dense: Dense, columns: Columns, vectors: VectorStore) -> list[int]:
    """The rows of chunks that no way in the graph leads to, rising: a search for all finds none.

    Of vectors that lie apart in many dimensions up to 4 in 100 (HNSW gives a chunk that is the
    nearest of no other no way in), as of hundreds that are the same; of 18,700 real ones none.
    About a second for 100,000 chunks.
    """
    rows = rows_of(columns.chunk_rows, columns.n_chunks)
    if not len(rows):
        return []
    (vector,) = vectors.chunks(rows[:1])
    first = dict(zip(columns.ids.tolist(), columns.chunk_rows.tolist(), strict=True))
    names = (name.split("#") for name, _ in dense.search(vector, len(rows)))
    reached = {first[i] + int(rest.partition("-")[0]) for i, rest in names if i in first}
    return sorted(set(rows.tolist()) - reached)


def _strange_probe(generation: Generation) -> str | None:
    """Looks for chunks by their own vectors, which must come first: finds a torn graph.

    Of many, one may be missed: a search gives up, rarely, before it comes to the nearest chunk.
    """
    columns = generation.columns
    positions = _spread(columns.n_chunks > 0)
    missed = []
    for position in positions:
        (vector,) = generation.vectors.chunks(columns.chunk_rows[position : position + 1])
        length = float(np.linalg.norm(vector))
        found = generation.dense.search(vector / max(length, 1e-6), 1)
        if not found or found[0][1] < _SAME:
            missed.append(columns.ids[position])
        if not length > 0.5:
            return f"paper {columns.ids[position]} has no vector"
    if len(missed) > (1 if len(positions) == _PROBES else 0):
        return f"paper {missed[0]} is not found by its own vector"
    return None


def _spread(mask: NDArray[np.bool_]) -> Sequence[int]:
    """A few positions where the mask holds, the first and the last among them."""
    among = np.flatnonzero(mask)
    picked = np.linspace(0, len(among) - 1, min(_PROBES, len(among))).astype(np.int64)
    return [int(among[i]) for i in picked]
