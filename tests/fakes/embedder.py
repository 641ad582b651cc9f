"""An embedder whose vectors can be worked out by hand: it counts words in buckets."""

import hashlib
from collections.abc import Sequence

import numpy as np

from ingest.embed import Vectors
from ingest.sentences import Span


class HashEmbedder:
    """Each word of a text adds 1 to the bucket of its hash; the sum is scaled to length 1.

    Texts of the same words, in whatever order, have cosine 1; texts whose words fall into
    different buckets have cosine 0. A text without words has 1 in bucket 0. `n_texts` counts
    the texts that were embedded.
    """

    name = "hash"
    max_tokens = 64

    def __init__(self, dimension: int = 64, name: str = "hash") -> None:
        self.dimension = dimension
        self.name = name
        self.n_texts = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed_query(self, text: str) -> Vectors:
        return np.asarray(self.embed([text])[0], np.float32)

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.casefold().split():
                vector[self.bucket(word)] += 1
            if not vector.any():
                vector[0] = 1
        self.n_texts += len(texts)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def embed_chunks(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        chunks = self.embed(texts)
        return chunks, [
            self.embed([text[s:e] for s, e in own]) for text, own in zip(texts, spans, strict=True)
        ]

    def bucket(self, word: str) -> int:
        return hashlib.sha256(word.encode()).digest()[0] % self.dimension
