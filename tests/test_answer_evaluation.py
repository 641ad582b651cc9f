"""Metrics of answers, on true and damaged ones, and the gate that a build can fail on."""

from pathlib import Path
from typing import Any

import pytest

from ingest.errors import InvalidInput
from service.answer_commands import missed_gates
from service.answer_evaluation import Case, ask_all, metrics, read_cases, right_first
from service.app import Core
from service.citations import plain
from service.conversations import Conversations
from tests.conftest import REPOSITORY

SAMPLE = REPOSITORY / "tests" / "questions" / "sample.jsonl"


@pytest.fixture(scope="module")
def answers(core: Core) -> list[Any]:
    return list(ask_all(core, [c.question for c in read_cases(SAMPLE)[:12]]))


def test_quoted_answers_pass_every_gate_on_citations(core: Core, answers: list[Any]) -> None:
    found = metrics(answers, core.library.catalogue)
    gates = ("id_validity", "offset_validity", "quote_exactness", "cited", "recall", "precision")

    assert {name: found[name] for name in gates} == dict.fromkeys(gates, 1.0)


def test_damage_is_seen(core: Core, answers: list[Any]) -> None:
    damaged = plain(answers[0])
    damaged["sentences"][0] |= {"text": "Moss holds 40 % of the rain.", "marks": [9]}
    damaged["citations"][0]["evidence"][0] |= {"start": 1}
    found = metrics([damaged], core.library.catalogue)

    assert found["id_validity"] < 1
    assert found["offset_validity"] < 1
    assert found["recall"] < 1


def test_a_metric_below_its_gate_is_told() -> None:
    assert missed_gates({"recall": 0.9}, ["recall=0.95"]) == [
        "recall is 0.9000, at least 0.9500 is wanted"
    ]
    assert missed_gates({"recall": 0.9}, ["recall=0.9"]) == []


def test_a_gate_on_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="recall"):
        missed_gates({"recall": 0.9}, ["beauty=1"])


def test_a_missing_file_of_questions_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        read_cases(tmp_path / "nowhere.jsonl")


@pytest.mark.anyio
async def test_feedback_becomes_evaluation_cases(core: Core, tmp_path: Path) -> None:
    answer = await core.assistant.answer("How does BM25 weigh the terms of a query?")
    kept = Conversations(tmp_path / "conversations.sqlite")
    kept.save(answer)
    kept.give_feedback(answer.id, True, n=1)
    kept.give_feedback(answer.id, False, reason="too short")
    good, bad = kept.feedback()

    assert good["titles"] == ["The Probabilistic Relevance Framework: BM25 and Beyond"]
    assert ("titles" in bad, bad["reason"], bad["citation"]) == (False, "too short", None)


def test_an_answer_is_right_that_cites_a_named_paper_first(answers: list[Any]) -> None:
    first = answers[0]["citations"][0]["paper"]["title"]
    cases = [Case("a", (first,)), Case("b", ("Another paper",)), Case("c")]

    assert right_first([answers[0]] * 3, cases) == 0.5


def test_a_case_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text('{"question": "Why?", "reason": "a"}\n{"question": "Why?", "titles": null}\n')

    assert read_cases(file) == [Case("Why?")]
