"""Can the library answer this at all? A probability, and one of four states.

The probability is a logistic model's, fitted on questions of several fields with their papers in
the library, taken out of it, and asked of a library of another field: `evals.answerability` makes
the file beside this one, which holds the weights and the borders between the states.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ingest.lexical import terms
from ingest.stop_words import STOP_WORDS
from service.citations import State
from service.retrieve import Retrieval

FEATURES = ("dense", "sentence", "words", "coverage", "ahead")
_BEST = 3  # papers among which the best value of each feature is taken
_WORD = re.compile(r"[^\W_]+(?:-\d+)?")
_CODE = re.compile(r"[^\W\d_].*\d|\w.*[A-Z].*[A-Z]|^[A-Z]{2}|[a-z].*[A-Z]")
_N_NEXT = 9  # candidates after the best one, which share its subject


@dataclass(frozen=True, slots=True)
class Answerability:
    """How likely the passages answer the question (0 to 1), and what to do about it."""

    probability: float
    state: State


@dataclass(frozen=True, slots=True)
class Model:
    """Log-odds are `bias` plus weight times feature; each border is the least probability."""

    version: int
    bias: float
    weights: Mapping[str, float]
    answered: float
    partial: float
    nearby: float

    def probability(self, found: Mapping[str, float]) -> float:
        odds = self.bias + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0)))

    def state(self, probability: float) -> State:
        if probability >= self.answered:
            return "answered"
        if probability >= self.partial:
            return "partial"
        return "nearby" if probability >= self.nearby else "not_in_library"


@cache  # a constant of the installed package, not a state
def model() -> Model:
    """The fitted model."""
    stored = json.loads(files("service").joinpath("answerability.json").read_text("utf-8"))
    return Model(**{name: stored[name] for name in Model.__slots__})


def judge(retrieval: Retrieval) -> Answerability:
    """Judges a question by how near the best passages come to it, in meaning and in words."""
    if not retrieval.passages:
        return Answerability(0.0, "not_in_library")
    if retrieval.operators and STOP_WORDS.issuperset(terms(retrieval.text)):
        return Answerability(0.5, "nearby")  # a wish for a list ("papers by Vaswani"): here it is
    fitted = model()
    probability = fitted.probability(features(retrieval))
    state = fitted.state(probability)
    if state == "nearby" and _names_its_subject(retrieval):
        state = "partial"
    return Answerability(probability, state)


def _names_its_subject(retrieval: Retrieval) -> bool:
    """Whether the question has a name, such as BM25, that stands in the best paper's title.

    The words around it may then all be others than the paper's: "the two free parameters of BM25".
    """
    title = retrieval.passages[0].stored.paper.title
    return not _coded(retrieval.text).isdisjoint(_coded(title))


def _coded(text: str) -> set[str]:
    """The words written as no plain word is, with digits or capitals within, in lower case."""
    words = (word.removesuffix("s") for word in _WORD.findall(text))
    return {word.casefold() for word in words if _CODE.search(word)}


def features(retrieval: Retrieval) -> dict[str, float]:
    """What the model looks at, each about 0 to 1; there must be a passage.

    Cosine of the best paper and of the best sentence, BM25 and coverage of the question's words
    by the best paper, and how far its score is above those of the papers that come next
    (less where there are few: too small a library to tell).
    """
    best = retrieval.passages[:_BEST]
    following = retrieval.scores[1 : 1 + _N_NEXT]
    return {
        "dense": max(p.dense_score for p in best),
        "sentence": max(float(p.sentence_scores.max(initial=0.0)) for p in best),
        "words": max(math.sqrt(p.share) for p in best),
        "coverage": max(p.coverage for p in best),
        "ahead": sum(best[0].score - score for score in following) / _N_NEXT,
    }
