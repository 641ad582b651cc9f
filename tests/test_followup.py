"""Follow-ups made to stand alone."""

import pytest

from service.followup import Turn, rewritten, standalone, topic_of
from tests.fakes.generator import ScriptedGenerator

TURN = Turn(
    question="How do sparse autoencoders explain diffusion models?",
    query="How do sparse autoencoders explain diffusion models?",
    answer="They find concepts [1].",
    titles=("Concepts in Diffusion", "Features of Language Models"),
)
TOPIC = "sparse autoencoders explain diffusion models"


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("and for images?", f"for images: {TOPIC}"),
        ("What about its limitations?", f"limitations: {TOPIC}"),
        ("How fast are they?", f"How fast are: {TOPIC}"),
        ("Tell me more", TOPIC),
        ("why?", TOPIC),
        (
            "Compare it with the second one",
            f"Compare with Features of Language Models: {TOPIC}",
        ),
        ("What does [2] say?", f"What does Features of Language Models say: {TOPIC}"),
    ],
)
def test_a_follow_up_gets_its_topic(question: str, query: str) -> None:
    assert standalone(question, [TURN]) == query


@pytest.mark.parametrize(
    "question",
    [
        "What is dropout?",
        "Which activation function weights its input by the Gaussian cumulative distribution?",
        "Is there evidence that larger models memorise more?",
        "And how do large language models hallucinate references in scientific writing?",
    ],
)
def test_a_question_of_its_own_stays_as_it_is(question: str) -> None:
    assert standalone(question, [TURN]) == question


def test_without_a_turn_before_nothing_changes() -> None:
    assert standalone("and for images?", []) == "and for images?"


def test_a_number_beyond_the_citations_stays_a_number() -> None:
    assert "ninth one" in standalone("compare it with the ninth one", [TURN])


def test_the_topic_of_a_query_is_without_its_question_words() -> None:
    assert topic_of(TURN.query) == TOPIC


@pytest.mark.anyio
async def test_a_model_rewrites_where_there_is_one() -> None:
    model = ScriptedGenerator(['"Limits of sparse ', 'autoencoders"'])

    assert await rewritten("its limits?", [TURN], model) == "Limits of sparse autoencoders"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "model", [ScriptedGenerator([], "away"), ScriptedGenerator(["word " * 200])]
)
async def test_rules_stand_in_for_a_model_that_fails_or_rambles(model: ScriptedGenerator) -> None:
    assert await rewritten("and for images?", [TURN], model) == f"for images: {TOPIC}"
