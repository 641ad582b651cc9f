"""Words: BM25 over titles and abstracts."""

from pathlib import Path

import numpy as np
import pytest

from ingest.lexical import Entry, Words, roots, stems, terms, write

PAPERS = [
    Entry(3, "Dense retrieval", "We index passages by vectors."),
    Entry(5, "Sparse retrieval", "We index words, and words again."),
    Entry(9, "", "Nothing of this kind: owls hunting at night."),
]


@pytest.fixture
def words(tmp_path: Path) -> Words:
    write(tmp_path / "words", PAPERS)
    return Words(tmp_path / "words")


def ordinals(words: Words, question: str, **options: object) -> list[int]:
    return [o for o, _ in words.search(roots(terms(question)), 10, **options)]  # type: ignore[arg-type]


def test_the_paper_with_the_words_comes_first(words: Words) -> None:
    assert ordinals(words, "dense passages")[0] == 3


def test_words_are_compared_by_their_stems(words: Words) -> None:
    assert ordinals(words, "owl hunts") == [9]


def test_a_search_among_some_papers_finds_no_others(words: Words) -> None:
    assert ordinals(words, "retrieval", among=[5, 9]) == [5]


def test_searching_among_none_finds_none(words: Words) -> None:
    assert ordinals(words, "retrieval", among=[]) == []


def test_a_restriction_does_not_change_scores(words: Words) -> None:
    free = dict(words.search(roots(["retrieval"]), 10))

    assert dict(words.search(roots(["retrieval"]), 10, among=[5])) == {5: pytest.approx(free[5])}


@pytest.mark.parametrize("question", ["C++ and (RL", 'a "quote', "title:x [1 TO", "AND OR NOT", ""])
def test_no_question_is_a_query_language(words: Words, question: str) -> None:
    assert isinstance(ordinals(words, question), list)


def test_a_stem_is_not_stemmed_again(tmp_path: Path) -> None:
    write(tmp_path, [Entry(1, "Hypothesis", "Nitrosative stress in pervasive endocytosis.")])
    words = Words(tmp_path)

    assert [ordinals(words, name) for name in ("hypothesis", "pervasive", "endocytosis")] == [
        [1]
    ] * 3


def test_nothing_found_is_an_empty_list(words: Words) -> None:
    assert ordinals(words, "zebra") == []


def test_added_papers_are_found_beside_the_old(tmp_path: Path) -> None:
    write(tmp_path / "words", PAPERS[:2])
    write(tmp_path / "words", PAPERS[2:])
    words = Words(tmp_path / "words")

    assert (words.n_papers, ordinals(words, "owls")) == (3, [9])


def test_an_empty_index_can_be_searched(tmp_path: Path) -> None:
    write(tmp_path / "words", [])

    assert ordinals(Words(tmp_path / "words"), "owls") == []


def test_terms_leave_out_stop_words() -> None:
    assert terms("What is the Role of BM25 in the role?") == ["role", "bm25"]


def test_terms_of_stop_words_alone_are_kept() -> None:
    assert terms("What is it?") == ["what", "is", "it"]


def test_stems_are_lower_case_and_in_order() -> None:
    assert stems("Retrieving Passages") == ["retriev", "passag"]


def test_weights_are_the_scores_of_a_search(words: Words) -> None:
    asked = roots(["sparse", "retrieval", "words"])
    weights = words.weigh(asked, np.arange(3))

    assert dict(zip([3, 5], weights.bm25[:2], strict=True)) == {
        ordinal: pytest.approx(score, rel=1e-3) for ordinal, score in words.search(asked, 10)
    }


def test_all_weights_of_allowed_papers_are_found(words: Words) -> None:
    wanted = roots(terms("words retrieval owls"))
    mask = np.array([True, False, True])

    places, scores = words.weigh_all(wanted, mask)

    assert places.tolist() == [0, 2]
    assert scores == pytest.approx(words.weigh(wanted, places).bm25)


def test_a_paper_without_the_words_gets_nothing(words: Words) -> None:
    weights = words.weigh(roots(["sparse", "retrieval"]), np.arange(3))

    assert (weights.bm25[2], weights.coverage[2]) == (0.0, 0.0)


def test_a_word_no_paper_has_is_worth_most(words: Words) -> None:
    weights = words.weigh(roots(["retrieval", "zebra"]), np.array([1]))

    assert weights.idf[1] > weights.idf[0]


def test_coverage_is_the_share_of_idf(words: Words) -> None:
    weights = words.weigh(roots(["sparse", "owls"]), np.array([1, 2]))

    assert weights.coverage.tolist() == [0.5, 0.5]


def test_weights_do_not_depend_on_the_order_of_adding(tmp_path: Path) -> None:
    write(tmp_path / "once", PAPERS)
    for paper in reversed(PAPERS):
        write(tmp_path / "thrice", [paper])
    asked = roots(terms("index of words and owls"))
    once, thrice = (Words(tmp_path / n).weigh(asked, np.arange(3)) for n in ("once", "thrice"))

    assert once.bm25.tolist() == thrice.bm25.tolist()


def test_readers_keep_their_lists_while_papers_are_added(tmp_path: Path) -> None:
    write(tmp_path / "words", PAPERS[:2])
    before = Words(tmp_path / "words")
    write(tmp_path / "words", PAPERS[2:])

    assert before.weigh(roots(["owls"]), np.arange(2)).coverage.tolist() == [0.0, 0.0]
