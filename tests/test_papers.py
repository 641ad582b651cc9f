"""What makes two records the same paper."""

from ingest.papers import Paper, arxiv_key, clean, digest, normalised


def test_clean_drops_control_characters_and_surrogates() -> None:
    assert clean(" a\x00b\ud800c\n") == "abc"


def test_clean_composes_accents() -> None:
    assert clean("e\u0301") == "\u00e9"


def test_digest_keeps_the_borders_of_its_parts() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_titles_are_compared_without_case_accents_and_signs() -> None:
    assert normalised("Naïve  Bayes: A (Re)view!") == "naive bayes a re view"


def test_identities_come_strongest_first() -> None:
    paper = Paper(
        title="T", abstract="A.", doi="10.1/X", arxiv_id="2001.00001", pubmed_id="7", s2_id="Z"
    )

    assert list(paper.identities()) == [
        "doi:10.1/x",
        "arxiv:2001.00001",
        "pubmed:7",
        "s2:z",
        "title:t||",
    ]


def test_an_arxiv_doi_names_the_arxiv_paper() -> None:
    paper = Paper(title="T", abstract="A.", doi="10.48550/arXiv.2001.00001")

    assert list(paper.strong_keys()) == ["doi:10.48550/arxiv.2001.00001", "arxiv:2001.00001"]


def test_versions_of_an_arxiv_paper_are_one_paper() -> None:
    assert arxiv_key("2001.00001v3") == arxiv_key("arXiv:2001.00001")


def test_an_untitled_paper_is_named_by_its_abstract() -> None:
    papers = [Paper(title=t, abstract="Same.", is_title_derived=True) for t in ("A", "B")]

    assert [*papers[0].identities()] == [*papers[1].identities()]


def test_the_revision_changes_with_every_field() -> None:
    one = Paper(title="T", abstract="A.")
    others = [
        Paper(title="U", abstract="A."),
        Paper(title="T", abstract="A.", year=2020),
        Paper(title="T", abstract="A.", is_summary=True),
    ]

    assert len({one.revision, *(p.revision for p in others)}) == 4
