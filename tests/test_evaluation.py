"""Retrieval metrics, against values worked out by hand, and the command over a small set."""

import json
import math
from pathlib import Path
from random import Random

import pytest
import pytrec_eval

from ingest.errors import InvalidInput
from service.beir import RetrievalSet
from service.evaluation import retrieval
from service.metrics import (
    Run,
    averages,
    interval,
    ndcg,
    paired,
    per_query,
    read_run,
    recall,
    write_run,
)
from service.retrieve import METHODS
from tests.conftest import settings


def test_ndcg_of_a_perfect_ranking_is_one() -> None:
    assert ndcg(["a", "b"], {"a": 2, "b": 1}, 10) == 1.0


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    assert ndcg(["x", "a"], {"a": 1}, 10) == pytest.approx(1 / math.log2(3))


def test_recall_counts_relevant_documents_only() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 1, "x": 0}, 2) == pytest.approx(1 / 3)


def test_metrics_are_averages_over_judged_queries() -> None:
    run: Run = {"q1": [("a", 1.0)], "q2": [("x", 1.0)]}
    scores = per_query(run, {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1}})

    assert averages(scores)["success@1"] == pytest.approx(1 / 3)


def test_metrics_are_those_of_trec_eval() -> None:
    random = Random(1)
    qrels = {f"q{q}": {f"d{d}": random.randint(0, 2) for d in range(30)} for q in range(20)}
    run: Run = {
        query: sorted(((f"d{d}", random.random()) for d in range(45)), key=lambda r: -r[1])
        for query in qrels
    }
    wanted = {"ndcg_cut_10", "recall_5", "recall_100", "recip_rank", "success_1"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(
        {query: dict(ranking) for query, ranking in run.items()}
    )
    names = ("ndcg@10", "recall@5", "recall@100", "mrr", "success@1")

    assert per_query(run, qrels) == {
        query: pytest.approx(
            dict(
                zip(
                    names,
                    (
                        own[n]
                        for n in (
                            "ndcg_cut_10",
                            "recall_5",
                            "recall_100",
                            "recip_rank",
                            "success_1",
                        )
                    ),
                    strict=True,
                )
            )
            | {"recall@10": recall([d for d, _ in run[query]], qrels[query], 10)}
        )
        for query, own in theirs.items()
    }


def test_an_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    low, high = interval([0.0, 1.0] * 20)

    assert low < 0.5 < high
    assert interval([0.0, 1.0] * 20) == (low, high)


def test_equal_runs_do_not_differ() -> None:
    assert paired([0.1, 0.5], [0.1, 0.5]) == (0.0, 1.0)


def test_a_steady_difference_is_significant() -> None:
    difference, p = paired([0.6] * 12, [0.5] * 12)

    assert difference == pytest.approx(0.1)
    assert p < 0.01


def test_a_run_file_comes_back_as_it_was(tmp_path: Path) -> None:
    run: Run = {"q1": [("b", 0.5), ("a", 0.25)], "q2": [("c", 1.0)]}
    write_run(tmp_path / "run", run, "ours")

    assert read_run(tmp_path / "run") == run


def test_a_damaged_run_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("q1 Q0 d1 first 0.5 ours\n")

    with pytest.raises(InvalidInput, match="line 1"):
        read_run(tmp_path / "run")


def test_a_set_in_beir_layout_is_measured(tmp_path: Path) -> None:
    corpus = [
        {"id": "d1", "title": "Moss", "abstract": "Moss on roofs holds rain for days."},
        {"id": "d2", "title": "Bees", "abstract": "Urban bees find many flowers in parks."},
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (tmp_path / "queries.jsonl").write_text('{"id": "q1", "text": "Where do bees find flowers?"}')
    (tmp_path / "qrels.tsv").write_text("query-id\tdoc-id\trelevance\nq1\td2\t1\n")

    measured = retrieval(RetrievalSet.open(tmp_path), settings(tmp_path / "home"), methods=METHODS)

    assert {m: measured.summary(m)["ndcg@10"] for m in METHODS} == dict.fromkeys(METHODS, 1.0)
