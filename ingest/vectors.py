"""The vectors of all chunks and sentences: append-only files that readers map into memory.

Chunk vectors are kept in float16 (cosine to float32 above 0.9999999), sentence vectors in int8
with one scale a row (cosine above 0.9999). A generation pins row numbers; rows are only ever
added, so a reader of an older generation never sees a row change.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vectors

Rows = NDArray[np.int64]

_FILES = {"chunks.f16": np.float16, "sentences.i8": np.int8, "scales.f32": np.float32}


class VectorStore:
    """Rows of chunk and sentence vectors of one embedder, in the folder `path`."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        path.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (path / name).touch()
        self._remap()

    def _remap(self) -> None:
        self._chunks = self._map("chunks.f16", self.dimension)
        self._sentences = self._map("sentences.i8", self.dimension)
        self._scales = self._map("scales.f32", 1)

    def _map(self, name: str, width: int) -> NDArray[Any]:  # of the file's own dtype
        dtype = np.dtype(_FILES[name])
        file = self.path / name
        rows = file.stat().st_size // (dtype.itemsize * width)
        if rows == 0:
            return np.empty((0, width), dtype)
        return np.memmap(file, dtype, mode="r", shape=(rows, width))

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
        scales = np.abs(sentences).max(axis=1, keepdims=True, initial=1e-12) / 127
        self._extend("chunks.f16", chunks.astype(np.float16))
        self._extend("sentences.i8", np.rint(sentences / scales).astype(np.int8))
        self._extend("scales.f32", scales.astype(np.float32))
        self._remap()
        return first

    def _extend(self, name: str, rows: NDArray[Any]) -> None:
        with (self.path / name).open("ab") as file:
            file.write(np.ascontiguousarray(rows).tobytes())
            _sync(file)

    def truncate(self, n_chunks: int, n_sentences: int) -> None:
        """Drops all rows from these numbers on: what a killed run wrote and never recorded."""
        sizes = {
            "chunks.f16": n_chunks * self.dimension * 2,
            "sentences.i8": n_sentences * self.dimension,
            "scales.f32": n_sentences * 4,
        }
        for name, size in sizes.items():
            file = self.path / name
            if file.stat().st_size > size:
                os.truncate(file, size)
        self._remap()

    def chunks(self, rows: Rows | slice) -> Vectors:
        """Chunk vectors of shape `(len(rows), dimension)`, float32, unit length to 1e-3."""
        return np.asarray(self._chunks[rows], np.float32)

    def sentences(self, rows: Rows | slice) -> Vectors:
        """Sentence vectors of shape `(len(rows), dimension)`, float32, unit length to 1e-2."""
        scaled = self._sentences[rows] * self._scales[rows]  # int8 times float32
        return np.asarray(scaled, np.float32)

    def check(self, n_chunks: int, n_sentences: int) -> str | None:
        """What is wrong with the files for a library of that many rows; None if nothing is."""
        if self.n_chunks < n_chunks or self.n_sentences < n_sentences:
            return (
                f"the vector files hold {self.n_chunks} chunks and {self.n_sentences} sentences, "
                f"the catalogue expects {n_chunks} and {n_sentences}"
            )
        return None


def rows_of(starts: Iterable[int], counts: Iterable[int]) -> Rows:
    """All row numbers of the runs `[start, start + count)`, one run after the other."""
    runs = [np.arange(s, s + n, dtype=np.int64) for s, n in zip(starts, counts, strict=True)]
    return np.concatenate(runs) if runs else np.empty(0, np.int64)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
