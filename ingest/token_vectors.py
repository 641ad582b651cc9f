"""Vectors of the tokens of texts, for late interaction, in two bits a number on disk.

A question's tokens each look for their like in a paper (Khattab and Zaharia 2020, ColBERT). A
vector of 384 numbers is brought to 128 by the embedder, turned so that all spread alike, and each
number is kept as one of the four levels that lose least of a normal distribution (Lloyd 1982).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
TokenVectors = NDArray[np.float32]

WIDTH = 128  # numbers of a token vector
BYTES = WIDTH // 4

_BORDER = 0.9815988  # of a normal distribution's levels, below
# The levels, of which -1.51 and -0.45 are the lower two, as bytes counted from 64.
_OUTER, _INNER = 63, 19
_LEVELS = np.array([64 - _OUTER, 64 - _INNER, 64 + _INNER, 64 + _OUTER], np.uint8)
_SHIFTS = np.array([0, 2, 4, 6], np.uint8)
_BOTH = np.arange(65_536)[:, None] >> np.arange(0, 16, 2)
_TABLE = np.ascontiguousarray(_LEVELS[_BOTH & 3]).view(np.uint64)[:, 0]  # of each two bytes
_N_INNER = np.arange(WIDTH + 1)
_LENGTHS = np.sqrt(_N_INNER * _INNER**2 + (WIDTH - _N_INNER) * _OUTER**2).astype(np.float32)
_LOW_BITS = np.uint64(0x5555_5555_5555_5555)
_SUM_OF_BYTES, _TO_LAST_BYTE = np.uint32(0x0101_0101), np.uint32(24)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Those tokens of a text that mean something, which stop words and punctuation do not.

    `vectors` has shape (n, WIDTH), each of length 1; `spans` (n, 2) says where they stand in the
    text, in code points.
    """

    vectors: TokenVectors
    spans: NDArray[np.int64]

    @classmethod
    def none(cls) -> "Tokens":
        return cls(np.empty((0, WIDTH), np.float32), np.empty((0, 2), np.int64))

    def after(self, start: int) -> TokenVectors:
        """The vectors of tokens that begin at `start` or later."""
        return self.vectors[self.spans[:, 0] >= start]


def pack(vectors: TokenVectors) -> Codes:
    """The codes of token vectors, shape (n, BYTES): two bits a number, four numbers a byte."""
    border = np.float32(_BORDER / np.sqrt(WIDTH))
    levels = (vectors > -border).astype(np.uint8) + (vectors > 0) + (vectors > border)
    parts = levels.reshape(len(vectors), BYTES, 4) << _SHIFTS
    return np.asarray(np.bitwise_or.reduce(parts, axis=2), np.uint8)


def cosines(codes: Codes, vectors: TokenVectors) -> TokenVectors:
    """The cosine of each code to each vector of length 1, shape (len(codes), len(vectors)).

    The vectors are rounded to bytes for it, which moves a cosine by 0.003 at most.
    """
    from ingest.runtime import multiply_bytes  # onnxruntime takes 0.2 s to import

    numbers = _TABLE.take(codes.view(np.uint16), mode="clip").view(np.uint8)  # unchecked
    steps = np.abs(vectors).max(axis=1) / 127
    asked = np.rint(vectors.T / steps).astype(np.int8)
    products = multiply_bytes(numbers, np.ascontiguousarray(asked)).astype(np.float32)
    products /= _lengths(codes)[:, None]
    products *= steps
    return products


def _lengths(codes: Codes) -> TokenVectors:
    """How long the vectors are that the codes stand for, in the table's units.

    The two bits of a level differ where it is one of the inner two.
    """
    bits = codes.view(np.uint64)
    is_inner = (bits ^ (bits >> np.uint64(1))) & _LOW_BITS
    counts = np.bitwise_count(is_inner).view(np.uint32)[:, 0]  # four bytes, whose sum fits one
    return np.asarray(_LENGTHS.take(counts * _SUM_OF_BYTES >> _TO_LAST_BYTE), np.float32)
