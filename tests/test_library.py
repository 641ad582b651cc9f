"""The library: one writer, any number of readers, generations that come and go under them."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.build import ingest, reindex, remove
from ingest.doctor import examine
from ingest.errors import CitelightError, Conflict, InvalidInput, Unavailable
from ingest.library import Library
from tests.fakes.embedder import HashEmbedder
from tests.fakes.given import given, library, many, record


@pytest.fixture
def lib(tmp_path: Path) -> Iterator[Library]:
    lib = library(tmp_path / "home")
    ingest(lib, many(20))
    yield lib
    lib.close()


def spoil(lib: Library, number: int) -> None:
    """Damages the vector index of a generation."""
    (file,) = (lib.generations.folder(number) / "chroma").glob("*/data_level0.bin")
    file.write_bytes(b"")


def test_an_empty_library_says_so(tmp_path: Path) -> None:
    lib = library(tmp_path / "home")
    with pytest.raises(Unavailable, match="The library is empty"), lib.pinned():
        pass
    lib.close()


def test_a_reader_takes_up_what_is_published(lib: Library) -> None:
    reader = library(lib.home)
    with reader.pinned() as generation:
        before = generation.manifest.n_papers
    ingest(lib, many(5, name="more", start=100))
    changed = reader.refresh()
    with reader.pinned() as generation:
        after = generation.manifest.n_papers
    reader.close()

    assert (before, changed, after) == (20, True, 25)


def test_years_and_venues_are_counted_anew_when_papers_came(lib: Library) -> None:
    before = lib.tallies()
    ingest(lib, given(record(50, year=1999, venue="Owl Days"), name="old.jsonl"))

    assert before == ([("2020", 20)], [])
    assert lib.tallies() == ([("2020", 20), ("1999", 1)], [("Owl Days", 1)])


def test_refreshing_without_news_changes_nothing(lib: Library) -> None:
    lib.refresh()

    assert lib.refresh() is False


def test_a_pinned_generation_outlives_two_new_ones(lib: Library) -> None:
    query = lib.embedder.embed(["owls"])[0]
    with lib.pinned() as generation:
        for n in range(2):
            ingest(lib, given(record(100 + n), name=f"{n}"))
            lib.refresh()
        found = generation.near(query, 5)
        papers = lib.papers(generation.columns.ordinals.tolist())

    assert (len(found), len(papers)) == (5, 20)


def test_a_generation_keeps_its_files_while_somebody_has_it_open(lib: Library) -> None:
    with lib.pinned() as generation:
        folder = lib.generations.folder(generation.manifest.number)
        for n in range(3):
            ingest(lib, given(record(100 + n), name=f"{n}"))
            lib.refresh()
        was_there = (folder / "chroma/chroma.sqlite3").is_file()
    ingest(lib, given(record(200), name="last"))

    assert (was_there, folder.exists()) == (True, False)


def test_no_question_fails_while_generations_are_swapped(lib: Library) -> None:
    query = lib.embedder.embed(["owls watch"])[0]
    failures: list[BaseException] = []
    sizes: set[int] = set()
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                with lib.pinned() as generation:
                    found = generation.near(query, 10)
                    assert len(found) == 10
                    assert len(lib.papers(generation.columns.ordinals.tolist())) == len(
                        generation.columns.ids
                    )
                    assert generation.words.search(["owl"], 5)
                    sizes.add(generation.manifest.n_papers)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(4):
        ingest(lib, given(record(100 + n), record(n, key=f"k{n}", venue=f"V{n}"), name=f"{n}"))
        lib.refresh()
    is_over.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sizes >= {20, 24} or len(sizes) >= 2


def test_a_second_writer_is_refused(lib: Library) -> None:
    other = library(lib.home)
    with lib.writing(), pytest.raises(Conflict, match="Another ingestion is running"):
        ingest(other, many(1))
    other.close()


def test_the_lock_is_free_after_a_writer_failed(lib: Library) -> None:
    with pytest.raises(ZeroDivisionError), lib.writing():
        raise ZeroDivisionError
    report = ingest(lib, many(20))

    assert report.unchanged == 20


def test_another_embedder_is_refused_for_writing(lib: Library) -> None:
    other = library(lib.home, HashEmbedder(name="other"))
    with pytest.raises(InvalidInput, match="embedded by hash, the settings ask for other"):
        ingest(other, many(1))
    other.close()


def test_another_embedder_is_refused_for_reading(lib: Library) -> None:
    other = library(lib.home, HashEmbedder(name="other"))
    with pytest.raises(InvalidInput, match="embedded by hash"), other.pinned():
        pass
    other.close()


def test_another_embedder_is_refused_although_nothing_was_published(tmp_path: Path) -> None:
    lib = library(tmp_path / "home")
    with lib.writing(), lib.catalogue.transaction():
        lib.claim()
    lib.close()
    other = library(tmp_path / "home", HashEmbedder(name="other"))
    with pytest.raises(InvalidInput, match="embedded by hash"):
        ingest(other, many(1))
    other.close()


def test_a_damaged_generation_gives_way_to_the_one_before(lib: Library) -> None:
    ingest(lib, given(record(100), name="b"))
    spoil(lib, 2)
    reader = library(lib.home)
    with reader.pinned() as generation:
        number = generation.manifest.number
    reader.close()

    assert number == 1


def test_indexes_are_rebuilt_without_embedding_when_none_opens(lib: Library) -> None:
    spoil(lib, 1)
    embedder = HashEmbedder()
    reader = library(lib.home, embedder)
    with reader.pinned() as generation:
        found = generation.manifest.n_papers
    reader.close()

    assert (found, embedder.n_texts) == (20, 0)


def test_a_reader_stays_with_what_it_has_when_the_new_generation_is_damaged(lib: Library) -> None:
    lib.refresh()
    ingest(lib, given(record(100), name="b"))
    spoil(lib, 2)
    changed = lib.refresh()
    with lib.pinned() as generation:
        number = generation.manifest.number

    assert (changed, number) == (False, 1)


def test_the_next_ingestion_replaces_a_damaged_generation(lib: Library) -> None:
    snapshot = lib.snapshot
    spoil(lib, 1)
    ingest(lib, many(20))
    with lib.pinned() as generation:
        found = generation.manifest.n_papers

    assert (found, lib.snapshot) == (20, snapshot)


def test_reindex_gives_the_same_snapshot(lib: Library) -> None:
    before = lib.snapshot
    shutil.rmtree(lib.home / "generations")
    manifest = lib.reindex()

    assert manifest is not None
    assert manifest.snapshot == before


def test_vectors_of_a_killed_run_are_cut_off(lib: Library) -> None:
    rows = lib.vectors.n_chunks
    lib.vectors.append(lib.embedder.embed(["lost"]), lib.embedder.embed(["lost"]))
    with lib.writing():
        found = lib.vectors.n_chunks

    assert found == rows


def test_rows_of_forgotten_papers_are_never_cut_off(lib: Library) -> None:
    rows = lib.vectors.n_chunks
    lib.catalogue.retire(lib.catalogue.forget_source("many.jsonl"))
    lib.publish()
    lib.catalogue.forget_retired([])
    with lib.writing():
        found = lib.vectors.n_chunks

    assert found == rows


def drop_tokens(lib: Library) -> None:
    """Leaves what a version without token vectors wrote."""
    for name in ("tokens.u8", "token_runs.i64"):
        (lib.home / "vectors" / "000001" / name).unlink()


def test_a_library_without_token_vectors_takes_papers_that_have_them(tmp_path: Path) -> None:
    old = library(tmp_path / "home", HashEmbedder(gives_tokens=True))
    ingest(old, many(3))
    old.close()
    drop_tokens(old)
    lib = library(tmp_path / "home", HashEmbedder(gives_tokens=True))
    ingest(lib, many(2, name="b", start=50))
    lost = lib.lost()
    reindex(lib)
    mended = lib.lost()
    lib.close()

    assert (len(lost), mended) == (3, [])


def test_missing_vectors_stop_writers_with_advice(lib: Library) -> None:
    lib.vectors.resize(3, 3)

    with pytest.raises(Unavailable, match=r"Vectors are missing.*citelight reindex"):
        ingest(lib, many(1, start=50))


def test_a_folder_that_cannot_be_written_is_said(lib: Library) -> None:
    (lib.home / "ingest.lock").unlink()
    (lib.home / "ingest.lock").mkdir()
    with pytest.raises(CitelightError, match="folder cannot be"):
        ingest(lib, many(1))
    (lib.home / "ingest.lock").rmdir()


def sentences_of(lib: Library) -> dict[str, bytes]:
    """The sentence vectors of every paper in the published generation."""
    lib.refresh()
    with lib.pinned() as generation:
        columns, store = generation.columns, generation.vectors
        return {
            str(i): store.sentences(slice(row, row + n)).tobytes()
            for i, row, n in zip(
                columns.ids, columns.sentence_rows, columns.n_sentences, strict=True
            )
        }


def test_vectors_of_papers_that_left_are_given_back(lib: Library) -> None:
    before = sentences_of(lib)
    ingest(lib, many(40, name="more.jsonl", start=100))
    remove(lib, source="more.jsonl")
    after, n_rows = sentences_of(lib), (lib.vectors.n_chunks, lib.vectors.n_sentences)
    kept = sorted(f.name for f in (lib.home / "vectors").iterdir())
    ingest(lib, many(1, name="last.jsonl", start=200))
    left = sorted(f.name for f in (lib.home / "vectors").iterdir())

    assert after == before
    assert (n_rows, kept, left) == ((20, 40), ["000001", "000002"], ["000002"])
    assert [f.problem for f in examine(lib) if f.part in ("vectors", "generations", "index")] == [
        "",
        "",
        "",
    ]


def test_a_reader_keeps_its_vectors_while_others_are_given_back(lib: Library) -> None:
    reader = library(lib.home)
    ingest(lib, many(40, name="more.jsonl", start=100))
    before = sentences_of(reader)
    with reader.pinned():
        remove(lib, source="more.jsonl")
        ingest(lib, many(1, name="last.jsonl", start=200))
        n_papers = reader.catalogue.n_papers()
        with reader.pinned() as generation:
            rows = generation.columns.sentence_rows, generation.columns.n_sentences
            found = {
                str(i): generation.vectors.sentences(slice(row, row + n)).tobytes()
                for i, row, n in zip(generation.columns.ids, *rows, strict=True)
            }
    reader.close()

    assert (found, n_papers) == (before, 21)


def test_a_run_killed_before_it_published_fewer_vectors_ends_the_same(lib: Library) -> None:
    ingest(lib, many(40, name="more.jsonl", start=100))
    undisturbed = library(lib.home.with_name("calm"))
    ingest(undisturbed, many(20))
    with lib.writing(), lib.catalogue.transaction():
        lib.catalogue.retire(lib.catalogue.forget_source("more.jsonl"))
    with lib.writing():
        lib._compact()  # and killed here
    again = library(lib.home)
    ingest(again, many(20))
    found = again.snapshot, again.vectors.n_chunks, sentences_of(again)
    expected = undisturbed.snapshot, 20, sentences_of(undisturbed)
    again.close()
    undisturbed.close()

    assert found == expected
