"""What an embedder is: it turns texts into vectors, here or behind an endpoint."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.token_vectors import Tokens

Vectors = NDArray[np.float32]
Span = tuple[int, int]  # start and end, in code points of the text it belongs to


class QueryVectors(NamedTuple):
    """The vector of a question, shape `(dimension,)` and of length 1, and its tokens' vectors."""

    vector: Vectors
    tokens: Tokens


class ChunkVectors(NamedTuple):
    """Vectors of texts, shape `(len(texts), dimension)`, and for each text one of each of its
    spans (sentences), shape `(len(spans[i]), dimension)`, all of length 1; and each one's tokens.
    """

    texts: Vectors
    spans: list[Vectors]
    tokens: list[Tokens]


class Embedder(Protocol):
    """Turns texts into unit vectors. The same embedder must see abstracts and questions."""

    @property
    def name(self) -> str:
        """Names the vector space: vectors of equal name can be compared."""

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """The most tokens, as `count_tokens` counts, that one text can have without being cut."""

    def count_tokens(self, text: str) -> int: ...

    @property
    def gives_tokens(self) -> bool:
        """Whether texts and questions come with vectors of their tokens."""

    def embed_query(self, text: str) -> QueryVectors:
        """The vectors of a question.

        May differ from what `embed` gives, as little as makes no difference to what is found.
        """

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """As `embed`, with as little difference as `embed_query`, for what is not kept."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape `(len(texts), dimension)`, float32, each of length 1."""

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
        """The vectors of texts, of the spans given of each, and of their tokens."""
