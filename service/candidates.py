"""Candidates for a question: the best papers of each engine, each scored by all that ranks it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vectors
from ingest.generation import Columns, Generation
from ingest.vectors import rows_of
from service.filters import Mask

Positions = NDArray[np.int64]

DEPTH = 100  # candidates each engine gives
_FETCH = 200  # chunks, so that their best-of-paper still leaves DEPTH papers
_EXACT = 20_000  # chunks up to which looking at all takes less than the graph: 0.5 ms for 10,000
_FEW, _SHARE = 400, 0.05  # papers, or share of all: fewer are compared one by one, not scanned
# Best chunk, best sentence, BM25, share of the question's terms: fitted with each of five sets left
# out in turn and rounded (evals/LOG.md): nDCG@10 0.683 on average, RRF 0.660, each part alone 0.64.
WEIGHTS = (0.30, 0.28, 0.23, 0.19)
_SATURATED = 2.2  # k1 + 1: what a term gives at most, in units of its idf


@dataclass(frozen=True, slots=True)
class Candidates:
    """Positions in the generation's columns, rising, and the scores of each.

    `dense` is the cosine of the best chunk, `best_sentence` of the best sentence (0 at least),
    `lexical` BM25 (0 where no term is there), `share`
    the same as a share of what a paper full of the terms would get, `coverage` the share of the
    question's idf that the paper has, `fused` what ranks them. `sentences` are the cosines of all
    their sentences, those of each before its `ends`. `idf` is one of each of the `stems`, `held`,
    of shape (stems, papers), whether a paper has it.
    """

    positions: Positions
    dense: Vectors
    best_sentence: Vectors
    lexical: Vectors
    share: Vectors
    coverage: Vectors
    sentences: Vectors
    ends: Positions
    fused: Vectors
    stems: Sequence[str]
    idf: Vectors
    held: NDArray[np.bool_]

    def sentences_of(self, candidate: int) -> Vectors:
        """The cosine of each sentence of one."""
        start = self.ends[candidate - 1] if candidate else 0
        return self.sentences[start : self.ends[candidate]]


def find(
    generation: Generation,
    vector: Vectors,
    stems: Sequence[str],
    mask: Mask | None,
    named: Positions,
) -> Candidates:
    """The best papers of both engines among those that `mask` allows, and those `named`."""
    dense = _nearest(generation, vector, mask)
    lexical = _wordiest(generation, stems, mask)
    if mask is not None:
        named = named[mask[named]]
    return score(generation, vector, stems, np.unique(np.concatenate([dense, lexical, named])))


def score(
    generation: Generation, vector: Vectors, stems: Sequence[str], positions: Positions
) -> Candidates:
    """Scores these papers, whose positions must rise."""
    weights = generation.words.weigh(stems, positions)
    bound = _SATURATED * (float(weights.idf.sum()) or 1.0)
    columns = generation.columns
    counts = columns.n_sentences[positions]
    rows = rows_of(columns.sentence_rows[positions], counts)
    near = generation.vectors.sentence_cosines(rows, vector)
    dense = chunk_scores(generation, positions, vector)
    share = np.minimum(weights.bm25 / bound, 1.0)
    best = np.maximum(_best_of(near, counts), 0.0)
    return Candidates(
        positions,
        dense,
        best,
        weights.bm25,
        share,
        weights.coverage,
        near,
        np.cumsum(counts),
        fused=weighed(WEIGHTS, (dense, best, np.sqrt(share), weights.coverage)),
        stems=stems,
        idf=weights.idf,
        held=weights.held,
    )


def weighed(weights: Sequence[float], parts: Sequence[Vectors]) -> Vectors:
    """The weighted sum of scores of the same papers."""
    total = np.zeros(len(parts[0]), np.float32)
    for weight, part in zip(weights, parts, strict=True):
        total += np.float32(weight) * part
    return total


def _nearest(generation: Generation, vector: Vectors, mask: Mask | None) -> Positions:
    """The papers nearest to the question: by the graph where it is faster than looking at all."""
    if mask is None and generation.manifest.n_chunks > _EXACT:
        return _found(generation, vector)
    n = len(generation.columns.ids)
    among = np.arange(n) if mask is None else np.flatnonzero(mask)
    if len(among) > max(n * _SHARE, _FEW):
        among = generation.scan.nearest(vector, DEPTH, mask)
    return _best(among, chunk_scores(generation, among, vector), generation.columns)


def _found(generation: Generation, vector: Vectors) -> Positions:
    """What the graph finds, best first, each paper once."""
    near = generation.near(vector, min(_FETCH, generation.manifest.n_chunks))
    return np.array([generation.position[i] for i, _ in near[:DEPTH]], np.int64)


def _wordiest(generation: Generation, stems: Sequence[str], mask: Mask | None) -> Positions:
    """The papers that BM25 puts first."""
    columns = generation.columns
    if mask is None:
        return _placed(columns, generation.words.search(stems, DEPTH))
    among, weights = generation.words.weigh_all(stems, mask)
    return _best(among, weights, columns)


def _placed(columns: Columns, hits: Sequence[tuple[int, float]]) -> Positions:
    ordinals = np.array([ordinal for ordinal, _ in hits], np.int64)
    return np.searchsorted(columns.ordinals, ordinals).astype(np.int64)


def _best(positions: Positions, scores: Vectors, columns: Columns) -> Positions:
    """The first DEPTH by score, ties by id."""
    if len(positions) > 4 * DEPTH:
        floor = np.partition(scores, -DEPTH)[-DEPTH]
        positions, scores = positions[scores >= floor], scores[scores >= floor]
    return positions[np.lexsort((columns.ids[positions], -scores))][:DEPTH]


def chunk_scores(generation: Generation, positions: Positions, vector: Vectors) -> Vectors:
    """The cosine of each paper's best chunk."""
    columns = generation.columns
    counts = columns.n_chunks[positions]
    rows = rows_of(columns.chunk_rows[positions], counts)
    return _best_of(np.vecdot(generation.vectors.chunks(rows), vector), counts)


def sentence_vectors(generation: Generation, positions: Positions) -> list[Vectors]:
    """The sentence vectors of each paper."""
    columns = generation.columns
    counts = columns.n_sentences[positions]
    vectors = generation.vectors.sentences(rows_of(columns.sentence_rows[positions], counts))
    ends = np.cumsum(counts).tolist()
    return [vectors[end - n : end] for end, n in zip(ends, counts.tolist(), strict=True)]


def _best_of(scores: Vectors, counts: Positions) -> Vectors:
    """The maximum of each run of `counts[i]` scores; 0 for an empty run."""
    best = np.zeros(len(counts), np.float32)
    held = counts > 0
    if held.any():
        starts = (np.cumsum(counts) - counts)[held]
        best[held] = np.maximum.reduceat(scores, starts)
    return best
