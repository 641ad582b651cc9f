"""The answer without a model: the sentences of the abstracts that say the most, verbatim."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.embed import Vectors
from ingest.lexical import stems, terms
from service.retrieve import Passage, Retrieval

MAX_SENTENCES = 5
_MAX_PER_PAPER = 2
_MAX_PAPERS = 4
_SAME = 0.85  # cosine from which two sentences say the same
_KEEP = 0.72  # of the best sentence's score: what falls below adds words, not an answer
_REDUNDANCY = 0.3  # weight of similarity to what is already chosen (MMR)


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence chosen for the answer: `sentence` is its index in the passage's abstract."""

    passage: Passage
    sentence: int
    score: float


def choose(retrieval: Retrieval) -> list[Quote]:
    """The sentences that answer the query, in reading order: papers by their best sentence.

    The same query on the same snapshot gives the same sentences.
    """
    quotes = _scored(retrieval)
    if not quotes:
        return []
    vectors = np.stack([q.passage.sentence_vectors[q.sentence] for q in quotes])
    chosen = _diverse(quotes, vectors)
    first = {q.passage.stored.id: i for i, q in reversed(list(enumerate(chosen)))}
    return sorted(chosen, key=lambda q: (first[q.passage.stored.id], q.sentence))


def _scored(retrieval: Retrieval) -> list[Quote]:
    """Every sentence of the passages with its score, best first."""
    wanted = set(stems(" ".join(terms(retrieval.query))))
    top = max((p.score for p in retrieval.passages), default=1.0) or 1.0
    quotes = []
    for passage in retrieval.passages:
        for n, cosine in enumerate(passage.sentence_scores):
            held = set(stems(passage.stored.sentence(n)))
            coverage = len(wanted & held) / max(len(wanted), 1)
            score = 0.5 * float(cosine) + 0.25 * coverage + 0.25 * passage.score / top
            quotes.append(Quote(passage, n, score))
    return sorted(quotes, key=lambda q: (-q.score, q.passage.stored.id, q.sentence))[:40]


def _diverse(quotes: Sequence[Quote], vectors: Vectors) -> list[Quote]:
    """Greedy maximal marginal relevance with caps per paper and on papers."""
    chosen: list[int] = []
    floor = quotes[0].score * _KEEP
    while len(chosen) < MAX_SENTENCES:
        open_ones = [i for i in range(len(quotes)) if _is_open(i, chosen, quotes, vectors, floor)]
        if not open_ones:
            break
        chosen.append(max(open_ones, key=lambda i: (_marginal(i, chosen, quotes, vectors), -i)))
    return [quotes[i] for i in chosen]


def _is_open(
    i: int, chosen: Sequence[int], quotes: Sequence[Quote], vectors: Vectors, floor: float
) -> bool:
    if i in chosen or quotes[i].score < floor:
        return False
    papers = Counter(quotes[c].passage.stored.id for c in chosen)
    mine = quotes[i].passage.stored.id
    if papers[mine] >= _MAX_PER_PAPER or (mine not in papers and len(papers) >= _MAX_PAPERS):
        return False
    return not chosen or float((vectors[chosen] @ vectors[i]).max()) < _SAME


def _marginal(i: int, chosen: Iterable[int], quotes: Sequence[Quote], vectors: Vectors) -> float:
    nearest = max((float(vectors[c] @ vectors[i]) for c in chosen), default=0.0)
    return quotes[i].score - _REDUNDANCY * max(nearest, 0.0) * quotes[i].score


def lead(passage: Passage) -> str:
    """What stands before the sentences of a paper: its name, so that "we" and "this" have one."""
    paper = passage.stored.paper
    year = f" ({paper.year})" if paper.year else ""
    return f"**{paper.title.replace('*', '')}**{year}: "
