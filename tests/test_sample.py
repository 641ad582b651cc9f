"""The bundled sample library: true facts in the right form, and summaries fit to be quoted."""

import json
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from ingest.papers import Paper, Record
from ingest.sample import SAMPLE, SOURCE
from ingest.sentences import split_sentences
from ingest.sources import discover

ROWS = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
DOI = re.compile(r"10\.\d{4,9}/\S+")
ARXIV_ID = re.compile(r"(\d{2})(0[1-9]|1[0-2])\.(\d{4}|\d{5})")
FIELDS = {"title", "authors", "year", "venue", "url", "abstract", "is_summary", "categories"}
# A quoted sentence stands alone: it must not begin with a word that points at another sentence.
POINTING = re.compile(
    r"(This|That|These|Those|It|Its|They|Their|We|Our|He|His|She|Her|Here|There|Such|However"
    r"|Moreover|Furthermore|Therefore|Thus|Also|The authors?|The papers?)\b"
)


@pytest.fixture(scope="module")
def papers() -> list[Paper]:
    read = [item for source in discover(SAMPLE) for item in source.records()]
    return [item.paper for item in read if isinstance(item, Record)]


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def test_the_sample_stands_beside_its_readme() -> None:
    names = {item.name for item in files("ingest.sample").iterdir()}

    assert {"papers.jsonl", "README.md"} <= names


def test_the_source_is_called_sample() -> None:
    assert SOURCE == "sample"


def test_the_sample_has_at_least_60_papers() -> None:
    assert len(ROWS) >= 60


def test_every_record_of_the_sample_is_read(papers: list[Paper]) -> None:
    assert [paper.title for paper in papers] == [row["title"] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["title"][:40])
def test_a_paper_has_all_its_facts(row: dict[str, object]) -> None:
    ids = row.keys() & {"doi", "arxiv_id"}

    assert ids
    assert row.keys() == FIELDS | ids
    assert all(row.values())


def test_reading_changes_nothing(papers: list[Paper]) -> None:
    names = FIELDS | {"arxiv_id"}
    read = [{name: getattr(paper, name) or None for name in names} for paper in papers]
    told = [{name: row.get(name) for name in names} for row in ROWS]

    assert json.loads(json.dumps(read)) == told


def test_reading_keeps_every_doi(papers: list[Paper]) -> None:
    told = {row["title"]: row["doi"].casefold() for row in ROWS if "doi" in row}

    assert {paper.title: paper.doi for paper in papers if paper.doi} == told


def test_dois_have_the_shape_of_dois() -> None:
    assert [row["doi"] for row in ROWS if "doi" in row and not DOI.fullmatch(row["doi"])] == []


def test_arxiv_ids_have_the_digits_of_their_time() -> None:
    ids = [row["arxiv_id"] for row in ROWS if "arxiv_id" in row]
    found = [match for match in map(ARXIV_ID.fullmatch, ids) if match]

    assert len(found) == len(ids)
    assert [m[0] for m in found if len(m[3]) != (5 if int(m[1]) >= 15 else 4)] == []


def test_no_paper_is_older_than_its_preprint() -> None:
    dated = [row for row in ROWS if "arxiv_id" in row]

    assert [row["title"] for row in dated if row["year"] < 2000 + int(row["arxiv_id"][:2])] == []


def test_addresses_lead_to_the_preprint_or_else_the_doi() -> None:
    starts = [
        f"https://arxiv.org/abs/{row['arxiv_id']}" if "arxiv_id" in row else "https://doi.org/10."
        for row in ROWS
    ]

    assert [
        row["url"] for row, s in zip(ROWS, starts, strict=True) if row["url"][: len(s)] != s
    ] == []


def test_no_two_papers_share_an_identity(papers: list[Paper]) -> None:
    counts = Counter(identity for paper in papers for identity in set(paper.identities()))

    assert [identity for identity, n in counts.items() if n > 1] == []


def test_no_author_stands_twice_on_a_paper() -> None:
    assert [row["title"] for row in ROWS if len(set(row["authors"])) != len(row["authors"])] == []


def test_every_paper_is_marked_as_a_summary(papers: list[Paper]) -> None:
    assert {paper.is_summary for paper in papers} == {True}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["title"][:40])
def test_a_summary_has_4_to_7_sentences(row: dict[str, str]) -> None:
    assert 4 <= len(sentences_of(row["abstract"])) <= 7


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["title"][:40])
def test_a_sentence_of_a_summary_stands_alone(row: dict[str, str]) -> None:
    sentences = sentences_of(row["abstract"])

    assert [s for s in sentences if POINTING.match(s)] == []
    assert [s for s in sentences if not (s[0].isupper() and s.endswith("."))] == []
    assert [s for s in sentences if not 6 <= len(s.split()) <= 45] == []


def test_the_readme_says_that_the_texts_are_our_summaries() -> None:
    readme = (Path(SAMPLE).parent / "README.md").read_text(encoding="utf-8")

    assert "summaries, not the authors' abstracts" in readme
    assert "The bibliographic facts are true" in readme
    assert "`citelight sample remove`" in readme


def test_the_readme_counts_the_papers() -> None:
    readme = (Path(SAMPLE).parent / "README.md").read_text(encoding="utf-8")

    assert f"holds {len(ROWS)} landmark papers" in readme
