"""The vectors of all chunks, sentences and tokens: append-only files, mapped into memory.

Chunk vectors are kept in float16 (cosine to float32 above 0.9999999), sentence vectors in int8
with one scale a row (cosine above 0.9999), those of tokens in two bits a number (0.94). A
generation pins row numbers; rows are only ever added, so a reader of an older generation never
sees a row change.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest import token_vectors
from ingest.embed import Vectors
from ingest.row_file import RowFile
from ingest.token_vectors import Codes

Rows = NDArray[np.int64]

_BLOCK = 8192  # rows looked at together


class VectorStore:
    """Rows of chunk and sentence vectors of one embedder, in the folder `path`.

    Each chunk row has a run of token codes; it is empty where the embedder gives none.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        self._chunks = RowFile(path / "chunks.f16", np.float16, dimension)
        self._sentences = RowFile(path / "sentences.i8", np.int8, dimension)
        self._scales = RowFile(path / "scales.f32", np.float32, 1)
        self._tokens = RowFile(path / "tokens.u8", np.uint8, token_vectors.BYTES)
        self._runs = RowFile(path / "token_runs.i64", np.int64, 2)  # first row and number

    @property
    def n_chunks(self) -> int:
        return len(self._chunks)

    @property
    def n_sentences(self) -> int:
        return min(len(self._sentences), len(self._scales))

    def append(
        self, chunks: Vectors, sentences: Vectors, tokens: Sequence[Codes] = ()
    ) -> tuple[int, int]:
        """Adds rows and returns the first chunk row and the first sentence row of them.

        `tokens` are the codes of each chunk's tokens; without it there are none. On return the
        rows are on disk. Only the one writer of the library may call this.
        """
        first = self.n_chunks, self.n_sentences
        self.resize(*first)  # cuts off what a write that failed half-way left
        codes = list(tokens) or [np.empty((0, token_vectors.BYTES), np.uint8)] * len(chunks)
        self._append_tokens(np.concatenate(codes), np.array([len(c) for c in codes], np.int64))
        self._append_sentences(sentences)
        self._chunks.append(chunks)
        return first

    def _append_sentences(self, sentences: Vectors) -> None:
        scales = np.abs(sentences).max(axis=1, keepdims=True, initial=1e-12) / 127
        self._sentences.append(np.rint(sentences / scales))
        self._scales.append(scales)

    def _append_tokens(self, codes: Codes, counts: Rows) -> None:
        starts = len(self._tokens) + np.cumsum(counts) - counts
        self._tokens.append(codes)
        self._runs.append(np.stack([starts, counts], axis=1))

    def resize(self, n_chunks: int, n_sentences: int) -> None:
        """Cuts the files to these numbers of rows, or fills them up with rows of zeros.

        Only rows that no catalogue ever recorded may be cut: readers map the others.
        """
        self._chunks.resize(n_chunks)
        self._sentences.resize(n_sentences)
        self._scales.resize(n_sentences)
        self._runs.resize(n_chunks)
        self._tokens.resize(self._n_tokens)

    @property
    def _n_tokens(self) -> int:
        """How many token rows the runs speak of."""
        return int(self._runs.rows.sum(axis=1).max(initial=0))

    def gather(self, path: Path, chunks: Rows, sentences: Rows) -> "VectorStore":
        """A store in the folder `path` of these rows alone, in this order; on disk on return."""
        shutil.rmtree(path, ignore_errors=True)
        gathered = VectorStore(path, self.dimension)
        for part in blocks(len(chunks)):
            gathered._chunks.append(self._chunks.rows[chunks[part]])
            gathered._append_tokens(*self.tokens(chunks[part]))
        for part in blocks(len(sentences)):
            gathered._sentences.append(self._sentences.rows[sentences[part]])
            gathered._scales.append(self._scales.rows[sentences[part]])
        gathered.resize(len(chunks), len(sentences))
        return gathered

    def chunks(self, rows: Rows | slice) -> Vectors:
        """Chunk vectors of shape `(len(rows), dimension)`, float32, unit length to 1e-3."""
        return _widened(self._chunks.rows[rows])

    def sentences(self, rows: Rows | slice) -> Vectors:
        """Sentence vectors of shape `(len(rows), dimension)`, float32, unit length to 1e-2."""
        scaled = self._sentences.rows[rows] * self._scales.rows[rows]  # int8 times float32
        return np.asarray(scaled, np.float32)

    def sentence_cosines(self, rows: Rows, vector: Vectors) -> Vectors:
        """What `sentences(rows) @ vector` is, in half the time."""
        near = np.vecdot(self._sentences.rows[rows].astype(np.float32), vector)
        return np.asarray(near * self._scales.rows[rows, 0], np.float32)

    def tokens(self, rows: Rows) -> tuple[Codes, Rows]:
        """The codes of the tokens of these chunks, one chunk after the other, and how many each
        has: none that was added by a version or an embedder that made none."""
        counts = np.zeros(len(rows), np.int64)
        known = rows < len(self._runs)
        starts, counts[known] = self._runs.rows[rows[known]].T
        return self._tokens.rows[rows_of(starts, counts[known])], counts

    def shortage(self, n_chunks: int, n_sentences: int) -> str | None:
        """What the files lack for a library of that many rows; None if nothing."""
        if self.n_chunks < n_chunks or self.n_sentences < n_sentences:
            return (
                f"the vector files hold {self.n_chunks} chunks and {self.n_sentences} sentences, "
                f"the catalogue expects {n_chunks} and {n_sentences}"
            )
        if len(self._tokens) < self._n_tokens:
            return f"the vector files hold {len(self._tokens)} tokens of {self._n_tokens}"
        return None

    def lost(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which chunk rows and which sentence rows hold no vector, but zeros or no numbers."""
        chunks = [_is_lost(self.chunks(part)) for part in blocks(self.n_chunks)]
        sentences = [_is_lost(self.sentences(part)) for part in blocks(self.n_sentences)]
        return _joined(chunks), _joined(sentences)

    def without_tokens(self) -> NDArray[np.bool_]:
        """Which chunk rows have no token vectors, or zeros where the last should be."""
        bare = np.ones(self.n_chunks, np.bool_)
        starts, counts = self._runs.rows[: self.n_chunks].T
        held = np.flatnonzero(counts)
        bare[held] = ~self._tokens.rows[starts[held] + counts[held] - 1].any(axis=1)
        return bare


def rows_of(starts: Rows | Sequence[int], counts: Rows | Sequence[int]) -> Rows:
    """All row numbers of the runs `[start, start + count)`, one run after the other."""
    lengths = np.asarray(counts, np.int64)
    ends = np.cumsum(lengths)
    rows = np.repeat(np.asarray(starts, np.int64) - (ends - lengths), lengths)
    rows += np.arange(len(rows))
    return rows


def blocks(n: int) -> Iterable[slice]:
    """The places of `n` rows, in parts that are looked at together."""
    return (slice(at, at + _BLOCK) for at in range(0, n, _BLOCK))


def _widened(halves: NDArray[np.float16]) -> Vectors:
    """The same numbers as float32, in a quarter of the time that numpy takes; no infinities.

    Sign, exponent and fraction are moved to their places; the exponent is then 112 too small.
    """
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70002000)  # 0x8FFFE000: without the copies of the sign
    wide = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    return wide


def _is_lost(vectors: Vectors) -> NDArray[np.bool_]:
    squares = np.einsum("ij,ij->i", vectors, vectors)
    is_unit = (squares > 0.5) & (squares < 2.0)  # a NaN is neither
    return np.asarray(~is_unit, np.bool_)


def _joined(parts: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.concatenate(parts) if parts else np.empty(0, bool)
