"""Retrieval metrics, against values worked out by hand, and the command over a small set."""

import json
import math
from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from service.evaluation import metrics, ndcg, read_qrels, recall, retrieval
from tests.conftest import settings


def test_ndcg_of_a_perfect_ranking_is_one() -> None:
    assert ndcg(["a", "b"], {"a": 2, "b": 1}, 10) == 1.0


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    assert ndcg(["x", "a"], {"a": 1}, 10) == pytest.approx(1 / math.log2(3))


def test_recall_counts_relevant_documents_only() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 1, "x": 0}, 2) == pytest.approx(1 / 3)


def test_metrics_are_averages_over_queries() -> None:
    run = {"q1": ["a"], "q2": ["x"]}

    assert metrics(run, {"q1": {"a": 1}, "q2": {"b": 1}})["ndcg@10"] == 0.5


def test_a_set_in_beir_layout_is_measured(tmp_path: Path) -> None:
    corpus = [
        {"id": "d1", "title": "Moss", "abstract": "Moss on roofs holds rain for days."},
        {"id": "d2", "title": "Bees", "abstract": "Urban bees find many flowers in parks."},
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (tmp_path / "queries.jsonl").write_text('{"id": "q1", "text": "Where do bees find flowers?"}')
    (tmp_path / "qrels.tsv").write_text("query-id\tdoc-id\trelevance\nq1\td2\t1\n")

    assert retrieval(tmp_path, settings(tmp_path / "home")) == {
        "ndcg@10": 1.0,
        "recall@10": 1.0,
        "recall@100": 1.0,
        "queries": 1,
    }


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"qrels\.tsv"):
        retrieval(tmp_path, settings(tmp_path))


def test_a_damaged_judgement_is_named(tmp_path: Path) -> None:
    (tmp_path / "qrels.tsv").write_text("query-id\tdoc-id\trelevance\nq1\td2\n")

    with pytest.raises(InvalidInput, match="line 2"):
        read_qrels(tmp_path / "qrels.tsv")
