"""Ingestion from end to end: counted right, incremental, and nothing half-written."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.build import Report, ingest, remove, remove_paper
from ingest.dense import EmbeddedChroma
from ingest.errors import InvalidInput, Unavailable
from ingest.library import Library
from ingest.minilm import MiniLM
from ingest.papers import Record, Rejection
from ingest.sources import discover
from tests.conftest import SHARED
from tests.fakes.embedder import HashEmbedder
from tests.fakes.given import Given, given, library, many, record

SEEDS = SHARED / "seeds"


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def lib(tmp_path: Path, embedder: HashEmbedder) -> Iterator[Library]:
    lib = library(tmp_path / "home", embedder)
    yield lib
    lib.close()


def counts(report: Report) -> dict[str, Any]:
    values = report.as_dict()
    return {k: v for k, v in values.items() if v and k not in ("snapshot", "rejected")}


def state_of(home: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file but SQLite's own log and its index."""
    return {
        f.relative_to(home).as_posix(): (f.stat().st_size, f.stat().st_mtime_ns)
        for f in home.rglob("*")
        if f.is_file() and not f.name.endswith(("-wal", "-shm", ".lock"))
    }


def test_every_record_is_counted_once(lib: Library) -> None:
    items: list[Record | Rejection] = [record(1), record(2), record(1)]
    items += [Rejection("record 4", "no abstract"), record(3)]
    report = ingest(lib, given(*items))

    assert counts(report) == {"found": 5, "new": 3, "duplicates": 1, "papers": 3}
    assert [r.reason for r in report.rejected] == ["no abstract"]


def test_a_second_run_finds_all_unchanged(lib: Library) -> None:
    items = [record(1), record(2), record(1)]
    first = ingest(lib, given(*items))
    second = ingest(lib, given(*items))

    assert counts(second) == {"found": 3, "unchanged": 2, "duplicates": 1, "papers": 2}
    assert second.snapshot == first.snapshot


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    states = []
    for _ in range(2):
        lib = library(tmp_path / "home")
        ingest(lib, many(300))
        lib.close()
        states.append(state_of(tmp_path / "home"))

    assert states[1] == states[0]


def test_unchanged_records_cost_no_embedding(lib: Library, embedder: HashEmbedder) -> None:
    ingest(lib, many(20))
    n_texts = embedder.n_texts
    ingest(lib, many(20))
    ingest(lib, many(20, name="the same elsewhere.jsonl"))

    assert embedder.n_texts == n_texts


def test_a_changed_fact_costs_no_embedding(lib: Library, embedder: HashEmbedder) -> None:
    ingest(lib, given(record(1, key="k")))
    n_texts = embedder.n_texts
    report = ingest(lib, given(record(1, key="k", venue="V")))

    assert (report.updated, embedder.n_texts) == (1, n_texts)


def test_a_changed_text_is_embedded_anew(lib: Library) -> None:
    ingest(lib, given(record(1, key="k")))
    text = record(1).paper.abstract + " And zebras."
    report = ingest(lib, given(record(1, key="k", abstract=text)))
    lib.refresh()
    with lib.pinned() as generation:
        (vector,) = generation.vectors.chunks(generation.columns.chunk_rows)
        bucket = lib.embedder.bucket("zebras.")  # type: ignore[attr-defined]

    assert (report.updated, vector[bucket] > 0) == (1, True)


def test_records_of_one_key_replace_each_other_in_any_order(lib: Library) -> None:
    one, two = record(1, key="k"), record(2, key="k")
    ingest(lib, given(one, two))
    changed = record(1, key="k", venue="V")
    ingest(lib, given(two, changed))
    report = ingest(lib, given(two, changed))
    ids = [i for _, i, _ in lib.catalogue.live()]
    said = sorted((r.said.paper for r in lib.catalogue.records_of(ids)), key=lambda p: p.title)

    assert counts(report) == {"found": 2, "unchanged": 2, "papers": 2}
    assert said == [changed.paper, two.paper]


def test_a_record_that_joins_papers_makes_the_other_a_duplicate(lib: Library) -> None:
    items = [
        record(1, doi="10.1/x"),
        record(2, arxiv_id="2001.00001"),
        record(3, doi="10.1/x", arxiv_id="2001.00001"),
    ]
    report = ingest(lib, given(*items))

    assert counts(report) == {"found": 3, "new": 1, "duplicates": 2, "papers": 1}


def test_several_runs_give_the_snapshot_of_one(tmp_path: Path) -> None:
    one, several = library(tmp_path / "one"), library(tmp_path / "several")
    snapshot = ingest(one, many(300)).snapshot
    for start in (0, 100, 229):
        ingest(several, many(min(129, 300 - start), start=start))
    one.close()
    several.close()

    assert several.snapshot == snapshot


def test_all_sources_of_a_paper_are_recorded(lib: Library) -> None:
    ingest(lib, [*given(record(1), name="a"), *given(record(1, venue="V"), name="b")])
    ((_, paper_id, _),) = lib.catalogue.live()

    assert sorted(lib.catalogue.sources_of([paper_id])) == [(paper_id, "a"), (paper_id, "b")]


def test_removing_a_source_takes_its_own_papers_out(lib: Library) -> None:
    ingest(lib, [*given(record(1), record(2), name="a"), *given(record(2), name="b")])
    n_gone = remove(lib, source="a")
    lib.refresh()
    with lib.pinned() as generation:
        n_left = generation.manifest.n_papers

    assert (n_gone, n_left, lib.catalogue.sources()) == (1, 1, [("b", 1)])


def test_removing_a_source_takes_its_facts_from_papers_of_others(lib: Library) -> None:
    ingest(lib, [*given(record(1, venue="V", doi="10.1/x"), name="a"), *given(record(1), name="b")])
    remove(lib, source="a")
    ((ordinal, _, _),) = lib.catalogue.live()

    assert lib.papers([ordinal])[0].paper == record(1).paper
    assert lib.catalogue.find("10.1/x") is None


def test_a_run_tells_what_was_removed(lib: Library) -> None:
    ingest(lib, [*given(record(1), record(2), name="a"), *given(record(2), name="b")])
    remove(lib, source="a")
    remove_paper(lib, lib.catalogue.live()[0][1])

    assert [run.report["removed"] for run in lib.catalogue.runs()] == [1, 1, 0]


def test_removing_an_unknown_source_changes_nothing(lib: Library) -> None:
    snapshot = ingest(lib, many(3)).snapshot

    assert (remove(lib, source="x"), lib.snapshot) == (0, snapshot)


def test_a_removed_source_can_be_taken_in_again(lib: Library) -> None:
    snapshot = ingest(lib, many(5)).snapshot
    remove(lib, source="many.jsonl")

    assert ingest(lib, many(5)).snapshot == snapshot


def test_a_rehearsal_counts_and_keeps_nothing(lib: Library, embedder: HashEmbedder) -> None:
    ingest(lib, many(5))
    n_texts, before = embedder.n_texts, lib.catalogue.live()
    report = ingest(lib, many(300), rehearse=True)

    assert counts(report) == {"found": 300, "new": 295, "unchanged": 5, "papers": 300}
    assert (embedder.n_texts, lib.catalogue.live()) == (n_texts, before)


def test_progress_is_told_batch_by_batch(lib: Library) -> None:
    told: list[int] = []
    ingest(lib, many(300), progress=told.append)

    assert told == [128, 256, 300]


def test_runs_are_recorded_with_their_reports(lib: Library) -> None:
    ingest(lib, many(3))
    ingest(lib, many(3))
    (run,) = lib.catalogue.runs()

    assert (run.sources, run.report["new"]) == (("many.jsonl",), 3)


@pytest.mark.parametrize(
    "text",
    [".", "-", "…", "x" * 2000, "深度学习" * 300, "a " * 5000, "No stop", "A.\n\n\nB.", "\u200b"],
    ids=["stop", "dash", "dots", "one word", "no spaces", "long", "short", "gaps", "invisible"],
)
def test_any_abstract_can_be_taken(lib: Library, text: str) -> None:
    report = ingest(lib, given(record(1, abstract=text)))
    ((ordinal, _, _),) = lib.catalogue.live()
    (stored,) = lib.papers([ordinal])

    assert counts(report) == {"found": 1, "new": 1, "papers": 1}
    assert all(stored.sentence(n) for n in range(len(stored.sentences)))


def test_a_very_long_title_leaves_room_for_the_abstract(lib: Library) -> None:
    report = ingest(lib, given(record(1, title="long " * 200, abstract="One two. " * 40)))
    ((ordinal, _, _),) = lib.catalogue.live()

    assert report.new == 1
    assert len(lib.papers([ordinal])[0].chunks) < 10


def test_a_failure_of_the_embedder_keeps_what_came_before(tmp_path: Path) -> None:
    class Failing(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            if any("w200" in text for text in texts):
                raise Unavailable("The embedder is gone.")
            return super().embed(texts)

    lib = library(tmp_path / "home", Failing())
    with pytest.raises(Unavailable, match="The embedder is gone"):
        ingest(lib, many(300))
    lib.close()
    lib = library(tmp_path / "home")
    report = ingest(lib, many(300))
    lib.close()

    assert counts(report) == {"found": 300, "new": 172, "unchanged": 128, "papers": 300}


def test_a_source_that_fails_keeps_what_came_before(lib: Library) -> None:
    class Cut(Given):
        def records(self) -> Iterator[Record | Rejection]:
            yield from self.items
            raise InvalidInput("The file ends early.")

    with pytest.raises(InvalidInput, match="The file ends early"):
        ingest(lib, [Cut("a", [record(n) for n in range(200)])])

    assert lib.catalogue.n_papers() == 200


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.jsonl", None),
        ("empty.jsonl", b""),
        ("binary.jsonl", os.urandom(1000) + b"\0"),
        ("truncated.json", b'[{"title": "T", "abstract": "An abst'),
        ("no page.txt", b"Nothing of interest stands here."),
        ("utf8.txt", b"\xff\xfe\xfa garbage \x00"),
    ],
)
def test_bad_input_is_told_and_leaves_nothing(
    lib: Library, tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput):
        ingest(lib, list(discover(tmp_path / name)))

    assert (lib.catalogue.n_papers(), lib.snapshot) == (0, "")
    assert not (lib.home / "vectors").exists()


def test_a_folder_without_readable_files_is_told(lib: Library, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "picture.png").write_bytes(b"\x89PNG\r\n")

    with pytest.raises(InvalidInput):
        ingest(lib, list(discover(tmp_path / "folder")))


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed pages are not beside the repository")
def test_the_seed_pages_are_349_papers(lib: Library) -> None:
    report = ingest(lib, list(discover(SEEDS)))

    assert counts(report) == {"found": 361, "new": 349, "duplicates": 12, "papers": 349}
    assert report.rejected == []


@pytest.mark.slow
@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed pages are not beside the repository")
def test_the_seed_pages_are_349_papers_to_the_embedded_embedder(tmp_path: Path) -> None:
    lib = Library(tmp_path / "home", MiniLM.open(), EmbeddedChroma())
    first = ingest(lib, list(discover(SEEDS)))
    second = ingest(lib, list(discover(SEEDS)))
    lib.close()

    assert (first.new, second.unchanged, second.snapshot) == (349, 349, first.snapshot)
