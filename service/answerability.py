"""Can the library answer this at all? A probability, and one of four states."""

import math
from dataclasses import dataclass

from ingest.lexical import terms
from service.citations import State
from service.retrieve import Retrieval

# Set by hand on the seed pages and the sample library; to be fitted on real questions.
_COSINE, _COVERAGE, _BIAS = 9.0, 3.0, -5.2
_ANSWERED, _PARTIAL, _NEARBY = 0.6, 0.4, 0.2


@dataclass(frozen=True, slots=True)
class Answerability:
    """How likely the passages answer the question (0 to 1), and what to do about it."""

    probability: float
    state: State


def judge(retrieval: Retrieval) -> Answerability:
    """Judges the best passages by how near they are and how many of the words they have."""
    if not retrieval.passages:
        return Answerability(0.0, "not_in_library")
    cosine = max(
        max(p.dense_score, float(p.sentence_scores.max(initial=0.0))) for p in retrieval.passages
    )
    wanted = terms(retrieval.query)
    coverage = max(len(p.matched_terms) for p in retrieval.passages[:3]) / max(len(wanted), 1)
    probability = 1 / (1 + math.exp(-(_COSINE * cosine + _COVERAGE * coverage + _BIAS)))
    return Answerability(probability, _state(probability))


def _state(probability: float) -> State:
    if probability >= _ANSWERED:
        return "answered"
    if probability >= _PARTIAL:
        return "partial"
    return "nearby" if probability >= _NEARBY else "not_in_library"
