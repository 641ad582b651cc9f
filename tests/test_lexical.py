"""Words: BM25 over titles and abstracts."""

from pathlib import Path

import pytest

from ingest.lexical import Entry, Words, stems, terms, write

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
    return [o for o, _ in words.search(terms(question), 10, **options)]  # type: ignore[arg-type]


def test_the_paper_with_the_words_comes_first(words: Words) -> None:
    assert ordinals(words, "dense passages")[0] == 3


def test_words_are_compared_by_their_stems(words: Words) -> None:
    assert ordinals(words, "owl hunts") == [9]


def test_a_search_among_some_papers_finds_no_others(words: Words) -> None:
    assert ordinals(words, "retrieval", among=[5, 9]) == [5]


def test_searching_among_none_finds_none(words: Words) -> None:
    assert ordinals(words, "retrieval", among=[]) == []


def test_a_restriction_does_not_change_scores(words: Words) -> None:
    free = dict(words.search(["retrieval"], 10))

    assert dict(words.search(["retrieval"], 10, among=[5])) == {5: pytest.approx(free[5])}


@pytest.mark.parametrize("question", ["C++ and (RL", 'a "quote', "title:x [1 TO", "AND OR NOT", ""])
def test_no_question_is_a_query_language(words: Words, question: str) -> None:
    assert isinstance(ordinals(words, question), list)


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


def test_weights_add_up_to_the_score_of_a_search(words: Words) -> None:
    ((ordinal, score),) = words.search(["sparse", "retrieval"], 1)
    weights = words.weigh(["sparse", "retrieval"], [ordinal])

    assert weights.bm25.sum() == pytest.approx(score)


def test_a_word_no_paper_has_is_worth_most(words: Words) -> None:
    weights = words.weigh(["retrieval", "zebra"], [5])

    assert weights.idf[1] > weights.idf[0]
    assert weights.bm25[0, 1] == 0.0
