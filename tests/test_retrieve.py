"""Retrieval over the sample library."""

from pathlib import Path

import numpy as np
import pytest

from ingest.build import ingest
from ingest.errors import InvalidInput
from service.app import Core, build
from service.retrieve import Filters, Retriever
from tests.conftest import settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.given import library, many


def titles(core: Core, query: str, filters: Filters | None = None, k: int = 5) -> list[str]:
    found = core.retriever.retrieve(query, k=k, filters=filters)
    return [p.stored.paper.title for p in found.passages]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("late interaction over contextual token vectors", "ColBERT"),
        ("stochastic optimization with estimates of the moments of gradients", "Adam"),
        ("masked language model pretraining of bidirectional encoders", "BERT"),
    ],
)
def test_the_paper_meant_comes_first(core: Core, query: str, title: str) -> None:
    assert title in titles(core, query)[0]


def test_a_paper_is_listed_once(core: Core) -> None:
    found = titles(core, "retrieval", k=92)

    assert len(found) == len(set(found))


def test_the_same_query_gives_the_same_list(core: Core) -> None:
    assert titles(core, "attention", k=50) == titles(core, "attention", k=50)


def test_scores_fall_from_first_to_last(core: Core) -> None:
    scores = [p.score for p in core.retriever.retrieve("attention", k=50).passages]

    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("k", [1, 3, 92])
def test_k_papers_come_back(core: Core, k: int) -> None:
    assert len(titles(core, "language models", k=k)) == k


def test_a_narrow_filter_loses_nothing(core: Core) -> None:
    (first,) = titles(core, "Transformer attention", Filters(papers=(paper_id(core, "BM25"),)))

    assert "BM25" in first


def paper_id(core: Core, query: str) -> str:
    return core.retriever.retrieve(query, k=1).passages[0].stored.id


def test_filtered_ranking_is_the_unfiltered_one_without_the_rest(core: Core) -> None:
    everything = core.retriever.retrieve("dense retrieval", k=92).passages
    wanted = [p.stored.id for p in everything if (p.stored.paper.year or 0) >= 2020]
    filtered = core.retriever.retrieve("dense retrieval", k=92, filters=Filters(year_from=2020))

    assert {p.stored.id for p in filtered.passages} == set(wanted)


def test_venues_are_compared_without_case(core: Core) -> None:
    found = core.retriever.retrieve("retrieval", filters=Filters(venues=("sigir",)))

    assert {p.stored.paper.venue for p in found.passages} == {"SIGIR"}


def test_a_filter_by_an_unknown_source_matches_nothing(core: Core) -> None:
    assert titles(core, "retrieval", Filters(sources=("nowhere",))) == []


def test_sentence_vectors_are_those_of_the_sentences(core: Core) -> None:
    passage = core.retriever.retrieve("How does BM25 weigh terms?", k=1).passages[0]
    text = passage.stored.sentence(1)
    alone = core.library.embedder.embed([text])[0]
    similarities = passage.sentence_vectors @ alone

    assert len(passage.sentence_vectors) == len(passage.stored.sentences)
    assert int(np.argmax(similarities)) == 1


def test_matched_terms_are_the_words_of_the_query(core: Core) -> None:
    passage = core.retriever.retrieve("weighting of the terms by BM25", k=1).passages[0]

    assert "bm25" in passage.matched_terms
    assert "the" not in passage.matched_terms


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_query_is_refused(core: Core, query: str) -> None:
    with pytest.raises(InvalidInput):
        core.retriever.retrieve(query)


@pytest.mark.parametrize(
    "query", ['"deep', "C++ AND (RL", "a:b", "[1 TO", "*", "日本語", "x" * 5_000]
)
def test_a_query_is_never_read_as_a_query_language(core: Core, query: str) -> None:
    assert len(titles(core, query, k=3)) == 3


def test_warming_up_an_empty_library_does_nothing(tmp_path: Path) -> None:
    core = build(settings(tmp_path))
    try:
        core.retriever.warm_up()

        assert core.library.is_empty
    finally:
        core.close()


def test_a_question_asked_again_is_not_embedded_again(tmp_path: Path) -> None:
    lib = library(tmp_path / "home", embedder := HashEmbedder())
    ingest(lib, many(3))
    before = embedder.n_texts
    found = [Retriever(lib, n_remembered=n) for n in (0, 8)]
    vectors = [r.retrieve("owls at night").query_vector for r in found for _ in range(2)]
    lib.close()

    assert embedder.n_texts - before == 3
    assert all((vector == vectors[0]).all() for vector in vectors)
