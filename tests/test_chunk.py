"""Chunks are whole sentences within the budget, and their offsets are exact."""

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import Chunk, chunk, chunk_id
from ingest.sentences import split_sentences


def n_words(text: str) -> int:
    return len(text.split())


def texts(abstract: str, budget: int) -> list[str]:
    chunks = chunk(abstract, split_sentences(abstract), budget=budget, count_tokens=n_words)
    return [abstract[c.start : c.end] for c in chunks]


def test_an_abstract_within_the_budget_is_one_chunk() -> None:
    abstract = "One two. Three four."
    chunks = chunk(abstract, split_sentences(abstract), budget=4, count_tokens=n_words)

    assert chunks == [Chunk(0, len(abstract), (0, 1))]


def test_sentences_are_packed_whole() -> None:
    assert texts("One two. Three four.\n\nFive six seven. Eight.", 4) == [
        "One two. Three four.",
        "Five six seven. Eight.",
    ]


def test_a_chunk_names_the_sentences_it_touches() -> None:
    abstract = "One two. Three four. Five six seven."
    chunks = chunk(abstract, split_sentences(abstract), budget=4, count_tokens=n_words)

    assert [c.sentences for c in chunks] == [(0, 1), (2,)]


def test_a_sentence_over_the_budget_is_cut_at_punctuation_then_between_words() -> None:
    assert texts("One. A b c d, e f g h i j k. Two.", 5) == [
        "One. A b c d,",
        "e f g h i",
        "j k. Two.",
    ]


def test_a_word_over_the_budget_is_cut_too() -> None:
    chunks = chunk("abcdef", [(0, 6)], budget=4, count_tokens=len)

    assert [(c.start, c.end) for c in chunks] == [(0, 4), (4, 6)]


def test_an_abstract_without_sentences_has_no_chunks() -> None:
    assert chunk("  ", [], budget=4, count_tokens=n_words) == []


def test_a_budget_below_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="exceeded"):
        chunk("ab", [(0, 2)], budget=4, count_tokens=lambda text: 5 * len(text))


WORDS = st.sampled_from(
    ["we", "The", "x,", "3.5", "end.", "Why?", "\n\n", "\n\n\n", "  ", "é;", "。"]
)


@given(st.lists(WORDS, max_size=60).map(" ".join), st.integers(2, 12))
def test_chunks_cover_the_sentences_without_overlap(abstract: str, budget: int) -> None:
    spans = split_sentences(abstract)
    chunks = chunk(abstract, spans, budget=budget, count_tokens=n_words)
    covered = "".join(abstract[c.start : c.end] for c in chunks)

    assert "".join(covered.split()) == "".join(abstract.split())
    assert all(a.end <= b.start for a, b in pairwise(chunks))
    assert all(n_words(abstract[c.start : c.end]) <= budget for c in chunks)
    assert all(
        any(c.start <= a and b <= c.end for c in chunks)
        for a, b in spans
        if n_words(abstract[a:b]) <= budget
    )


def test_ids_are_stable_and_change_with_the_text() -> None:
    assert chunk_id("p1", 0, "text") == "p1#0-982d9e3e" != chunk_id("p1", 0, "texts")


def test_importing_the_module_does_not_import_llama_index() -> None:
    code = "import sys, ingest.chunk; print('llama_index' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"
