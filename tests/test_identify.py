"""Which records are one paper: identifiers decide, then titles, abstracts and keys."""

from pathlib import Path

import pytest

from ingest.build import ingest
from ingest.errors import CitelightError
from ingest.identify import conflict, fits, is_alike, traits
from ingest.library import Library
from ingest.papers import Paper, Record
from tests.fakes.given import given, library, paper, record


@pytest.fixture
def lib(tmp_path: Path) -> "Library":
    return library(tmp_path / "home")


def stored(lib: Library, *records: Record, one_by_one: bool = True) -> list[Paper]:
    """The papers after these records, in the order of their titles; each came in a run of its
    own, or all in one batch."""
    try:
        batches = [[r] for r in records] if one_by_one else [list(records)]
        for n, batch in enumerate(batches):
            ingest(lib, given(*batch, name=f"{n}.jsonl"))
        ordinals = [ordinal for ordinal, _, _ in lib.catalogue.live()]
        return sorted((p.paper for p in lib.papers(ordinals)), key=lambda p: p.title)
    finally:
        lib.close()


BOTH = pytest.mark.parametrize("one_by_one", [True, False], ids=["in runs", "in one batch"])


@BOTH
def test_a_shared_doi_makes_one_paper(lib: Library, one_by_one: bool) -> None:
    first, second = record(1, doi="10.1/x"), record(2, doi="10.1/X", venue="V")

    assert len(stored(lib, first, second, one_by_one=one_by_one)) == 1


@BOTH
def test_a_record_with_ids_of_two_papers_joins_them(lib: Library, one_by_one: bool) -> None:
    records = [
        record(1, doi="10.1/x"),
        record(2, arxiv_id="2001.00001", venue="arXiv"),
        record(3, doi="10.1/x", arxiv_id="2001.00001", year=2021),
    ]
    (one,) = stored(lib, *records, one_by_one=one_by_one)

    assert (one.doi, one.arxiv_id, one.venue) == ("10.1/x", "2001.00001", "arXiv")


@BOTH
def test_a_joined_paper_is_found_by_its_old_id(lib: Library, one_by_one: bool) -> None:
    ingest(lib, given(record(2, arxiv_id="2001.00001")))
    old = lib.catalogue.live()[0][1]
    ingest(lib, given(record(1, doi="10.1/x"), name="b"))
    ingest(lib, given(record(3, doi="10.1/x", arxiv_id="2001.00001"), name="c"))
    found = lib.catalogue.find(old)
    lib.close()

    assert found is not None
    assert found.paper.doi == "10.1/x"


@BOTH
def test_two_dois_of_publishers_are_two_papers(lib: Library, one_by_one: bool) -> None:
    records = [record(1, doi="10.1/x"), record(1, doi="10.1/y")]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 2


@BOTH
def test_a_preprints_doi_does_not_part_papers(lib: Library, one_by_one: bool) -> None:
    records = [record(1, doi="10.1/x"), record(1, doi="10.48550/arxiv.2001.00001", year=2019)]
    (one,) = stored(lib, *records, one_by_one=one_by_one)

    assert one.doi == "10.1/x"


@BOTH
def test_different_dois_part_papers_of_one_arxiv_id(lib: Library, one_by_one: bool) -> None:
    records = [
        record(1, doi="10.1/x", arxiv_id="2001.00001"),
        record(2, doi="10.1/y", arxiv_id="2001.00001"),
    ]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 2


def test_arxiv_versions_are_one_paper_with_the_newest_text(lib: Library) -> None:
    new = record(1, arxiv_id="2001.00001", abstract="New text.", raw="2001.00001v2")
    old = record(1, arxiv_id="2001.00001", abstract="The old and longer.", raw="2001.00001v1")

    assert [p.abstract for p in stored(lib, new, old)] == ["New text."]


@BOTH
def test_a_bare_title_joins_the_paper_with_author_and_year(lib: Library, one_by_one: bool) -> None:
    records = [record(1, doi="10.1/x"), record(1, authors=(), year=None)]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 1


@BOTH
def test_author_and_year_join_the_paper_of_a_bare_title(lib: Library, one_by_one: bool) -> None:
    records = [record(1, authors=(), year=None), record(1, doi="10.1/x")]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 1


@BOTH
def test_a_bare_title_of_several_papers_joins_none(lib: Library, one_by_one: bool) -> None:
    records = [
        record(1, doi="10.1/x"),
        record(1, doi="10.1/y"),
        record(1, authors=(), year=None),
        record(1, authors=(), year=None, venue="V"),
    ]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 3


@BOTH
def test_another_first_author_is_another_paper(lib: Library, one_by_one: bool) -> None:
    records = [record(1), record(1, authors=("Bo Other",))]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 2


@BOTH
def test_two_texts_of_a_common_title_are_two_papers(lib: Library, one_by_one: bool) -> None:
    records = [
        record(1, title="Editorial", authors=(), abstract="Welcome to the spring of moles."),
        record(2, title="Editorial", authors=(), abstract="Autumn came, and with it all newts."),
    ]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 2


@BOTH
def test_a_summary_joins_the_paper_of_its_title(lib: Library, one_by_one: bool) -> None:
    records = [record(1), record(1, abstract="Other words altogether.", is_summary=True)]

    assert [p.is_summary for p in stored(lib, *records, one_by_one=one_by_one)] == [False]


@BOTH
def test_an_extended_version_is_not_merged(lib: Library, one_by_one: bool) -> None:
    records = [record(1), record(1, title=paper(1).title + " (Extended Version)")]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 2


@BOTH
def test_an_untitled_record_joins_the_paper_of_its_abstract(lib: Library, one_by_one: bool) -> None:
    untitled = record(1, title="We watch bats", is_title_derived=True, authors=(), year=None)
    (one,) = stored(lib, untitled, record(1), one_by_one=one_by_one)

    assert one.title == paper(1).title


@BOTH
def test_titled_papers_of_one_abstract_stay_two(lib: Library, one_by_one: bool) -> None:
    records = [record(1), record(1, title="Something else")]

    assert len(stored(lib, *records, one_by_one=one_by_one)) == 2


def test_a_corrected_title_under_the_same_key_updates_the_paper(lib: Library) -> None:
    ingest(lib, given(record(1, key="k", title="On bast")))
    ingest(lib, given(record(1, key="k", title="On bats")))
    titles = [p.paper.title for p in lib.papers([o for o, _, _ in lib.catalogue.live()])]
    lib.close()

    assert titles == ["On bats"]


def test_one_key_in_two_files_of_one_name_is_two_papers(lib: Library) -> None:
    ingest(lib, given(record(1, key="1", authors=()), name="corpus.jsonl"))
    ingest(lib, given(record(2, key="1", authors=()), name="corpus.jsonl"))
    n_records = len(list(lib.catalogue.records_of([i for _, i, _ in lib.catalogue.live()])))
    n_papers = lib.catalogue.n_papers()
    lib.close()

    assert (n_papers, n_records) == (2, 2)


def test_a_paper_found_again_after_removal_has_its_old_id(lib: Library) -> None:
    ingest(lib, given(record(1)))
    old = lib.catalogue.live()[0][1]
    lib.catalogue.forget_source("a.jsonl")
    lib.catalogue.retire([old])
    ingest(lib, given(record(1)))
    new = lib.catalogue.live()[0][1]
    lib.close()

    assert new == old


def test_the_strongest_identifier_both_have_decides() -> None:
    assert conflict({"doi:10.1/x", "pubmed:1"}, {"doi:10.1/y", "pubmed:1"})
    assert not conflict({"doi:10.1/x", "pubmed:1"}, {"doi:10.1/x", "pubmed:2"})
    assert not conflict({"doi:10.1/x"}, {"pubmed:2"})
    assert not conflict({"s2:a"}, {"s2:b"})


def test_years_may_differ_by_one() -> None:
    assert fits(paper(1, year=2020), paper(1, year=2021))
    assert not fits(paper(1, year=2020), paper(1, year=2022))


def test_texts_are_alike_when_half_of_the_shorter_is_shared() -> None:
    assert is_alike("a b c d", "a b x y z")
    assert not is_alike("a b c d", "a x y z w")


def test_the_stem_of_a_title_leaves_out_the_edition() -> None:
    stems = {
        traits(paper(title=t)).stem
        for t in (
            "Owls",
            "Owls (extended version)",
            "Owls: technical report",
            "Owls, an extended abstract",
        )
    }

    assert len(stems) == 1


def test_a_derived_title_is_no_title() -> None:
    assert traits(paper(title="We watch", is_title_derived=True)).title == 0


def test_no_rule_raises_on_empty_texts(lib: Library) -> None:
    try:
        stored(lib, record(1, title="", abstract="-", is_title_derived=True))
    except CitelightError as error:  # pragma: no cover
        pytest.fail(str(error))
