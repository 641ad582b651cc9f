"""The catalogue: what it keeps, what it finds, and what it says when the file is no good."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.catalogue import Catalogue
from ingest.chunk import Chunk
from ingest.errors import InvalidInput, Unavailable
from ingest.identify import traits
from ingest.ledger import RecordName
from ingest.papers import Paper
from tests.fakes.given import paper, record


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    yield catalogue
    catalogue.close()


def add(catalogue: Catalogue, paper_id: str, own: Paper, row: int = 0) -> None:
    catalogue.add(paper_id, own, [(0, 5)], [Chunk(0, 5, (0,))], chunk_row=row, sentence_row=2 * row)
    catalogue.own(paper_id, own.strong_keys())


def keep(catalogue: Catalogue, source: str, n: int, paper_id: str, variant: int = 0) -> None:
    own = record(n, key=f"k{n}", raw=f"raw text {n} \ud800")
    name = RecordName(source, f"k{n}", variant)
    catalogue.keep(
        name, paper_id, own, version=2, traits=traits(own.paper), joined_by="title", run=1
    )


def test_a_paper_comes_back_as_it_was(catalogue: Catalogue) -> None:
    own = paper(1, doi="10.1/x", categories=("a", "b"), url="u", pubmed_id="3")
    add(catalogue, "one", own, row=4)
    (found,) = catalogue.by_id(["one"]).values()

    assert (found.paper, found.sentences, found.chunks) == (own, ((0, 5),), (Chunk(0, 5, (0,)),))
    assert (found.chunk_row, found.sentence_row, found.sentence(0)) == (4, 8, own.abstract[:5])


def test_a_changed_paper_leaves_its_old_row_to_readers(catalogue: Catalogue) -> None:
    add(catalogue, "one", paper(1))
    (before, _, _) = catalogue.live()[0]
    add(catalogue, "one", paper(2))
    (after, _, _) = catalogue.live()[0]

    assert [p.paper.title for p in catalogue.papers([after, before])] == [
        paper(2).title,
        paper(1).title,
    ]


def test_retired_rows_that_nothing_uses_are_forgotten(catalogue: Catalogue) -> None:
    for n in range(3):
        add(catalogue, "one", paper(n))
    catalogue.forget_retired([2])

    assert [p.ordinal for p in catalogue.papers([1, 2, 3])] == [2, 3]


@pytest.mark.parametrize(
    "name",
    [
        "one",
        "10.1/x",
        "10.1/X",
        "https://doi.org/10.1/x",
        "doi:10.1/x",
        "2001.00001",
        "arXiv:2001.00001v4",
        "https://arxiv.org/abs/2001.00001v1",
        "123",
        "PMID: 123",
        "k1",
        " k1 ",
    ],
)
def test_a_paper_is_found_by_any_of_its_names(catalogue: Catalogue, name: str) -> None:
    add(catalogue, "one", paper(1, doi="10.1/X", arxiv_id="2001.00001", pubmed_id="123"))
    keep(catalogue, "s", 1, "one")
    found = catalogue.find(name)

    assert found is not None
    assert found.id == "one"


def test_an_unknown_name_finds_nothing(catalogue: Catalogue) -> None:
    assert catalogue.find("nothing") is None


def test_a_record_comes_back_as_it_was(catalogue: Catalogue) -> None:
    keep(catalogue, "s", 1, "one")
    (found,) = catalogue.records_of(["one"])

    assert (found.said.paper, found.said.version) == (paper(1), 2)
    assert (found.locator, found.joined_by) == ("record 1", "title")


def test_the_text_as_received_comes_back(catalogue: Catalogue) -> None:
    keep(catalogue, "s", 1, "one")

    assert catalogue.raw(RecordName("s", "k1", 0)) == "raw text 1 \ud800"


def test_a_record_replaces_what_was_under_its_name(catalogue: Catalogue) -> None:
    keep(catalogue, "s", 1, "one")
    keep(catalogue, "s", 1, "two")

    assert [r.paper_id for r in catalogue.records_of(["one", "two"])] == ["two"]


def test_known_records_come_by_source_and_name(catalogue: Catalogue) -> None:
    keep(catalogue, "s", 1, "one")
    keep(catalogue, "s", 1, "two", variant=1)
    keep(catalogue, "other", 1, "three")
    found = catalogue.known("s", ["k1", "k2"])

    assert {n: [k.paper_id for k in own] for n, own in found.items()} == {"k1": ["one", "two"]}


def test_sources_are_counted_by_their_papers(catalogue: Catalogue) -> None:
    for n, source in enumerate(["a", "b", "b"]):
        keep(catalogue, source, n, f"p{n}")

    assert catalogue.sources() == [("b", 2), ("a", 1)]
    assert sorted(catalogue.ids_from(["a", "b"])) == ["p0", "p1", "p2"]
    assert list(catalogue.sources_of(["p0"])) == [("p0", "a")]


def test_an_identity_stays_with_the_paper_that_has_it(catalogue: Catalogue) -> None:
    catalogue.own("one", ["doi:x"])
    catalogue.own("two", ["doi:x", "doi:y"])

    assert catalogue.owners(["doi:x", "doi:y"]) == {"doi:x": "one", "doi:y": "two"}


def test_an_identity_that_no_record_has_any_more_is_free(catalogue: Catalogue) -> None:
    catalogue.own("one", ["doi:wrong"])
    catalogue.own("one", ["doi:right"])

    assert catalogue.owners(["doi:wrong", "doi:right"]) == {"doi:right": "one"}


def test_runs_are_listed_newest_first(catalogue: Catalogue) -> None:
    catalogue.finish_run(catalogue.start_run(["a"]), {"new": 1})
    catalogue.start_run(["b"])
    found = [(r.sources, r.finished_at is None, r.report) for r in catalogue.runs()]

    assert found == [(("b",), True, {}), (("a",), False, {"new": 1})]


def test_a_failed_transaction_leaves_nothing(catalogue: Catalogue) -> None:
    def fail() -> None:
        with catalogue.transaction():
            catalogue.set_meta("a", "b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert catalogue.meta("a") is None


def test_a_rehearsal_leaves_nothing(catalogue: Catalogue) -> None:
    with catalogue.rehearsal(), catalogue.transaction():
        catalogue.set_meta("a", "b")

    assert catalogue.meta("a") is None


def test_threads_may_share_it(catalogue: Catalogue) -> None:
    for n in range(20):
        add(catalogue, f"p{n}", paper(n))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(catalogue.live()))) for _ in "123"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [20, 20, 20]


def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_bytes(b"not a database " * 1000)

    with pytest.raises(Unavailable, match="The catalogue is damaged"):
        Catalogue(tmp_path / "catalogue.sqlite")


def test_a_catalogue_of_another_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(InvalidInput, match="another version of Citelight"):
        Catalogue(tmp_path / "catalogue.sqlite")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="cannot be used"):
        Catalogue(tmp_path / "file" / "home" / "catalogue.sqlite")


def test_a_whole_file_has_no_problem(catalogue: Catalogue) -> None:
    assert catalogue.problem() is None
