"""What was joined and why, and what looks alike but was left apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.build import ingest
from ingest.duplicates import joined, linked
from ingest.library import Library
from tests.fakes.given import given, library, paper, record


@pytest.fixture
def lib(tmp_path: Path) -> Iterator[Library]:
    lib = library(tmp_path / "home")
    yield lib
    lib.close()


def test_joined_papers_say_what_joined_them(lib: Library) -> None:
    ingest(lib, given(record(1, doi="10.1/x"), name="a"))
    ingest(lib, given(record(1, doi="10.1/x", venue="V"), record(1, key="m"), name="b"))
    (found,) = joined(lib.catalogue)

    assert found.title == paper(1).title
    assert [(p.source, p.record, p.why) for p in found.parts] == [
        ("a", "record 1", ""),
        ("b", "record 1", "doi:10.1/x"),
        ("b", "record 1", "title"),
    ]


def test_papers_that_a_record_joined_are_told(lib: Library) -> None:
    ingest(lib, given(record(1, doi="10.1/x"), name="a"))
    ingest(lib, given(record(2, arxiv_id="2001.00001"), name="b"))
    ingest(lib, given(record(3, doi="10.1/x", arxiv_id="2001.00001"), name="c"))
    (found,) = joined(lib.catalogue)

    assert [(p.source, p.why) for p in found.parts] == [
        ("a", ""),
        ("b", "another record"),
        ("c", "doi:10.1/x"),
    ]


def test_papers_of_one_record_are_not_listed(lib: Library) -> None:
    ingest(lib, given(record(1), record(2)))

    assert (list(joined(lib.catalogue)), list(linked(lib.catalogue))) == ([], [])


def test_an_extended_version_is_linked(lib: Library) -> None:
    ingest(lib, given(record(1), record(1, title=paper(1).title + " (extended version)")))
    (found,) = linked(lib.catalogue)

    assert (len(found.paper_ids), found.alike, found.why_apart) == (2, "title", "different titles")


def test_one_title_with_two_dois_is_linked(lib: Library) -> None:
    ingest(lib, given(record(1, doi="10.1/x"), record(1, doi="10.1/y")))
    (found,) = linked(lib.catalogue)

    assert (found.alike, found.why_apart) == ("title", "different identifiers")


def test_one_abstract_under_two_titles_is_linked(lib: Library) -> None:
    ingest(lib, given(record(1), record(1, title="Something else")))
    (found,) = linked(lib.catalogue)

    assert (found.alike, found.why_apart) == ("abstract", "different titles")
