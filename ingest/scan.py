"""All chunk vectors of a generation as int8, looked at for each question: exact, and filterable.

Chroma's graph finds the nearest of all chunks without looking at most of them, but not all of
the nearest, and not among those that a filter leaves. Here each vector is a row of bytes with a
scale and the length of what rounding took away, so that every product with a question is known
to lie between two bounds 0.015 apart; what may be among the nearest is then computed from the
stored vectors. 97,000 chunks take 4.5 ms and 39 MB, float32 would take 15 ms and 150 MB. ONNX
Runtime multiplies bytes by the processor's own instruction for it, which numpy does not.
"""

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vectors
from ingest.vectors import Rows, VectorStore, blocks, rows_of

if TYPE_CHECKING:
    from ingest.runtime import Session

_HALF = 63  # the most on either side of what `byte_multiplier` counts from
_ROUNDING = 1e-5  # what float32 arithmetic may add to a product of unit vectors


class _Packed(NamedTuple):
    """`session` multiplies two rows of bytes with every chunk; the others are one a chunk."""

    session: "Session"
    owners: NDArray[np.int64]
    scales: Vectors
    errors: Vectors


class Scan:
    """The chunks of papers: paper `i` has those at `[starts[i], starts[i] + counts[i])`.

    The bytes are made when first asked for: 0.8 s for 97,000 chunks. Safe to share between
    threads.
    """

    def __init__(self, vectors: VectorStore, starts: Rows, counts: Rows) -> None:
        self._vectors = vectors
        self._starts, self._counts = starts, counts
        self._packed: _Packed | None = None
        self._packing = threading.Lock()

    def prepare(self) -> None:
        """Makes the bytes now."""
        self._pack()

    def nearest(
        self, vector: Vectors, k: int, mask: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Papers, rising, among which are the `k` whose best chunks are nearest to the vector.

        Of those that `mask` allows. A few more come back than asked for, all where there are less.
        """
        packed = self._pack()
        near, room = _products(packed, vector)
        owners = packed.owners
        if mask is not None:
            allowed = np.flatnonzero(mask.take(owners))
            near, room, owners = near.take(allowed), room.take(allowed), owners.take(allowed)
        floor = _floor(near - room, owners, k)
        return np.unique(owners[near + room >= floor])

    def _pack(self) -> _Packed:
        with self._packing:
            if self._packed is None:
                owners = np.repeat(np.arange(len(self._counts), dtype=np.int64), self._counts)
                rows = rows_of(self._starts, self._counts)
                self._packed = _pack(self._vectors, owners, rows)
            return self._packed


def _products(packed: _Packed, vector: Vectors) -> tuple[Vectors, Vectors]:
    """Each chunk's cosine, and by how much it may be wrong."""
    parts, steps, rest = _split(vector)
    products = packed.session.run(None, {"left": parts})[0].astype(np.float32)
    products *= np.array(steps, np.float32)[:, None]
    near = products[0]
    near += products[1]
    near *= packed.scales
    room = packed.errors * np.float32(np.linalg.norm(vector))
    room += np.float32(rest + _ROUNDING)
    return near, room


def _floor(least: Vectors, owners: NDArray[np.int64], k: int) -> float:
    """What `k` different papers reach for certain, below all cosines where there are less."""
    taken = 2 * k
    while taken < len(least):
        top = np.argpartition(least, -taken)[-taken:]
        top = top[np.argsort(-least[top])]
        firsts = np.sort(np.unique(owners[top], return_index=True)[1])
        if len(firsts) >= k:
            return float(least[top[firsts[k - 1]]])
        taken *= 4
    return -np.inf


def _split(vector: Vectors) -> tuple[NDArray[np.uint8], tuple[np.float32, np.float32], float]:
    """The vector as two rows of bytes around `_HALF + 1`, their steps, and the rest's length."""
    rest = vector
    parts, steps = [], []
    for _ in range(2):
        step = np.float32(max(float(np.abs(rest).max()) / _HALF, 1e-30))
        whole = np.rint(rest / step)
        rest = rest - whole * step
        parts.append(whole + (_HALF + 1))
        steps.append(step)
    return np.array(parts).astype(np.uint8), (steps[0], steps[1]), float(np.linalg.norm(rest))


def _pack(vectors: VectorStore, owners: NDArray[np.int64], rows: Rows) -> _Packed:
    from ingest.runtime import byte_multiplier  # onnxruntime takes 0.2 s to import

    matrix = np.empty((vectors.dimension, len(rows)), np.int8)
    scales, errors = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    for part in blocks(len(rows)):
        block = vectors.chunks(rows[part])
        scale = np.maximum(np.abs(block).max(axis=1, keepdims=True), 1e-12) / 127
        whole = np.rint(block / scale)
        lost = block - whole * scale
        matrix[:, part] = whole.T
        scales[part] = scale[:, 0]
        errors[part] = np.sqrt(np.einsum("ij,ij->i", lost, lost)) * 1.001
    return _Packed(byte_multiplier(matrix), owners, scales, errors)
