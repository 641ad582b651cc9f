"""One paper out of several records: documented precedence, nothing lost, in whatever order."""

from itertools import permutations

import pytest

from ingest.merge import Said, arxiv_version, is_repository, merge
from ingest.papers import Paper, Record


def test_every_field_that_a_record_has_the_paper_has() -> None:
    said = [
        Said(Paper(title="T", abstract="Long abstract.", doi="10.1/x", authors=("A B",))),
        Said(Paper(title="T", abstract="Short.", arxiv_id="2001.00001", year=2020, venue="V")),
        Said(Paper(title="T", abstract="", pubmed_id="7", url="u", categories=("c",), s2_id="s")),
    ]

    assert merge(said) == Paper(
        title="T",
        abstract="Long abstract.",
        authors=("A B",),
        year=2020,
        venue="V",
        url="u",
        doi="10.1/x",
        arxiv_id="2001.00001",
        pubmed_id="7",
        s2_id="s",
        categories=("c",),
    )


def test_the_order_of_records_does_not_matter() -> None:
    said = [
        Said(Paper(title="T", abstract="One text.", doi="10.1/x", venue="V", categories=("a",))),
        Said(Paper(title="T", abstract="Two text.", year=2019, venue="W", categories=("b",))),
        Said(Paper(title="T", abstract="Old text, longer.", arxiv_id="2001.00001", year=2018), 1),
        Said(Paper(title="T", abstract="New text.", arxiv_id="2001.00001"), 2),
    ]

    assert len({merge(order) for order in permutations(said)}) == 1


def test_one_record_is_the_paper_itself() -> None:
    paper = Paper(title="T", abstract="A.", categories=("b", "a"), authors=("A", "B"), year=1999)

    assert merge([Said(paper)]) == paper


def test_an_authors_abstract_comes_before_a_summary() -> None:
    said = [Said(Paper(title="S", abstract="A long summary.", is_summary=True))]
    said.append(Said(Paper(title="T", abstract="Short.")))

    assert merge(said) == Paper(title="T", abstract="Short.")


def test_a_real_title_comes_with_its_own_abstract() -> None:
    derived = Paper(title="We show", abstract="We show much more.", is_title_derived=True)

    assert merge([Said(derived), Said(Paper(title="T", abstract="We show."))]).title == "T"


def test_the_newest_arxiv_version_comes_before_a_longer_old_one() -> None:
    old = Said(Paper(title="T", abstract="An old and long text.", arxiv_id="2001.00001"), 1)
    new = Said(Paper(title="T", abstract="New.", arxiv_id="2001.00001"), 2)

    assert merge([old, new]).abstract == "New."


def test_a_publication_dates_the_paper() -> None:
    preprint = Paper(
        title="T", abstract="A longer text.", doi="10.48550/arXiv.2001.00001", year=2020, venue="x"
    )
    published = Paper(title="T", abstract="A.", doi="10.1/x", year=2021, venue="Journal")
    merged = merge([Said(preprint), Said(published)])

    assert (merged.doi, merged.year, merged.venue) == ("10.1/x", 2021, "Journal")


@pytest.mark.parametrize(
    "doi",
    ["10.48550/arXiv.1", "10.1101/2020.01.02.123456", "10.2139/ssrn.1", "10.5281/zenodo.1"],
)
def test_repositories_are_known_by_their_dois(doi: str) -> None:
    assert is_repository(doi)


@pytest.mark.parametrize("doi", ["10.1101/gr.123", "10.1145/1.2", "10.1016/j.x.2020.1"])
def test_publishers_dois_are_no_repositories(doi: str) -> None:
    assert not is_repository(doi)


def test_the_version_is_read_from_key_and_raw_text() -> None:
    paper = Paper(title="T", abstract="A.", arxiv_id="2001.00001")
    record = Record(paper, "1", "see 2001.00001v2", "http://arxiv.org/abs/2001.00001v3")

    assert arxiv_version(record) == 3


def test_a_record_that_names_no_version_has_version_0() -> None:
    assert arxiv_version(Record(Paper(title="T", abstract="A."), "1", "v2", None)) == 0
