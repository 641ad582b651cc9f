"""Ranking metrics with their uncertainty, and run files as TREC has them."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidInput

Qrels = dict[str, dict[str, int]]  # query id -> document id -> relevance
Run = dict[str, list[tuple[str, float]]]  # query id -> (document id, score), best first
Judged = Mapping[str, int]
_ROUNDS = 2_000  # of resampling
_SEED = 20_260_101


def ndcg(ranking: Sequence[str], judged: Judged, k: int) -> float:
    """nDCG@k with linear gain and log2 discount (Järvelin & Kekäläinen 2002), 0 to 1."""
    gained = sum(
        max(judged.get(d, 0), 0) / math.log2(rank + 2) for rank, d in enumerate(ranking[:k])
    )
    best = sorted((max(g, 0) for g in judged.values()), reverse=True)[:k]
    ideal = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(best))
    return gained / ideal if ideal else 0.0


def recall(ranking: Sequence[str], judged: Judged, k: int) -> float:
    """The share of relevant documents among the first k."""
    relevant = {d for d, gain in judged.items() if gain > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], judged: Judged) -> float:
    """One over the rank of the first relevant document; 0 where there is none."""
    return next((1 / rank for rank, d in enumerate(ranking, 1) if judged.get(d, 0) > 0), 0.0)


METRICS: dict[str, Callable[[Sequence[str], Judged], float]] = {
    "ndcg@10": lambda r, j: ndcg(r, j, 10),
    "recall@5": lambda r, j: recall(r, j, 5),
    "recall@10": lambda r, j: recall(r, j, 10),
    "recall@100": lambda r, j: recall(r, j, 100),
    "mrr": reciprocal_rank,
    "success@1": lambda r, j: float(reciprocal_rank(r[:1], j)),
}


def per_query(run: Run, qrels: Qrels) -> dict[str, dict[str, float]]:
    """Every metric for every judged query; a query the run lacks scores 0."""
    scores = {}
    for query, judged in qrels.items():
        ranking = [document for document, _ in run.get(query, [])]
        scores[query] = {name: metric(ranking, judged) for name, metric in METRICS.items()}
    return scores


def averages(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean of every metric over the queries."""
    n = max(len(scores), 1)
    return {name: sum(own[name] for own in scores.values()) / n for name in METRICS}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean: percentiles of resampled means, the same at each call."""
    if not values:
        return 0.0, 0.0
    means = _resampled(np.asarray(values, float))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """The mean difference over the same queries, and its two-sided p by random sign flips."""
    difference = np.asarray(ours, float) - np.asarray(theirs, float)
    if not difference.size:
        return 0.0, 1.0
    mean = float(difference.mean())
    signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], (_ROUNDS, difference.size))
    means = np.abs((signs * difference).mean(axis=1))
    return mean, float((1 + np.sum(means >= abs(mean) - 1e-12)) / (1 + _ROUNDS))


def _resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    picked = np.random.default_rng(_SEED).integers(0, len(values), (_ROUNDS, len(values)))
    return np.asarray(values[picked].mean(axis=1))


def write_run(path: Path, run: Run, name: str) -> None:
    """Writes a run as TREC has it: query, Q0, document, rank, score, name."""
    lines = [
        f"{query} Q0 {document} {rank} {score:.6f} {name}\n"
        for query, ranking in run.items()
        for rank, (document, score) in enumerate(ranking, 1)
    ]
    path.write_text("".join(lines), encoding="utf-8")


def read_run(path: Path) -> Run:
    """Reads a TREC run file, by rank.

    Raises:
        InvalidInput: it cannot be read, or a line has not six columns.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as a run file.") from error
    found: dict[str, list[tuple[int, str, float]]] = {}
    for n, line in enumerate(lines, 1):
        try:
            query, _, document, rank, score, _ = line.split()
            found.setdefault(query, []).append((int(rank), document, float(score)))
        except ValueError as error:
            raise InvalidInput(
                f"{path.name}, line {n}: expected query Q0 document rank score name."
            ) from error
    return {query: [(d, s) for _, d, s in sorted(rows)] for query, rows in found.items()}
