"""What an embedder is: it turns texts into vectors, here or behind an endpoint."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Span = tuple[int, int]  # start and end, in code points of the text it belongs to


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

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question, shape `(dimension,)`, float32, of length 1.

        May differ from what `embed` gives, as little as makes no difference to what is found.
        """

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape `(len(texts), dimension)`, float32, each of length 1."""

    def embed_chunks(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """A vector for each text, and for each text a vector for each of its spans (sentences).

        The second has shape `(len(spans[i]), dimension)` for text `i`. All are of length 1.
        """
