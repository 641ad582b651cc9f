"""Questions to passages: dense and lexical search, fused by scores, one passage a paper."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.catalogue import StoredPaper
from ingest.embed import QueryVectors, Vectors
from ingest.errors import InvalidInput, Unavailable
from ingest.generation import Generation
from ingest.lexical import roots, stems_of, terms
from ingest.library import Library
from service import operators
from service.candidates import DEPTH, Candidates, Positions, find, sentence_vectors
from service.filters import Facets, Filters, Mask, allowed
from service.interaction import fused, late_scores
from service.named import WHOLE_TITLE, Names, is_nearly, spelled
from service.operators import Asked, Operator

__all__ = ["METHODS", "Filters", "Method", "Operator", "Passage", "Retrieval", "Retriever"]

T = TypeVar("T")
Method = Literal["dense", "bm25", "rrf", "ours"]
METHODS: tuple[Method, ...] = ("dense", "bm25", "rrf", "ours")

_MAX_QUERY = 2_000  # characters; no question says more, and the engines are linear in it
_COPY = 0.97  # cosine from which two papers are versions of one
_LOOKED_AT = 12  # candidates whose titles are compared with the question
_RRF = 60  # Cormack et al. 2009


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved paper with all that ranked it. Ranks count from 1; None where an engine missed.

    `score` is the fused score (about 0 to 1), `dense_score` a cosine, `lexical_score` BM25,
    `late_score` how well it meets each token of the query, 0 to 1 (None where not looked at),
    `coverage` the share of the query's idf that the paper holds, `share` BM25 as a share of what
    a paper full of the terms would get. `sentence_vectors` has a row for each sentence of the
    abstract, `sentence_scores` its cosine to the query.
    """

    stored: StoredPaper
    score: float
    dense_rank: int | None
    lexical_rank: int | None
    dense_score: float
    lexical_score: float
    late_score: float | None
    matched_terms: tuple[str, ...]
    sentence_scores: Vectors = field(repr=False)
    sentence_vectors: Vectors = field(repr=False)
    coverage: float = 0.0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The passages for a query, best first, and what else is known about it.

    `query` is what was asked, `text` what of it was searched for: without what was read as a
    filter (`operators`) and without asking for papers. `idf` holds the stems of its words with
    what each is worth in this library, `scores` those of all candidates, best first.
    """

    query: str
    snapshot: str
    n_papers: int
    passages: tuple[Passage, ...]
    query_vector: Vectors = field(repr=False)
    idf: Mapping[str, float] = field(default_factory=dict, repr=False)
    text: str = ""
    operators: tuple[Operator, ...] = ()
    scores: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Search:
    """A query taken apart, its words and vector, the candidates and the scores that rank them."""

    asked: Asked
    words: list[str]
    vector: Vectors
    found: Candidates
    late: Vectors | None
    score: Vectors


class Retriever:
    """Searches a library. Safe to share between threads."""

    def __init__(self, library: Library, *, n_remembered: int = 256) -> None:
        """Keeps the vectors of the last `n_remembered` texts: parts of an answer repeat them."""
        self._library = library
        self._vectors = lru_cache(n_remembered)(self._embedded)
        self._derived: dict[str, tuple[int, object]] = {}
        self._deriving = threading.Lock()

    def warm_up(self) -> None:
        """Reads what the first question would wait for: 0.3 s at 349 papers, 3 s at 77,554.

        Safe beside questions; an empty library needs none of it.
        """
        with suppress(Unavailable):
            self.retrieve("warming up", k=1)
            with self._library.pinned() as generation:
                generation.scan.prepare()  # for the first filter

    def retrieve(
        self, query: str, *, k: int = 8, filters: Filters | None = None, is_literal: bool = False
    ) -> Retrieval:
        """The `k` best papers for the query, best first; ties by paper id.

        Fewer come back when fewer match. Filters named in the query are applied unless it
        `is_literal`, `filters` says otherwise, or they would leave nothing.

        Raises:
            InvalidInput: the query is empty.
            Unavailable: the library is.
        """
        query = " ".join(query.split())[:_MAX_QUERY]
        if not query:
            raise InvalidInput("The question is empty. Ask something about the papers.")
        with self._library.pinned() as generation:
            search = self._searched(generation, query, filters or Filters(), is_literal)
            found = search.found
            return Retrieval(
                query,
                generation.manifest.snapshot,
                generation.manifest.n_papers,
                tuple(self._passages(generation, search, k)),
                search.vector,
                idf=dict(zip(found.stems, found.idf.tolist(), strict=True)),
                text=search.asked.text,
                operators=search.asked.operators,
                scores=tuple(np.sort(search.score)[::-1].tolist()),
            )

    def rank(
        self, query: str, methods: Sequence[Method] = ("ours",), *, k: int
    ) -> dict[Method, list[tuple[str, float]]]:
        """Ids of the `k` best papers by each method with their scores, for measuring.

        "ours" is what `retrieve` ranks by; "rrf" is reciprocal rank fusion with k = 60.
        """
        with self._library.pinned() as generation:
            search = self._searched(generation, query, Filters(), is_literal=False)
            found = search.found
            ids = generation.columns.ids[found.positions]
            by_method: dict[Method, Vectors] = {
                "dense": found.dense,
                "bm25": found.lexical,
                "rrf": _reciprocal(found, ids),
                "ours": search.score,
            }
            ranked = {}
            for method in methods:
                scores = by_method[method]
                order = np.lexsort((ids, -scores))[:k]
                ranked[method] = [(str(ids[i]), float(scores[i])) for i in order if scores[i] > 0]
            return ranked

    def _searched(
        self, generation: Generation, query: str, filters: Filters, is_literal: bool
    ) -> _Search:
        if generation.manifest.n_papers == 0:
            raise Unavailable("The library is empty. Add papers: citelight ingest FILE...")
        asked, mask = self._taken_apart(generation, query, filters, is_literal)
        words, vectors = terms(asked.text), self._vectors(asked.text)
        bonuses = self._names(generation).bonuses(query)
        named = np.array(sorted(bonuses), np.int64)
        found = find(generation, vectors.vector, roots(words), mask, named)
        late = late_scores(generation, found, vectors.tokens, asked.text, words)
        score = found.fused if late is None else fused(found, late)
        if bonuses:
            gained = [bonuses.get(p, 0.0) for p in found.positions.tolist()]
            score = score + np.array(gained, np.float32)
        return _Search(asked, words, vectors.vector, found, late, score)

    def _embedded(self, text: str) -> QueryVectors:
        vectors = self._library.embedder.embed_query(text)
        for shared in (vectors.vector, vectors.tokens.vectors):  # by all who ask the same
            shared.setflags(write=False)
        return vectors

    def _taken_apart(
        self, generation: Generation, query: str, filters: Filters, is_literal: bool
    ) -> tuple[Asked, Mask | None]:
        """The query without the filters it names, and the papers that all filters leave."""

        def facets() -> Facets:
            return self._facets(generation)

        def mask_of(wanted: Filters) -> Mask | None:
            if not wanted:
                return None
            return allowed(wanted, generation, self._library.catalogue, facets)

        asked = Asked(query) if is_literal else operators.read(query, facets)
        if asked.operators:
            mask = mask_of(operators.joined(filters, asked.filters))
            if mask is not None and mask.any():
                return asked, mask
            asked = Asked(query)  # it named nothing here: its words are searched for instead
        return asked, mask_of(filters)

    def _facets(self, generation: Generation) -> Facets:
        def read() -> Facets:
            return Facets.read(self._library.catalogue, generation.columns)

        return self._once("facets", generation, read)

    def _names(self, generation: Generation) -> Names:
        def read() -> Names:
            columns = generation.columns
            place = {int(o): p for p, o in enumerate(columns.ordinals)}
            titles = self._library.catalogue.titles()
            return Names.read((place[o], title) for o, title in titles if o in place)

        return self._once("names", generation, read)

    def _once(self, name: str, generation: Generation, read: Callable[[], T]) -> T:
        """What `read` gives, kept for as long as the generation is the one in use."""
        number, value = self._derived.get(name, (-1, None))
        if number != generation.manifest.number:
            with self._deriving:
                number, value = self._derived.get(name, (-1, None))
                if number != generation.manifest.number:
                    value = read()
                    self._derived[name] = (generation.manifest.number, value)
        return value  # type: ignore[return-value]  # put there by the same name

    def _passages(self, generation: Generation, search: _Search, k: int) -> list[Passage]:
        found, late, score = search.found, search.late, search.score
        columns = generation.columns
        ids = columns.ids[found.positions]
        order = np.lexsort((ids, -score))
        order = _copies_last(order, generation, found.positions, k)
        ordinals = columns.ordinals[found.positions]
        best = ordinals[order[: max(k, _LOOKED_AT)]].tolist()
        read = {p.ordinal: p for p in self._library.papers(best)}
        order, score = _titled(order, score, ordinals, search.asked.text, read)
        order = order[:k]
        dense_ranks = _ranks(found.dense, ids)[order].tolist()
        lexical_ranks = _ranks(found.lexical, ids)[order].tolist()
        vectors = sentence_vectors(generation, found.positions[order])
        matched = _Matched(search.words, found.stems, found.held)
        return [
            Passage(
                stored=stored,
                score=float(score[i]),
                dense_rank=dense_rank or None,
                lexical_rank=lexical_rank or None,
                dense_score=float(found.dense[i]),
                lexical_score=float(found.lexical[i]),
                late_score=None if late is None or np.isnan(late[i]) else float(late[i]),
                matched_terms=matched.of(i),
                sentence_scores=found.sentences_of(i),
                sentence_vectors=own,
                coverage=float(found.coverage[i]),
                share=float(found.share[i]),
            )
            for i, own, dense_rank, lexical_rank in zip(
                order.tolist(), vectors, dense_ranks, lexical_ranks, strict=True
            )
            if (stored := read.get(int(ordinals[i])))
        ]


def _titled(
    order: NDArray[np.int64],
    score: Vectors,
    ordinals: NDArray[np.int64],
    question: str,
    read: Mapping[int, StoredPaper],
) -> tuple[NDArray[np.int64], Vectors]:
    """The same order, but a paper whose title the question is before all others."""
    asked = spelled(question)
    for i in order[:_LOOKED_AT].tolist():
        if (stored := read.get(int(ordinals[i]))) and is_nearly(stored.paper.title, asked):
            score = score.copy()
            score[i] = max(float(score[i]), float(score.max()) + WHOLE_TITLE / 10)
            order = np.concatenate([[i], order[order != i]])
            break
    return order, score


def _copies_last(
    order: NDArray[np.int64], generation: Generation, positions: Positions, k: int
) -> NDArray[np.int64]:
    """The same order, but of papers that are nearly the same only the first among the first k."""
    if k > len(order) or k > 50:
        return order
    columns = generation.columns
    looked_at = order[: 2 * k]
    vectors = generation.vectors.chunks(columns.chunk_rows[positions[looked_at]])
    alike = vectors @ vectors.T > _COPY
    if np.count_nonzero(alike) <= len(looked_at):  # each is like itself
        return order
    kept: list[int] = []
    late: list[int] = []
    for n in range(len(looked_at)):
        (late if alike[n, kept].any() else kept).append(n)
    if not late:
        return order
    return np.concatenate([looked_at[kept], looked_at[late], order[2 * k :]])


def _reciprocal(found: Candidates, ids: NDArray[np.str_]) -> Vectors:
    """Reciprocal rank fusion of the first DEPTH of both engines."""
    total = np.zeros(len(ids), np.float32)
    for scores in (found.dense, found.lexical):
        ranks = _ranks(scores, ids)
        is_found = (ranks > 0) & (ranks <= DEPTH)
        total[is_found] += 1 / (_RRF + ranks[is_found])
    return total


def _ranks(scores: Vectors, ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Rank of each score, from 1, ties by id; 0 for scores of 0: not found by that engine."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.lexsort((ids, -scores))] = np.arange(1, len(scores) + 1)
    ranks[scores <= 0] = 0
    return ranks


class _Matched:
    """Which words of the question a candidate has; `held` is (stems of the words, candidates)."""

    def __init__(
        self, words: Sequence[str], wanted: Sequence[str], held: NDArray[np.bool_]
    ) -> None:
        place = {stem: row for row, stem in enumerate(wanted)}
        self._words = [(word, [place[stem] for stem in stems_of(word)]) for word in words]
        self._held = held

    def of(self, candidate: int) -> tuple[str, ...]:
        """The words whose stems it has all, in the question's order."""
        held = self._held[:, candidate].tolist()
        return tuple(word for word, rows in self._words if all(held[row] for row in rows))
