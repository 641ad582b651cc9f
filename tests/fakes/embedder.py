"""An embedder whose vectors can be worked out by hand: it counts words in buckets."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from ingest.embed import ChunkVectors, QueryVectors, Vectors
from ingest.sentences import Span
from ingest.token_vectors import WIDTH, Tokens


class HashEmbedder:
    """Each word of a text adds 1 to the bucket of its hash; the sum is scaled to length 1.

    Texts of the same words, in whatever order, have cosine 1; texts whose words fall into
    different buckets have cosine 0. A text without words has 1 in bucket 0. `n_texts` counts
    the texts that were embedded. If it `gives_tokens`, each word is one, with a vector all of
    whose numbers are of one size, which two bits keep as it is; different words' cosines are
    about 0.
    """

    max_tokens = 64

    def __init__(
        self, dimension: int = 64, name: str = "hash", *, gives_tokens: bool = False
    ) -> None:
        self.dimension = dimension
        self.name = name
        self.gives_tokens = gives_tokens
        self.n_texts = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed_query(self, text: str) -> QueryVectors:
        return QueryVectors(np.asarray(self.embed([text])[0], np.float32), self._tokens(text))

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        return self.embed(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.casefold().split():
                vector[self.bucket(word)] += 1
            if not vector.any():
                vector[0] = 1
        self.n_texts += len(texts)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
        chunks = self.embed(texts)
        sentences = [
            self.embed([text[s:e] for s, e in own]) for text, own in zip(texts, spans, strict=True)
        ]
        return ChunkVectors(chunks, sentences, [self._tokens(text) for text in texts])

    def _tokens(self, text: str) -> Tokens:
        words = list(re.finditer(r"\w+", text)) if self.gives_tokens else []
        if not words:
            return Tokens.none()
        spans = np.array([word.span() for word in words], np.int64)
        return Tokens(np.stack([_signs(word.group().casefold()) for word in words]), spans)

    def bucket(self, word: str) -> int:
        return hashlib.sha256(word.encode()).digest()[0] % self.dimension


def _signs(word: str) -> Vectors:
    bits = np.unpackbits(np.frombuffer(hashlib.sha256(word.encode()).digest(), np.uint8))[:WIDTH]
    return np.asarray((bits * 2.0 - 1) / np.sqrt(WIDTH), np.float32)
