"""A stand-in for a real embedder, so fast that only the rest of ingestion is measured."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from ingest.embed import ChunkVectors, QueryVectors, Vectors
from ingest.sentences import Span
from ingest.token_vectors import WIDTH, Tokens

_WORD = re.compile(r"\S+")
_N_WORDS = 4096
_DIMENSION = 384


class WordSumEmbedder:
    """The sum of a fixed random vector for each word, scaled to length 1.

    Texts that share words are near each other, as with a real embedder; uniformly random vectors
    would make the graph of the index dearer than it is. About 0.2 ms an abstract.
    """

    name = "word-sum"
    gives_tokens = True
    dimension = _DIMENSION
    max_tokens = 254

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self._table = rng.standard_normal((_N_WORDS, _DIMENSION)).astype(np.float32)

    def count_tokens(self, text: str) -> int:
        return text.count(" ") * 5 // 4 + 1

    def embed_query(self, text: str) -> QueryVectors:
        return QueryVectors(np.asarray(self.embed([text])[0], np.float32), self._tokens(text))

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        return self.embed(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._sum(text) for text in texts])

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
        sentences = [
            self.embed([text[s:e] for s, e in own]) for text, own in zip(texts, spans, strict=True)
        ]
        return ChunkVectors(self.embed(texts), sentences, [self._tokens(text) for text in texts])

    def _tokens(self, text: str) -> Tokens:
        spans = np.array([match.span() for match in _WORD.finditer(text)], np.int64)
        vectors = self._table[_hashed(text), :WIDTH]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Tokens(vectors, spans) if len(spans) else Tokens.none()

    def _sum(self, text: str) -> Vectors:
        total = self._table[_hashed(text)].sum(axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


def _hashed(text: str) -> list[int]:
    return [zlib.crc32(word.encode()) % _N_WORDS for word in text.split()] or [0]
