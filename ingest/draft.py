"""Papers on their way in: cut into sentences and chunks, and given their vectors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.catalogue import StoredPaper
from ingest.chunk import Chunk, chunk
from ingest.embed import Embedder, Vectors
from ingest.papers import Paper
from ingest.sentences import Span, split_sentences
from ingest.token_vectors import Codes, Tokens, pack

_MAX_TITLE = 300  # characters of a title that go into the vectors of its chunks
_TITLE_SHARE = 4  # a title gets at most this part of the embedder's limit


@dataclass(frozen=True, slots=True)
class Text:
    """A paper's text as it is embedded: `heading` stands before each chunk.

    Papers of equal `key` have equal vectors.
    """

    key: tuple[str, str, bool]
    heading: str
    sentences: tuple[Span, ...]
    chunks: tuple[Chunk, ...]

    @classmethod
    def of(cls, paper: Paper, embedder: Embedder) -> "Text":
        heading = _heading(paper, embedder)
        # A text of nothing but white space and signs is one sentence.
        sentences = split_sentences(paper.abstract) or [(0, len(paper.abstract))]
        chunks = chunk(
            paper.abstract,
            sentences,
            budget=embedder.max_tokens - embedder.count_tokens(heading),
            count_tokens=embedder.count_tokens,
        )
        return cls(key_of(paper), heading, tuple(sentences), tuple(chunks))

    def parts(self) -> Iterator[tuple[str, list[Span]]]:
        """The text of each chunk as it is embedded, and where its sentences stand in it."""
        abstract = self.key[1]
        for c in self.chunks:
            shift = len(self.heading) - c.start
            spans = [self.sentences[n] for n in c.sentences]
            within = [(max(s, c.start) + shift, min(e, c.end) + shift) for s, e in spans]
            yield self.heading + abstract[c.start : c.end], within


@dataclass(frozen=True, slots=True)
class Embedded:
    """A text with its vectors: one row a chunk, one row a sentence, and each chunk's tokens.

    Those of the heading, which stands before every chunk, belong to the first.
    """

    text: Text
    chunks: Vectors = field(repr=False)
    sentences: Vectors = field(repr=False)
    tokens: list[Codes] = field(repr=False)


@dataclass(slots=True)
class Draft:
    """A paper about to be stored: with new vectors, or with rows that are there already."""

    paper_id: str
    paper: Paper
    sentences: Sequence[Span] = ()
    chunks: Sequence[Chunk] = ()
    chunk_row: int = -1
    sentence_row: int = -1

    @classmethod
    def of(cls, paper_id: str, paper: Paper, before: StoredPaper | None) -> "Draft":
        """A draft that keeps the vectors of the row before where the text is the same."""
        draft = cls(paper_id, paper)
        if before and key_of(before.paper) == key_of(paper):
            draft.sentences, draft.chunks = before.sentences, before.chunks
            draft.chunk_row, draft.sentence_row = before.chunk_row, before.sentence_row
        return draft

    @property
    def has_vectors(self) -> bool:
        return self.chunk_row >= 0

    def place(self, text: Text, chunk_row: int, sentence_row: int) -> None:
        """Says where in the vector store the rows of its chunks and sentences start."""
        self.sentences, self.chunks = text.sentences, text.chunks
        self.chunk_row, self.sentence_row = chunk_row, sentence_row


def key_of(paper: Paper) -> tuple[str, str, bool]:
    """All of a paper that its vectors depend on."""
    return paper.title, paper.abstract, paper.is_title_derived


def embed(texts: Iterable[Text], embedder: Embedder) -> list[Embedded]:
    """The texts with their vectors, in order; nothing is sent to the embedder for none."""
    texts = list(texts)
    if not texts:
        return []
    parts = [part for text in texts for part in text.parts()]
    found = embedder.embed_chunks([p[0] for p in parts], [p[1] for p in parts])
    of_sentences, of_tokens = iter(found.spans), iter(found.tokens)
    borders = np.cumsum([len(text.chunks) for text in texts])[:-1]
    return [
        Embedded(text, own, _gathered(text, of_sentences), _packed(text, of_tokens))
        for text, own in zip(texts, np.split(found.texts, borders), strict=True)
    ]


def _heading(paper: Paper, embedder: Embedder) -> str:
    """What stands before each chunk when it is embedded; a derived title would repeat it."""
    if paper.is_title_derived:
        return ""
    title = paper.title[:_MAX_TITLE]
    while embedder.count_tokens(title) > embedder.max_tokens // _TITLE_SHARE:
        title = title[: len(title) * 3 // 4]
    return title + "\n"


def _packed(text: Text, tokens: Iterator[Tokens]) -> list[Codes]:
    """The codes of each chunk's tokens."""
    starts = [0] + [len(text.heading)] * (len(text.chunks) - 1)
    return [pack(next(tokens).after(start)) for start in starts]


def _gathered(text: Text, vectors: Iterator[Vectors]) -> Vectors:
    """One vector a sentence out of one array a chunk; parts of a sentence are averaged."""
    parts: list[list[Vectors]] = [[] for _ in text.sentences]
    for c in text.chunks:
        for n, vector in zip(c.sentences, next(vectors), strict=True):
            parts[n].append(vector)
    means = np.stack([np.mean(p, axis=0) for p in parts])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.maximum(lengths, 1e-12), np.float32)
