"""Which sentence of the right abstract is the evidence: `service.evidence` beside BM25 and cosine.

    uv run python -m evals.evidence HOME DATA

HOME is a library that holds the papers of DATA, a set with evidence.jsonl: {"query_id", "doc_id",
"texts"} with the rationales, lists of sentences that together prove. Prints hit@1, hit@3 and F1 of
all that comes within MARGIN of the best, at most three.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.dense import EmbeddedChroma
from ingest.embed import Vectors
from ingest.lexical import stems
from ingest.library import Library
from ingest.minilm import MiniLM
from service.evidence import MARGIN, score_sentences
from service.extract import scored
from service.filters import Filters
from service.retrieve import Passage, Retrieval, Retriever

Scorer = Callable[[Retrieval, Passage], Vectors]
_MOST = 3  # sentences taken as evidence
_K1, _B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Case:
    """A query, the one abstract that was asked for, and which of its sentences are evidence."""

    retrieval: Retrieval
    passage: Passage
    gold: NDArray[np.bool_]


def main() -> None:
    home, data = Path(sys.argv[1]), Path(sys.argv[2])
    library = Library(home, MiniLM.open(), EmbeddedChroma())
    try:
        cases = list(_cases(library, data))
    finally:
        library.close()
    scorers: dict[str, Scorer] = {
        "BM25 over the sentences": bm25,
        "cosine": lambda _, passage: passage.sentence_scores,
        "service.evidence": score_sentences,
        "as answers order them": _of_extract,
    }
    figures = {name: measure(cases, scorer) for name, scorer in scorers.items()}
    sys.stdout.write(json.dumps({"pairs": len(cases), **figures}, indent=2) + "\n")


def measure(cases: Sequence[Case], scorer: Scorer) -> dict[str, float]:
    """hit@1, hit@3 and F1 over all sentences taken, 0 to 1."""
    first, third, taken, right = [], [], 0, 0
    for case in cases:
        scores = scorer(case.retrieval, case.passage)
        order = np.argsort(-scores, kind="stable")[:_MOST]
        first.append(bool(case.gold[order[0]]))
        third.append(bool(case.gold[order].any()))
        chosen = order[scores[order] >= scores[order[0]] - MARGIN]
        taken, right = taken + len(chosen), right + int(case.gold[chosen].sum())
    n_gold = sum(int(case.gold.sum()) for case in cases)
    return {
        "hit@1": round(float(np.mean(first)), 4),
        "hit@3": round(float(np.mean(third)), 4),
        "f1": round(2 * right / (taken + n_gold), 4),
    }


def bm25(retrieval: Retrieval, passage: Passage) -> Vectors:
    """BM25 of each sentence, with the library's idf: what a word index would choose."""
    own = [stems(text) for text in _texts(passage)]
    mean = sum(map(len, own)) / max(len(own), 1)
    scores = [
        sum(
            idf * n * (_K1 + 1) / (n + _K1 * (1 - _B + _B * len(words) / mean))
            for stem, idf in retrieval.idf.items()
            if (n := words.count(stem))
        )
        for words in own
    ]
    return np.array(scores, np.float32)


def _of_extract(retrieval: Retrieval, passage: Passage) -> Vectors:
    scores = np.zeros(len(passage.sentence_scores), np.float32)
    for quote in scored(retrieval.query, [passage]):
        scores[quote.sentence] = quote.score
    return scores


def _cases(library: Library, data: Path) -> Iterator[Case]:
    retriever = Retriever(library)
    queries = {str(row["id"]): row["text"] for row in _lines(data / "queries.jsonl")}
    own = {key: paper for paper, keys in library.catalogue.keys_of_papers().items() for key in keys}
    for row in _lines(data / "evidence.jsonl"):
        if row["query_id"] not in queries or row["doc_id"] not in own:
            continue
        only = Filters(papers=(own[row["doc_id"]],))
        found = retriever.retrieve(queries[row["query_id"]], k=1, filters=only, is_literal=True)
        passage = found.passages[0]
        gold = gold_of(_texts(passage), [text for texts in row["texts"] for text in texts])
        if gold.any():
            yield Case(found, passage, gold)


def gold_of(sentences: Sequence[str], proofs: Iterable[str]) -> NDArray[np.bool_]:
    """Which sentences hold a proof or are held by one; the set's own splitting may differ."""
    plain = [" ".join(s.split()) for s in sentences]
    wanted = [" ".join(p.split()) for p in proofs]
    return np.array([any(s in p or p in s for p in wanted) for s in plain], bool)


def _texts(passage: Passage) -> list[str]:
    return [passage.stored.sentence(n) for n in range(len(passage.stored.sentences))]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


if __name__ == "__main__":
    main()
