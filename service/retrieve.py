"""Questions to passages: dense and lexical search, fused by scores, one passage a paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.catalogue import StoredPaper
from ingest.embed import Vectors
from ingest.errors import InvalidInput, Unavailable
from ingest.generation import Columns, Generation
from ingest.lexical import roots, stems, terms
from ingest.library import Library
from ingest.vectors import rows_of

DEPTH = 100  # candidates each engine gives
_DENSE_FETCH = 200  # chunks, so that their best-of-paper still leaves DEPTH papers
_BROAD = 0.1  # share of the library from which a filter is applied after over-fetching
_MAX_QUERY = 2_000  # characters; no question says more, and the engines are linear in it
# Best chunk, best sentence, BM25, share of the question's terms: fitted with each of five sets left
# out in turn and rounded (evals/LOG.md): nDCG@10 0.683 on average, RRF 0.660, each part alone 0.64.
_WEIGHTS = (0.30, 0.28, 0.23, 0.19)
_SATURATED = 2.2  # k1 + 1: what a term gives at most, in units of its idf


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the answer may draw on; empty fields allow everything."""

    year_from: int | None = None
    year_to: int | None = None
    sources: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.year_from, self.year_to, self.sources, self.venues, self.papers))


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved paper with all that ranked it. Ranks count from 1; None where an engine missed.

    `score` is the fused score (about 0 to 1), `dense_score` a cosine, `lexical_score` BM25.
    `sentence_vectors` has a row for each sentence of the abstract, `sentence_scores` its cosine
    to the query.
    """

    stored: StoredPaper
    score: float
    dense_rank: int | None
    lexical_rank: int | None
    dense_score: float
    lexical_score: float
    matched_terms: tuple[str, ...]
    sentence_scores: Vectors = field(repr=False)
    sentence_vectors: Vectors = field(repr=False)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The passages for a query, best first, and what else is known about it.

    `idf` holds the stems of its words with what each is worth in this library.
    """

    query: str
    snapshot: str
    n_papers: int
    passages: tuple[Passage, ...]
    query_vector: Vectors = field(repr=False)
    idf: Mapping[str, float] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Positions in the generation's columns, each with its scores.

    `dense` is the cosine of the best chunk, `lexical` BM25 (0 where no term is there), `coverage`
    the share of the question's idf that the paper has.
    """

    positions: NDArray[np.int64]
    dense: Vectors
    lexical: Vectors
    bound: float  # of `lexical`
    coverage: Vectors
    sentence_scores: list[Vectors]
    idf: Mapping[str, float]

    def fused(self) -> Vectors:
        """The scores that rank the papers, about 0 to 1."""
        sentence = np.array([s.max(initial=0.0) for s in self.sentence_scores], np.float32)
        words = np.sqrt(self.lexical / self.bound)
        parts = np.stack([self.dense, sentence, words, self.coverage])
        return np.asarray(np.array(_WEIGHTS, np.float32) @ parts, np.float32)


class Retriever:
    """Searches a library. Safe to share between threads."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def retrieve(self, query: str, *, k: int = 8, filters: Filters | None = None) -> Retrieval:
        """The `k` best papers for the query, best first; ties by paper id.

        Fewer come back when fewer match.

        Raises:
            InvalidInput: the query is empty.
            Unavailable: the library is.
        """
        query = " ".join(query.split())[:_MAX_QUERY]
        if not query:
            raise InvalidInput("The question is empty. Ask something about the papers.")
        vector = self._library.embedder.embed([query])[0]
        with self._library.pinned() as generation:
            if generation.manifest.n_papers == 0:
                raise Unavailable("The library is empty. Add papers: citelight ingest FILE...")
            allowed = self._allowed(generation.columns, filters) if filters else None
            found = self._candidates(generation, query, vector, allowed)
            passages = self._passages(generation, query, found, k)
            return Retrieval(
                query,
                generation.manifest.snapshot,
                generation.manifest.n_papers,
                tuple(passages),
                vector,
                found.idf,
            )

    def _allowed(self, columns: Columns, filters: Filters) -> NDArray[np.bool_]:
        """Which papers of the generation pass the filters."""
        mask = np.ones(len(columns.ids), bool)
        if filters.year_from:
            mask &= columns.years >= filters.year_from
        if filters.year_to:
            mask &= (columns.years <= filters.year_to) & (columns.years > 0)
        if filters.papers:
            mask &= np.isin(columns.ids, np.array(filters.papers))
        if filters.sources:
            mask &= np.isin(columns.ids, self._library.catalogue.ids_from(filters.sources))
        if filters.venues:
            mask &= np.isin(columns.ids, self._library.catalogue.ids_in(filters.venues))
        return mask

    def _candidates(
        self,
        generation: Generation,
        query: str,
        vector: Vectors,
        allowed: NDArray[np.bool_] | None,
    ) -> _Candidates:
        columns = generation.columns
        dense = self._dense(generation, vector, allowed)
        words = terms(query)
        lexical = _lexical(generation, words, allowed)
        positions = np.union1d(dense, np.fromiter(lexical, np.int64, len(lexical)))
        weights = generation.words.weigh(words, columns.ordinals[positions].tolist())
        total = float(weights.idf.sum()) or 1.0
        return _Candidates(
            positions,
            dense=_chunk_scores(generation, positions, vector),
            lexical=weights.bm25.sum(axis=1),
            bound=_SATURATED * total,
            coverage=np.asarray((weights.bm25 > 0) @ weights.idf / total, np.float32),
            sentence_scores=[v @ vector for v in _sentence_vectors(generation, positions)],
            idf=dict(zip(roots(words), weights.idf.tolist(), strict=True)),
        )

    def _dense(
        self, generation: Generation, vector: Vectors, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """Positions of the papers nearest to the query, best first."""
        columns = generation.columns
        if allowed is not None and allowed.mean() < _BROAD:
            positions = np.flatnonzero(allowed)
            scores = _chunk_scores(generation, positions, vector)
            return positions[np.lexsort((columns.ids[positions], -scores))][:DEPTH]
        fetch = _DENSE_FETCH if allowed is None else int(_DENSE_FETCH / allowed.mean())
        hits = generation.dense.search(vector, min(fetch, generation.manifest.n_chunks))
        found = dict.fromkeys(generation.position[i.partition("#")[0]] for i, _ in hits)
        kept = [p for p in found if allowed is None or allowed[p]]
        return np.array(kept[:DEPTH], np.int64)

    def _passages(
        self, generation: Generation, query: str, found: _Candidates, k: int
    ) -> list[Passage]:
        columns = generation.columns
        fused = found.fused()
        ids = columns.ids[found.positions]
        order = np.lexsort((ids, -fused))[:k]
        papers = self._library.papers(columns.ordinals[found.positions[order]].tolist())
        by_ordinal = {p.ordinal: p for p in papers}
        dense_ranks, lexical_ranks = _ranks(found.dense, ids), _ranks(found.lexical, ids)
        vectors = _sentence_vectors(generation, found.positions[order])
        words = terms(query)
        return [
            Passage(
                stored=stored,
                score=float(fused[i]),
                dense_rank=dense_ranks[i],
                lexical_rank=lexical_ranks[i],
                dense_score=float(found.dense[i]),
                lexical_score=float(found.lexical[i]),
                matched_terms=_matched(words, stored),
                sentence_scores=found.sentence_scores[i],
                sentence_vectors=own,
            )
            for i, own in zip(order, vectors, strict=True)
            if (stored := by_ordinal.get(int(columns.ordinals[found.positions[i]])))
        ]


def _chunk_scores(generation: Generation, positions: NDArray[np.int64], vector: Vectors) -> Vectors:
    """The cosine of each paper's best chunk."""
    columns = generation.columns
    counts = columns.n_chunks[positions]
    rows = rows_of(columns.chunk_rows[positions], counts)
    return _best_of(generation.vectors.chunks(rows) @ vector, counts)


def _sentence_vectors(generation: Generation, positions: NDArray[np.int64]) -> list[Vectors]:
    """The sentence vectors of each paper."""
    columns = generation.columns
    counts = columns.n_sentences[positions]
    rows = rows_of(columns.sentence_rows[positions], counts)
    vectors = generation.vectors.sentences(rows)
    return np.split(vectors, np.cumsum(counts)[:-1]) if len(positions) else []


def _lexical(
    generation: Generation, words: Sequence[str], allowed: NDArray[np.bool_] | None
) -> dict[int, float]:
    """BM25 of the best papers for the words, by position."""
    columns = generation.columns
    if allowed is not None and allowed.mean() < _BROAD:
        among = columns.ordinals[allowed].tolist()
        hits = generation.words.search(words, DEPTH, among=among)
        return _by_position(columns, hits)
    fetch = DEPTH if allowed is None else int(2 * DEPTH / allowed.mean())
    found = _by_position(columns, generation.words.search(words, fetch))
    kept = [p for p in found if allowed is None or allowed[p]]
    return {p: found[p] for p in kept[:DEPTH]}


def _by_position(columns: Columns, hits: Sequence[tuple[int, float]]) -> dict[int, float]:
    positions = np.searchsorted(columns.ordinals, [ordinal for ordinal, _ in hits])
    return {int(p): score for p, (_, score) in zip(positions, hits, strict=True)}


def _best_of(scores: Vectors, counts: NDArray[np.int64]) -> Vectors:
    """The maximum of each run of `counts[i]` scores."""
    if not len(counts):
        return np.empty(0, np.float32)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.asarray(np.maximum.reduceat(scores, starts), np.float32)


def _ranks(scores: Vectors, ids: NDArray[np.str_]) -> list[int | None]:
    """Rank of each score, from 1, ties by id; None for scores of 0: not found by that engine."""
    ranks: list[int | None] = [None] * len(scores)
    for rank, i in enumerate(np.lexsort((ids, -scores)), 1):
        ranks[i] = rank if scores[i] > 0 else None
    return ranks


def _matched(words: Sequence[str], stored: StoredPaper) -> tuple[str, ...]:
    """The words of the question that the paper has, in the question's order."""
    held = set(stems(f"{stored.paper.title} {stored.paper.abstract}"))
    return tuple(word for word in words if held.issuperset(stems(word)))
