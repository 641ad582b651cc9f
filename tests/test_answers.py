"""Quoted answers over questions whose right papers are known, and how sentences are chosen."""

from itertools import pairwise
from pathlib import Path

import pytest

from evals.answers import Result, measure, read_cases
from service.app import Core, build
from service.citations import Answer
from service.cues import leans_on_previous, role_score, tells_of_own_work
from service.extract import MAX_SENTENCES, choose, lead
from tests.conftest import REPOSITORY, SHARED, settings

QUESTIONS = REPOSITORY / "tests" / "questions"
SEEDS = SHARED / "seeds"


@pytest.fixture(scope="module")
def sample_result(core: Core) -> Result:
    return measure(core, read_cases(QUESTIONS / "sample.jsonl"))


def test_questions_over_the_sample_library_cite_a_right_paper_first(sample_result: Result) -> None:
    assert sample_result.right_first >= 0.9, sample_result.missed


def test_few_questions_that_can_be_answered_are_refused(sample_result: Result) -> None:
    assert sample_result.refused_wrongly <= 0.04, sample_result.missed


def test_every_quote_stands_in_its_abstract(sample_result: Result) -> None:
    assert sample_result.exact == 1.0


def test_the_same_question_gives_the_same_bytes(sample_result: Result) -> None:
    assert sample_result.same_again == 1.0


def test_questions_of_another_world_are_refused(sample_result: Result) -> None:
    assert sample_result.refused == 1.0


@pytest.mark.slow
@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed pages are not beside the repository")
def test_questions_over_the_seeds_cite_a_right_paper_first(tmp_path: Path) -> None:
    from ingest.build import ingest
    from ingest.sources import discover

    core = build(settings(tmp_path))
    try:
        ingest(core.library, list(discover(SEEDS)))
        result = measure(core, read_cases(QUESTIONS / "seeds.jsonl"), times=1)
    finally:
        core.close()

    assert result.right_first >= 0.9, result.missed
    assert (result.exact, result.refused) == (1.0, 1.0)


def chosen(core: Core, question: str) -> list[tuple[str, int]]:
    found = core.retriever.retrieve(question)
    return [(q.passage.stored.paper.title, q.sentence) for q in choose(found)]


def test_a_question_that_one_paper_answers_gets_no_filler_of_others(core: Core) -> None:
    quotes = chosen(core, "What is the difference between intrinsic and extrinsic hallucinations?")

    assert {title for title, _ in quotes} == {
        "Survey of Hallucination in Natural Language Generation"
    }
    assert len(quotes) >= 3


def test_sentences_of_a_paper_stand_together_in_the_order_of_its_abstract(core: Core) -> None:
    quotes = chosen(core, "How do dense retrievers compare with BM25?")
    papers = [title for title, _ in quotes]

    assert papers == sorted(papers, key=papers.index)
    assert all(a < b for (p, a), (q, b) in pairwise(quotes) if p == q)
    assert len(quotes) <= MAX_SENTENCES


@pytest.mark.anyio
async def test_every_paper_is_named_before_its_sentences(core: Core) -> None:
    answer: Answer = await core.assistant.answer("How does BM25 weigh the terms of a query?")
    title = answer.citations[0].paper.title

    assert answer.text.startswith(f"**{title}** (Robertson and Zaragoza, 2009): ")


def test_a_paper_is_named_with_authors_and_year(core: Core) -> None:
    passage = core.retriever.retrieve("Gaussian error linear unit").passages[0]

    assert lead(passage) == (
        "**Gaussian Error Linear Units (GELUs)** (Hendrycks and Gimpel, 2016): "
    )


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("We show that moss holds rain.", "Recently, moss has attracted attention."),
        ("Moss held 40 % of the rain.", "Why does moss hold rain?"),
        ("Moss holds rain.", "Code is available at https://example.org/moss."),
    ],
)
def test_a_finding_is_worth_more_than(better: str, worse: str) -> None:
    assert role_score(better) > role_score(worse)


@pytest.mark.parametrize(
    ("sentence", "leans"),
    [
        ("This makes it cheap.", True),
        ("It doubles the yield.", True),
        ("To address this, moss is used.", True),
        ("However, it fails in summer.", True),
        ("However, moss dies in summer.", False),
        ("This paper studies moss.", False),
        ("Moss holds rain.", False),
    ],
)
def test_a_sentence_leans_on_the_one_before_it(sentence: str, leans: bool) -> None:
    assert leans_on_previous(sentence) is leans


def test_authors_tell_of_their_own_work() -> None:
    assert tells_of_own_work("In this paper moss is studied.")
    assert not tells_of_own_work("Green roofs are common.")
