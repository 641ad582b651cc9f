"""Late interaction: how well papers meet each word of the question."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.build import ingest
from ingest.embed import Vectors
from ingest.lexical import roots, terms
from ingest.library import Library
from service.candidates import Candidates, find
from service.interaction import fused, late_scores
from service.retrieve import Retriever
from tests.fakes.embedder import HashEmbedder
from tests.fakes.given import given, library, record

PAPERS = [
    record(0, title="Owls", abstract="Owls hunt voles in barns. " + "They are seen at dusk. " * 20),
    record(1, title="Bats", abstract="Bats hunt moths in caves."),
    record(2, title="Moles", abstract="Moles dig."),
]


@pytest.fixture
def lib(tmp_path: Path) -> Iterator[Library]:
    lib = library(tmp_path / "home", HashEmbedder(gives_tokens=True))
    ingest(lib, given(*PAPERS))
    yield lib
    lib.close()


def late(lib: Library, question: str) -> dict[str, float] | None:
    """Late scores by title."""
    asked, words = lib.embedder.embed_query(question), terms(question)
    with lib.pinned() as generation:
        found = find(generation, asked.vector, roots(words), None, np.empty(0, np.int64))
        scores = late_scores(generation, found, asked.tokens, question, words)
        ordinals = generation.columns.ordinals[found.positions].tolist()
    titles = [stored.paper.title for stored in lib.papers(ordinals)]
    return None if scores is None else dict(zip(titles, scores.tolist(), strict=True))


def test_a_paper_with_all_words_has_all_of_the_score(lib: Library) -> None:
    assert (late(lib, "Owls hunt voles") or {})["Owls"] == pytest.approx(1, abs=1e-3)


def test_a_paper_with_a_word_of_two_has_what_it_is_worth(lib: Library) -> None:
    rare, frequent = np.log(1 + 2.5 / 1.5), np.log(1 + 1.5 / 2.5)  # in one and in two of three

    scores = late(lib, "moths hunt") or {}

    assert scores["Owls"] == pytest.approx(frequent / (rare + frequent), abs=0.06)


def test_stop_words_are_worth_nothing(lib: Library) -> None:
    assert late(lib, "Which owls are in the barns?") == late(lib, "owls barns")


def test_words_of_a_later_chunk_count(lib: Library) -> None:
    assert (late(lib, "dusk") or {})["Owls"] == pytest.approx(1, abs=1e-3)


def test_a_title_is_stored_once(lib: Library) -> None:
    with lib.pinned() as generation:
        columns = generation.columns
        position = int(np.argmax(columns.n_chunks))
        first = int(columns.chunk_rows[position])
        rows = np.arange(first, first + int(columns.n_chunks[position]))
        _, counts = generation.vectors.tokens(rows)

    assert len(rows) > 1
    assert counts.sum() == 1 + 5 + 5 * 20  # words of the title and the abstract


def test_without_token_vectors_nothing_is_told(tmp_path: Path) -> None:
    lib = library(tmp_path / "bare")
    ingest(lib, given(*PAPERS))
    scores = late(lib, "owls")
    (best, *_) = Retriever(lib).retrieve("owls").passages
    lib.close()

    assert (scores, best.stored.paper.title, best.late_score) == (None, "Owls", None)


def test_a_hit_tells_its_late_score(lib: Library) -> None:
    (best, *_) = Retriever(lib).retrieve("Which bats hunt moths?").passages

    assert best.stored.paper.title == "Bats"
    assert best.late_score == pytest.approx(1, abs=1e-3)


def test_an_unknown_late_score_counts_as_the_middle_one() -> None:
    def row(*values: float) -> Vectors:
        return np.array(values, np.float32)

    nothing = row(0, 0, 0, 0)
    found = Candidates(
        np.arange(4), nothing, nothing, nothing, nothing, nothing, row(), np.zeros(4, np.int64),
        nothing, (), row(), np.zeros((0, 4), np.bool_),
    )  # fmt: skip

    scores = fused(found, row(0.2, np.nan, 0.8, 0.4))

    assert scores == pytest.approx([0.082, 0.164, 0.328, 0.164])
