"""The vectors of all chunks and sentences: append-only files that readers map into memory.

Chunk vectors are kept in float16 (cosine to float32 above 0.9999999), sentence vectors in int8
with one scale a row (cosine above 0.9999). A generation pins row numbers; rows are only ever
added, so a reader of an older generation never sees a row change.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vectors

Rows = NDArray[np.int64]

_FILES = {"chunks.f16": np.float16, "sentences.i8": np.int8, "scales.f32": np.float32}
_BLOCK = 8192  # rows looked at together


class VectorStore:
    """Rows of chunk and sentence vectors of one embedder, in the folder `path`."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        self._remap()

    def _remap(self) -> None:
        self._chunks = self._map("chunks.f16")
        self._sentences = self._map("sentences.i8")
        self._scales = self._map("scales.f32")

    def _width(self, name: str) -> int:
        return 1 if name == "scales.f32" else self.dimension

    def _map(self, name: str) -> NDArray[Any]:  # of the file's own dtype
        dtype, width, file = np.dtype(_FILES[name]), self._width(name), self.path / name
        rows = file.stat().st_size // (dtype.itemsize * width) if file.exists() else 0
        if rows == 0:
            return np.empty((0, width), dtype)
        # A plain array over the mapped file: each slice of a memmap costs 10 µs more.
        return np.asarray(np.memmap(file, dtype, mode="r", shape=(rows, width)))

    @property
    def n_chunks(self) -> int:
        return len(self._chunks)

    @property
    def n_sentences(self) -> int:
        return min(len(self._sentences), len(self._scales))

    def append(self, chunks: Vectors, sentences: Vectors) -> tuple[int, int]:
        """Adds rows and returns the first chunk row and the first sentence row of them.

        On return the rows are on disk. Only the one writer of the library may call this.
        """
        first = self.n_chunks, self.n_sentences
        self.resize(*first)  # cuts off what a write that failed half-way left
        scales = np.abs(sentences).max(axis=1, keepdims=True, initial=1e-12) / 127
        self._extend("chunks.f16", chunks)
        self._extend("sentences.i8", np.rint(sentences / scales))
        self._extend("scales.f32", scales)
        self._remap()
        return first

    def _extend(self, name: str, rows: NDArray[Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / name).open("ab") as file:
            file.write(np.ascontiguousarray(rows.astype(_FILES[name])).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def resize(self, n_chunks: int, n_sentences: int) -> None:
        """Cuts the files to these numbers of rows, or fills them up with rows of zeros.

        Only rows that no catalogue ever recorded may be cut: readers map the others.
        """
        for name, dtype in _FILES.items():
            rows = n_chunks if name == "chunks.f16" else n_sentences
            size = rows * self._width(name) * np.dtype(dtype).itemsize
            file = self.path / name
            if (file.stat().st_size if file.exists() else 0) != size:
                self.path.mkdir(parents=True, exist_ok=True)
                file.touch()
                os.truncate(file, size)
        self._remap()

    def gather(self, path: Path, chunks: Rows, sentences: Rows) -> "VectorStore":
        """A store in the folder `path` of these rows alone, in this order; on disk on return."""
        shutil.rmtree(path, ignore_errors=True)
        gathered = VectorStore(path, self.dimension)
        for part in blocks(len(chunks)):
            gathered._extend("chunks.f16", self._chunks[chunks[part]])
        for part in blocks(len(sentences)):
            gathered._extend("sentences.i8", self._sentences[sentences[part]])
            gathered._extend("scales.f32", self._scales[sentences[part]])
        gathered.resize(len(chunks), len(sentences))
        return gathered

    def chunks(self, rows: Rows | slice) -> Vectors:
        """Chunk vectors of shape `(len(rows), dimension)`, float32, unit length to 1e-3."""
        return _widened(self._chunks[rows])

    def sentences(self, rows: Rows | slice) -> Vectors:
        """Sentence vectors of shape `(len(rows), dimension)`, float32, unit length to 1e-2."""
        scaled = self._sentences[rows] * self._scales[rows]  # int8 times float32
        return np.asarray(scaled, np.float32)

    def sentence_cosines(self, rows: Rows, vector: Vectors) -> Vectors:
        """What `sentences(rows) @ vector` is, in half the time."""
        near = np.vecdot(self._sentences[rows].astype(np.float32), vector)
        return np.asarray(near * self._scales[rows, 0], np.float32)

    def shortage(self, n_chunks: int, n_sentences: int) -> str | None:
        """What the files lack for a library of that many rows; None if nothing."""
        if self.n_chunks >= n_chunks and self.n_sentences >= n_sentences:
            return None
        return (
            f"the vector files hold {self.n_chunks} chunks and {self.n_sentences} sentences, "
            f"the catalogue expects {n_chunks} and {n_sentences}"
        )

    def lost(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which chunk rows and which sentence rows hold no vector, but zeros or no numbers."""
        chunks = [_is_lost(self.chunks(part)) for part in blocks(self.n_chunks)]
        sentences = [_is_lost(self.sentences(part)) for part in blocks(self.n_sentences)]
        return _joined(chunks), _joined(sentences)


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
