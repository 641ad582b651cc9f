"""Exports and API answers: what each genuine file holds, and what each format means by a field."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from ingest.papers import Paper, Record, Rejection
from ingest.sources import discover, source_of

TESTS = Path(__file__).parent
GENUINE = TESTS.parents[1] / "shared" / "data" / "formats"
TABLE = tomllib.loads((TESTS / "formats.toml").read_text("utf-8"))
needs_genuine = pytest.mark.skipif(not GENUINE.is_dir(), reason="the genuine files are not here")
ABSTRACT = "We show that it works. It works well on all four data sets."


def items_of(
    text: str | bytes, field_map: dict[str, str] | None = None
) -> list[Record | Rejection]:
    data = text.encode() if isinstance(text, str) else text
    return list(source_of("file", data, field_map).records())


def papers_of(text: str | bytes, field_map: dict[str, str] | None = None) -> list[Paper]:
    items = items_of(text, field_map)
    assert all(isinstance(item, Record) for item in items), items
    return [item.paper for item in items if isinstance(item, Record)]


def paper_in(path: str, n: int = 0) -> Paper:
    items = [item for source in discover(GENUINE / path) for item in source.records()]
    return [item.paper for item in items if isinstance(item, Record)][n]


@needs_genuine
def test_the_table_names_every_genuine_file() -> None:
    files = {path.relative_to(GENUINE).as_posix() for path in GENUINE.rglob("*") if path.is_file()}

    assert TABLE.keys() == files - {"README.md"}


@needs_genuine
@pytest.mark.parametrize("name", TABLE)
def test_a_genuine_file_holds_what_the_table_says(name: str) -> None:
    truth = TABLE[name]
    if "refused" in truth:
        with pytest.raises(InvalidInput, match=truth["refused"]):
            [list(source.records()) for source in discover(GENUINE / name)]
        return
    (source,) = discover(GENUINE / name)
    items = list(source.records())
    reasons = Counter(
        item.reason.partition(" of “")[0] for item in items if isinstance(item, Rejection)
    )

    assert {"format": source.kind, "records": len(items), "rejected": dict(reasons)} == {
        "format": truth["format"],
        "records": truth["records"],
        "rejected": truth.get("rejected", {}),
    }
    assert len(items) - reasons.total() == truth["with_abstract"]


@needs_genuine
def test_no_genuine_text_keeps_markup_or_double_spaces() -> None:
    found = [
        (source.name, text[:80])
        for source in discover(GENUINE)
        if source.kind
        for item in source.records()
        if isinstance(item, Record)
        for text in (item.paper.title, item.paper.abstract)
        if "  " in text or "<i>" in text or "jats:" in text or "&lt;" in text or "Ã" in text[:-1]
        if "ÇÃO" not in text
    ]

    assert found == []


@needs_genuine
def test_pubmed_abstracts_keep_their_labels() -> None:
    abstract = paper_in("pubmed_xml/biopython_pubmed4.xml").abstract

    assert abstract.startswith("OBJECTIVE: Telomere shortening occurs")
    assert " DESIGN: We measured" in abstract
    assert " CONCLUSIONS: Prediagnostic leucocyte" in abstract


@needs_genuine
def test_pubmed_italics_and_formulas_become_text() -> None:
    title = paper_in("pubmed_xml/biopython_pubmed4.xml").title
    formulas = paper_in("pubmed_xml/jabref_MedlineImporterTestMathML.xml").abstract

    assert "variants at the TERT gene region" in title
    assert formulas.startswith("Following are examples of MathML elements: η_p^2 ∞")
    assert "(a, b, c)" in formulas
    assert "∑_(i = 1)^n" in formulas


@needs_genuine
def test_the_same_records_come_alike_from_every_reference_manager() -> None:
    folder = "reference_manager_exports/Datasets"
    names = [
        f"{folder}/RIS/_baseline_{name}.ris" for name in ("zotero", "rayyan", "covidence_endnote")
    ] + [f"{folder}/CSV/_baseline_{name}.csv" for name in ("zotero", "covidence", "embase")]
    papers = [paper_in(name) for name in (*names, f"{folder}/XLSX/_baseline_embase.xlsx")]

    assert len({paper.abstract for paper in papers}) == 1
    assert {paper.authors[:2] for paper in papers} == {("Z. Yang", "B. Jiang")}
    assert {paper.doi for paper in papers} == {"10.1038/s41467-024-48400-3"}
    assert {paper.year for paper in papers} == {2024}


@needs_genuine
def test_openalex_inverted_index_is_put_in_order() -> None:
    paper = paper_in("openalex/search_title_paperqa.json")

    assert paper.abstract.startswith("Large Language Models (LLMs) generalize well across")
    assert (paper.openalex_id, paper.arxiv_id, paper.year) == ("W4389761608", "2312.07559", 2023)


@needs_genuine
def test_arxiv_versions_are_taken_off() -> None:
    paper = paper_in("arxiv_atom/id_1605.08386.xml")

    assert (paper.arxiv_id, paper.url) == ("1605.08386", "https://arxiv.org/abs/1605.08386")


@needs_genuine
def test_markdown_summaries_are_marked_as_no_abstracts() -> None:
    table = paper_in("markdown/daily-ai-papers_2025-09-30.md")
    headings = paper_in("markdown/daily_arxiv_2026-06-25.md")

    assert table.is_summary
    assert table.title == (
        "SLA: Beyond Sparsity in Diffusion Transformers via Fine-Tunable Sparse-Linear Attention"
    )
    assert table.arxiv_id == "2509.24006"
    assert not headings.is_summary
    assert headings.abstract.startswith("We present Wan-Streamer")


def test_json_lines_field_names_and_their_synonyms_are_read() -> None:
    record = {
        "_id": "d1",
        "title": "A Title",
        "text": ABSTRACT,
        "authors": "Curie, Marie; Noether, Emmy",
        "published": "2021-03-04",
        "journal": "J. Tests",
        "doi": "https://doi.org/10.1000/ABC",
        "arxivId": "2103.00001v2",
        "pmid": 123,
        "keywords": ["a", "b"],
    }
    item, _ = items_of(f"{json.dumps(record)}\n{{}}\n")

    assert isinstance(item, Record)
    assert (item.key, item.locator) == ("d1", "line 1")
    assert item.paper == Paper(
        title="A Title",
        abstract=ABSTRACT,
        authors=("Marie Curie", "Emmy Noether"),
        year=2021,
        venue="J. Tests",
        doi="10.1000/abc",
        arxiv_id="2103.00001",
        pubmed_id="123",
        categories=("a", "b"),
    )


def test_an_id_alone_is_no_arxiv_id() -> None:
    (paper,) = papers_of(json.dumps({"id": "2103.00001", "title": "T", "abstract": ABSTRACT}))

    assert paper.arxiv_id is None


@pytest.mark.parametrize(
    "authors",
    [
        ["Marie Curie", "Emmy Noether"],
        [{"name": "Marie Curie"}, {"given": "Emmy", "family": "Noether"}],
        "Marie Curie and Emmy Noether",
        "Marie Curie, Emmy Noether",
        "Curie, Marie; Noether, Emmy",
        [["Curie", "Marie", ""], ["Noether", "Emmy", ""]],
    ],
)
def test_authors_come_alike_from_every_form(authors: object) -> None:
    (paper,) = papers_of(json.dumps({"title": "T", "abstract": ABSTRACT, "authors": authors}))

    assert paper.authors == ("Marie Curie", "Emmy Noether")


def test_a_damaged_line_is_rejected_alone() -> None:
    good = json.dumps({"title": "T", "abstract": ABSTRACT})
    items = items_of(f'{good}\n{{"title": "cut\n{good}\n')

    assert [type(item) for item in items] == [Record, Rejection, Record]
    assert isinstance(items[1], Rejection)
    assert items[1].locator == "line 2"
    assert items[1].reason.startswith("not valid JSON")


def test_untitled_records_get_a_label_and_those_without_abstract_are_rejected() -> None:
    untitled, empty = items_of(f'[{{"title": "", "abstract": "{ABSTRACT}"}}, {{"title": "T"}}]')

    assert isinstance(untitled, Record)
    assert untitled.paper.is_title_derived
    assert untitled.paper.title == "Untitled: “We show that it works. It works well on …”"
    assert empty == Rejection("record 2", "no abstract of “T”", '{"title":"T"}')


def test_is_summary_is_read() -> None:
    (paper,) = papers_of(json.dumps({"title": "T", "abstract": ABSTRACT, "is_summary": True}))

    assert paper.is_summary


@pytest.mark.parametrize(
    "text",
    ['[{"headline": "T", "body": "We show it."}]', "headline,body\nT,We show it.\n"],
)
def test_a_field_map_names_the_fields(text: str) -> None:
    (paper,) = papers_of(text, {"title": "headline", "abstract": "body"})

    assert (paper.title, paper.abstract) == ("T", "We show it.")


def test_a_field_map_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there is no field 'tittle'"):
        items_of("[]", {"tittle": "headline"})


def test_records_keyed_by_their_ids_are_read() -> None:
    (item,) = items_of(json.dumps({"p1": {"title": "T", "abstract": ABSTRACT}}))

    assert isinstance(item, Record)
    assert item.key == "p1"


def test_a_service_error_in_json_is_named() -> None:
    with pytest.raises(InvalidInput, match="error message: Too many requests"):
        items_of('{"error": "Too many requests"}')


def test_an_arxiv_snapshot_line_is_read() -> None:
    line = {
        "id": "hep-ph/9901234",
        "submitter": "A",
        "authors": "C. Bal\\'azs, E. L. Berger",
        "title": "Calculation of\n  diphotons",
        "journal-ref": "Phys.Rev.D76",
        "doi": "10.1103/PhysRevD.76.013009",
        "categories": "hep-ph hep-ex",
        "abstract": f"  {ABSTRACT}\n",
        "versions": [{"version": "v1", "created": "Mon, 2 Apr 1999 19:18:42 GMT"}],
        "update_date": "2008-11-26",
        "authors_parsed": [["Balázs", "C.", ""], ["Berger", "E. L.", ""]],
    }
    (paper,) = papers_of(json.dumps(line) + "\n")

    assert paper == Paper(
        title="Calculation of diphotons",
        abstract=ABSTRACT,
        authors=("C. Balázs", "E. L. Berger"),
        year=1999,
        venue="Phys.Rev.D76",
        url="https://arxiv.org/abs/hep-ph/9901234",
        doi="10.1103/physrevd.76.013009",
        arxiv_id="hep-ph/9901234",
        categories=("hep-ph", "hep-ex"),
    )


def test_crossref_markup_becomes_text_with_labels() -> None:
    work = {
        "DOI": "10.1000/X",
        "title": ["On <i>E. coli</i>"],
        "abstract": (
            "<jats:title>Abstract</jats:title><jats:sec><jats:title>Aims</jats:title><jats:p>To see"
            " H<jats:sub>2</jats:sub>O at p &lt; 0.05.</jats:p></jats:sec><jats:sec><jats:title>"
            "Results</jats:title><jats:p>We saw.</jats:p></jats:sec>"
        ),
        "issued": {"date-parts": [[2019, 5]]},
        "author": [{"given": "Marie", "family": "Curie"}, {"name": "The Team"}],
        "container-title": ["J. Tests"],
    }
    (paper,) = papers_of(json.dumps({"message": {"items": [work]}}))

    assert paper == Paper(
        title="On E. coli",
        abstract="Aims: To see H2O at p < 0.05. Results: We saw.",
        authors=("Marie Curie", "The Team"),
        year=2019,
        venue="J. Tests",
        url="https://doi.org/10.1000/x",
        doi="10.1000/x",
    )


def test_zotero_notes_are_no_papers() -> None:
    (item,) = items_of('[{"key": "A", "data": {"itemType": "note", "note": "remember"}}]')

    assert isinstance(item, Rejection)
    assert item.reason == "no paper but a Zotero note"


def test_bibtex_accents_strings_and_crossrefs_are_resolved() -> None:
    text = r"""
    @string{jot = "Journal of " # "Tests"}
    @inproceedings{a, title={{On} \emph{K{\"u}gelgen}}, author={Sch{\"o}lkopf, Bernhard and
      {The Big and Small Team}}, crossref={p}, abstract={At 50% of $x^2$ it works~\cite{b}.}}
    @article{b, title="B", journal=jot, year=2001, abstract="Yes."}
    @proceedings{p, booktitle={Proc. of Tests}, year={1999}}
    """
    first, second, third = items_of(text)

    assert isinstance(first, Record)
    assert first.paper == Paper(
        title="On Kügelgen",
        abstract="At 50% of $x^2$ it works.",
        authors=("Bernhard Schölkopf", "The Big and Small Team"),
        year=1999,
        venue="Proc. of Tests",
    )
    assert isinstance(second, Record)
    assert (second.paper.venue, second.key) == ("Journal of Tests", "b")
    assert isinstance(third, Rejection)


def test_a_broken_bibtex_entry_is_rejected_alone_and_a_second_key_kept() -> None:
    text = (
        "@article{a, title={One}, abstract={Yes.}}\n@article{a, title={Two}, abstract={Yes.}}\n"
        '@article{b, title={Three}, abstract="no end\n@article{c, title={Four}, abstract={Yes.}}\n'
    )
    items = items_of(text)

    assert [item.paper.title for item in items if isinstance(item, Record)] == [
        "One",
        "Two",
        "Four",
    ]
    assert [item.locator for item in items if isinstance(item, Rejection)] == ["record 3, line 3"]


def test_ris_wrapped_lines_lost_ends_and_banners_are_read() -> None:
    text = (
        "1.\nTY  - JOUR\nTI  - One\nAU  - Curie, M.\nAB  - First line\nsecond line\n\n"
        "2.\nTY  - JOUR\nT1  - Two\nN2  - Yes.\nPY  - 2001/09/01/\nER  - \n"
    )
    papers = papers_of(text)

    assert [(paper.title, paper.abstract, paper.year) for paper in papers] == [
        ("One", "First line second line", None),
        ("Two", "Yes.", 2001),
    ]


def test_endnote_refer_is_read() -> None:
    (paper,) = papers_of("%0 Journal Article\n%T One\n%A Curie, M.\n%D 1903\n%X Yes,\nit does.\n")

    assert paper == Paper(title="One", abstract="Yes, it does.", authors=("M. Curie",), year=1903)


def test_old_encodings_are_read() -> None:
    (ris,) = papers_of("TY  - JOUR\nTI  - Über\nAB  - Naïve façade.\nER  - \n".encode("cp1252"))
    (table,) = papers_of("title;abstract\nÜber;Naïve façade.\n".encode("utf-16"))

    assert (ris.title, ris.abstract) == ("Über", "Naïve façade.")
    assert (table.title, table.abstract) == ("Über", "Naïve façade.")


def test_a_row_with_surplus_cells_is_rejected() -> None:
    good, bad = items_of("title,abstract\nOne,Yes.\nTwo,Yes, and, no.\n")

    assert isinstance(good, Record)
    assert isinstance(bad, Rejection)
    assert bad.reason.startswith("4 cells under a header of 2")
    assert bad.raw == "Two,Yes, and, no."


def test_text_misread_as_latin_1_is_set_right() -> None:
    (paper,) = papers_of('[{"title": "JosÃ© donâ€™t", "abstract": "ANALÍTICA, Ã— 2 and ÇÃO."}]')

    assert (paper.title, paper.abstract) == ("José don’t", "ANALÍTICA, × 2 and ÇÃO.")


@pytest.mark.parametrize(
    ("received", "kept"),
    [
        ("Abstract: We show it.", "We show it."),
        ("Abstract Background We show it.", "Background We show it."),
        ("Abstract Interpretation is a theory.", "Abstract Interpretation is a theory."),
        (f"{ABSTRACT * 3} © 2023 The Authors. Published by X.", ABSTRACT * 3),
        (f"{ABSTRACT * 3} It is © us.", f"{ABSTRACT * 3} It is © us."),
    ],
)
def test_headings_and_copyright_notices_are_no_abstract(received: str, kept: str) -> None:
    (paper,) = papers_of(json.dumps([{"title": "T", "abstract": received}]))

    assert paper.abstract == kept


@pytest.mark.parametrize(
    "text", ["No abstract available", "[No abstract available.]", "n/a", " . "]
)
def test_placeholders_are_no_abstracts(text: str) -> None:
    (item,) = items_of(json.dumps([{"title": "T", "abstract": text}]))

    assert isinstance(item, Rejection)


def test_an_oai_error_is_told_from_an_empty_answer() -> None:
    frame = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{}</OAI-PMH>'
    empty = items_of(frame.format('<error code="noRecordsMatch">None.</error>'))

    assert empty == []
    with pytest.raises(InvalidInput, match="badArgument: No such set"):
        items_of(frame.format('<error code="badArgument">No such set.</error>'))


def test_a_deleted_oai_record_is_rejected() -> None:
    (item,) = items_of(
        '<OAI-PMH><record><header status="deleted"><identifier>x</identifier></header></record>'
        "</OAI-PMH>"
    )

    assert isinstance(item, Rejection)
    assert item.reason == "deleted by its repository"
