"""Sets in BEIR layout: both namings of fields, splits, gzip, and missing or broken files."""

import gzip
from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from service.beir import RetrievalSet
from service.evaluation import retrieval
from tests.conftest import settings

HEADER = "query-id\tcorpus-id\tscore\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, two queries, and a split for each, as BEIR names all of it."""
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "Moss", "text": "Moss on roofs holds rain.", "metadata": {}}\n'
        '{"_id": "d2", "title": "Bees", "text": "Urban bees find flowers in parks."}\n'
    )
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "Where do bees find flowers?", "metadata": {}}\n'
        '{"_id": "q2", "text": "How much rain does moss hold?"}\n'
    )
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels/test.tsv").write_text(f"{HEADER}q1\td2\t1\nq1\td1\t0\n")
    (tmp_path / "qrels/train.tsv").write_text(f"{HEADER}q2\td1\t2\n")
    return tmp_path


def test_a_set_as_beir_gives_it_is_measured(folder: Path) -> None:
    measured = retrieval(RetrievalSet.open(folder), settings(folder / "home"))

    assert measured.summary("ours")["ndcg@10"] == 1.0


def test_the_test_split_is_meant_when_none_is_named(folder: Path) -> None:
    assert RetrievalSet.open(folder).qrels == {"q1": {"d2": 1, "d1": 0}}


def test_a_split_is_chosen_by_name(folder: Path) -> None:
    assert RetrievalSet.open(folder, "train").qrels == {"q2": {"d1": 2}}


def test_only_judged_queries_are_asked(folder: Path) -> None:
    assert list(RetrievalSet.open(folder).queries) == ["q1"]


def test_judgements_beside_the_corpus_come_first(folder: Path) -> None:
    (folder / "qrels.tsv").write_text(f"{HEADER}q2\td1\t1\n")

    assert RetrievalSet.open(folder).qrels == {"q2": {"d1": 1}}


def test_gzipped_files_are_read(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        plain = folder / name
        (folder / f"{name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    measured = retrieval(RetrievalSet.open(folder), settings(folder / "home"))

    assert measured.summary("ours")["ndcg@10"] == 1.0


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(InvalidInput, match=name):
        RetrievalSet.open(folder)


def test_a_missing_split_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"qrels/dev\.tsv"):
        RetrievalSet.open(folder, "dev")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels/test.tsv", f"{HEADER}q1\td2\n"),
        ("qrels/test.tsv", f"{HEADER}q1\td2\tyes\n"),
        ("queries.jsonl", '{"_id": "q1"\n'),
    ],
)
def test_a_damaged_line_is_named(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)

    with pytest.raises(InvalidInput, match=r"line [12]"):
        RetrievalSet.open(folder)


def test_a_file_cut_off_is_named(folder: Path) -> None:
    whole = gzip.compress((folder / "queries.jsonl").read_bytes())
    (folder / "queries.jsonl").unlink()
    (folder / "queries.jsonl.gz").write_bytes(whole[:-12])

    with pytest.raises(InvalidInput, match=r"queries\.jsonl\.gz cannot be read"):
        RetrievalSet.open(folder)


def test_a_set_without_a_judged_query_is_refused(folder: Path) -> None:
    (folder / "qrels/test.tsv").write_text(HEADER)

    with pytest.raises(InvalidInput, match="no query"):
        RetrievalSet.open(folder)
