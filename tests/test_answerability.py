"""Whether the sample library can answer a question."""

from dataclasses import replace

import pytest

from service.answerability import FEATURES, features, judge, model
from service.app import Core
from service.named import Names, is_nearly, spelled


@pytest.mark.parametrize(
    "question",
    [
        "What is BM25?",
        "How does dense passage retrieval differ from BM25?",
        "Who introduced LoRA?",
        "What does the BERT paper say?",
    ],
)
def test_a_question_about_the_library_is_answered(core: Core, question: str) -> None:
    assert judge(core.retriever.retrieve(question)).state in ("answered", "partial")


@pytest.mark.parametrize(
    "question",
    ["What is the capital of Portugal?", "How do I bake sourdough bread?", "Who won in 2010?"],
)
def test_a_question_of_another_field_is_not(core: Core, question: str) -> None:
    assert judge(core.retriever.retrieve(question)).state == "not_in_library"


def test_a_name_of_the_best_title_is_worth_an_answer_in_part(core: Core) -> None:
    named = core.retriever.retrieve("What do the two free parameters of BM25 control?")
    unnamed = replace(named, text="What do the two free parameters of it control?")

    assert (judge(named).state, judge(unnamed).state) == ("partial", "nearby")


def test_a_wish_for_papers_by_an_author_lists_them(core: Core) -> None:
    found = core.retriever.retrieve("Which papers by Vaswani are there?")

    assert judge(found).state == "nearby"
    assert [p.stored.paper.title for p in found.passages] == ["Attention Is All You Need"]


def test_the_model_weighs_what_is_measured(core: Core) -> None:
    measured = features(core.retriever.retrieve("attention"))

    assert tuple(measured) == tuple(model().weights) == FEATURES


def test_a_title_in_the_question_names_its_paper() -> None:
    names = Names.read([(0, "Attention Is All You Need"), (1, "Long Form (LoFo) Questions")])

    assert set(names.bonuses("what does attention is all you need say")) == {0}
    assert set(names.bonuses("How does LoFo work?")) == {1}


def test_a_short_title_within_a_long_question_is_only_its_subject() -> None:
    names = Names.read([(0, "Information Retrieval Systems")])

    assert not names.bonuses("who pays for training on information retrieval systems today")
    assert set(names.bonuses("what does information retrieval systems say")) == {0}


@pytest.mark.parametrize(
    "said",
    ["Attentin Is All You Need", "attention is all yuo need", "Attention is all you ned"],
)
def test_a_title_with_a_slip_in_the_question_names_its_paper(said: str) -> None:
    names = Names.read([(0, "Attention Is All You Need")])

    assert set(names.bonuses(f"what does the paper {said} say about its limits")) == {0}


@pytest.mark.parametrize("said", ["Retention is all you need", "is attention all you need"])
def test_a_title_of_other_words_is_not_named(said: str) -> None:
    names = Names.read([(0, "Attention Is All You Need")])

    assert not names.bonuses(f"what does the paper {said} say about its limits")


def test_another_number_is_another_title() -> None:
    names = Names.read([(0, "Overview of the TREC 2019 Deep Learning Track")])

    assert not names.bonuses("what does overview of the trec 2018 deep learning track say")


def test_a_question_that_is_a_title_may_have_slips() -> None:
    assert is_nearly("Attention Is All You Need", spelled("Attenton is all you need?"))
