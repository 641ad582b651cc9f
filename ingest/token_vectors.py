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
_LEVELS = np.array([-1.5104176, -0.4527800, 0.4527800, 1.5104176], np.float32)
_SHIFTS = np.array([0, 2, 4, 6], np.uint8)
_TABLE = _LEVELS[(np.arange(256)[:, None] >> _SHIFTS) & 3]  # what each byte stands for
_SQUARES = np.asarray((_TABLE**2).sum(axis=1), np.float32)


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
    """The cosine of each code to each vector of length 1, shape (len(codes), len(vectors))."""
    numbers = _TABLE.take(codes, axis=0).reshape(len(codes), WIDTH)
    lengths = np.sqrt(_SQUARES.take(codes).sum(axis=1, keepdims=True))
    return np.asarray(numbers @ vectors.T / lengths, np.float32)
