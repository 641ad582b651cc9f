"""What kind of answer a question's wording asks for."""

import pytest

from service.plan import Plan, plan, questions_in


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("Compare ColBERT and dense passage retrieval.", ("ColBERT", "dense passage retrieval")),
        ("What is the difference between BM25 and TF-IDF?", ("BM25", "TF-IDF")),
        ("How does BERT differ from RoBERTa?", ("BERT", "RoBERTa")),
        ("LoRA vs. full fine-tuning", ("LoRA", "full fine-tuning")),
        (
            "What is the difference between intrinsic and extrinsic hallucinations?",
            ("intrinsic hallucinations", "extrinsic hallucinations"),
        ),
        ("Compare BERT and GPT-3 in terms of size", ("BERT size", "GPT-3 size")),
    ],
)
def test_a_comparison_names_its_two_sides(question: str, sides: tuple[str, str]) -> None:
    assert plan(question) == Plan("comparison", sides)


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What is known about hallucination?", "hallucination"),
        ("Which papers use MS MARCO?", "MS MARCO"),
        ("Give me an overview of dense retrieval", "dense retrieval"),
        ("Which studies that use dropout", "dropout"),
    ],
)
def test_a_survey_names_its_subject(question: str, subject: str) -> None:
    assert plan(question) == Plan("survey", (subject,))


@pytest.mark.parametrize(
    "question",
    [
        "How does BM25 weigh terms?",
        "Which activation is best?",
        "Does noise help and why?",
        "x" * 400,
    ],
)
def test_most_questions_are_plain(question: str) -> None:
    assert plan(question).kind == "plain"


def test_a_long_question_is_made_of_several() -> None:
    asked = "Why does dropout help and how does layer normalization work?"

    assert questions_in(asked) == ("Why does dropout help", "how does layer normalization work")


def test_one_question_is_itself() -> None:
    assert questions_in("Why does dropout help?") == ("Why does dropout help?",)
