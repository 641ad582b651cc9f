"""Generations: built aside, checked, published at once, and told when they are damaged."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.build import ingest
from ingest.dense import Dense
from ingest.embed import Vectors
from ingest.errors import Unavailable
from ingest.generation import Completed, Exact, strays
from ingest.generations import snapshot_of
from ingest.library import Library
from ingest.vectors import rows_of
from tests.fakes.embedder import HashEmbedder
from tests.fakes.given import given, library, many, record


@pytest.fixture
def lib(tmp_path: Path) -> Iterator[Library]:
    lib = library(tmp_path / "home")
    ingest(lib, many(30))
    yield lib
    lib.close()


def folder(lib: Library) -> Path:
    number = lib.generations.current()
    assert number is not None
    return lib.generations.folder(number)


def contents(path: Path) -> dict[str, bytes]:
    """All files but the one that Chroma itself writes a line to whenever it is opened."""
    files = [f for f in path.rglob("*") if f.is_file() and f.name != "chroma.sqlite3"]
    return {f.relative_to(path).as_posix(): f.read_bytes() for f in files}


def test_the_manifest_says_what_is_there(lib: Library) -> None:
    manifest = lib.generations.manifest(1)

    assert (manifest.number, manifest.n_papers, manifest.n_chunks, manifest.n_dead) == (
        1,
        30,
        30,
        0,
    )
    assert (manifest.embedder, manifest.dimension) == ("hash", 64)


def test_the_snapshot_depends_on_papers_and_embedder_alone() -> None:
    papers = [("a", "1"), ("b", "2")]

    assert snapshot_of(papers, "e") == snapshot_of(reversed(papers), "e")
    assert len({snapshot_of(papers, "e"), snapshot_of(papers, "f"), snapshot_of([], "e")}) == 3


def test_a_published_generation_never_changes(lib: Library) -> None:
    before = contents(lib.generations.folder(1))
    ingest(lib, many(10, name="more.jsonl", start=100))

    assert contents(lib.generations.folder(1)) == before


def test_only_the_generation_before_is_kept(lib: Library) -> None:
    for n in range(3):
        ingest(lib, given(record(100 + n), name=f"{n}"))

    assert lib.generations.numbers() == [3, 4]


def test_a_generation_grown_step_by_step_searches_like_one_built_at_once(lib: Library) -> None:
    ingest(lib, many(10, name="more.jsonl", start=100))
    ingest(lib, given(record(3, key="k3", abstract="We watch other owls."), name="many.jsonl"))
    query = lib.embedder.embed(["watch moles w100 nights"])[0]
    with lib.pinned() as grown:
        found = grown.near(query, 20), sorted(grown.words.search(["mole", "w100"], 20))
    lib.reindex()
    lib.refresh()
    with lib.pinned() as whole:
        again = whole.near(query, 20), sorted(whole.words.search(["mole", "w100"], 20))

    assert [i for i, _ in found[0]][:5] == [i for i, _ in again[0]][:5]
    assert found[1] == again[1]


def test_a_chunk_keeps_its_id_when_the_index_is_built_anew(lib: Library) -> None:
    query = lib.embedder.embed(["bats"])[0]
    with lib.pinned() as generation:
        before = {i for i, _ in generation.dense.search(query, 30)}
    lib.reindex()
    lib.refresh()
    with lib.pinned() as generation:
        after = {i for i, _ in generation.dense.search(query, 30)}

    assert after == before


def test_removed_papers_are_not_found(lib: Library) -> None:
    ingest(lib, given(record(3, key="k3", title="Zebra", abstract="Zebras."), name="many.jsonl"))
    lib.refresh()
    with lib.pinned() as generation:
        n_found = generation.dense.n_chunks, generation.words.n_papers

    assert n_found == (30, 30) or n_found == (31, 31)


@pytest.mark.parametrize(
    "part",
    [
        "manifest.json",
        "columns.npz",
        "chroma/chroma.sqlite3",
        "words/meta.json",
        "chroma/*/data_level0.bin",
        "chroma/*/index_metadata.pickle",
        "words/*.term",
    ],
)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "garbage"])
def test_a_damaged_part_is_noticed(lib: Library, part: str, damage: str) -> None:
    (file, *_) = folder(lib).glob(part)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        harm = {
            "empty": b"",
            "cut": content[: len(content) // 2],
            "garbage": b"\xff" * len(content),
        }
        file.unlink()  # not through a hard link
        file.write_bytes(harm[damage])

    with pytest.raises(Unavailable):
        lib.generations.open(1).close()


def test_lost_vectors_are_noticed(lib: Library) -> None:
    lib.vectors.resize(10, 10)

    with pytest.raises(Unavailable, match="10 chunks and 10 sentences"):
        lib.generations.open(1)


def test_zeroed_vectors_are_noticed(lib: Library) -> None:
    lib.vectors.resize(10, 60)
    lib.vectors.resize(30, 60)

    with pytest.raises(Unavailable, match="has no vector"):
        lib.generations.open(1)


@pytest.mark.parametrize(("n_missed", "is_sound"), [(1, True), (30, False)])
def test_one_chunk_that_the_graph_does_not_lead_to_is_let_pass(
    lib: Library, n_missed: int, is_sound: bool
) -> None:
    file = lib.vectors.path / "chunks.f16"
    stored = np.fromfile(file, np.float16).reshape(-1, lib.vectors.dimension)
    stored[:n_missed] *= -1
    file.write_bytes(stored.tobytes())
    if is_sound:
        lib.generations.open(1).close()
        return

    with pytest.raises(Unavailable, match="not found by its own vector"):
        lib.generations.open(1)


def test_the_index_is_built_anew_when_the_pointer_is_garbage(lib: Library) -> None:
    (lib.home / "generations" / "CURRENT").write_bytes(b"\0\0")

    assert lib.generations.current() == 1


def test_leftovers_of_a_killed_build_are_deleted(lib: Library) -> None:
    shutil.copytree(lib.generations.folder(1), lib.generations.folder(2))
    (lib.generations.folder(2) / "manifest.json").unlink()
    ingest(lib, given(record(100), name="b"))

    assert lib.generations.numbers() == [1, 3]


def test_segments_of_words_are_shared_between_generations(lib: Library) -> None:
    ingest(lib, given(record(100), name="b"))
    segments = (lib.generations.folder(1) / "words").glob("*.term")

    assert [f.stat().st_nlink for f in segments] == [2]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_generation_of_few_papers_can_be_opened_again_and_again(tmp_path: Path, n: int) -> None:
    lib = library(tmp_path / "few")
    ingest(lib, many(n))
    for _ in range(3):
        lib.generations.open(1).close()
    lib.close()


def test_an_emptied_library_is_an_empty_generation(lib: Library) -> None:
    ids = lib.catalogue.forget_source("many.jsonl")
    lib.catalogue.retire(ids)
    lib.publish()
    lib.refresh()
    with lib.pinned() as generation:
        found = generation.near(np.ones(64, np.float32), 5), generation.words.search(["owl"], 5)

    assert found == ([], [])


class Blind:
    """A graph that no way in leads to one paper's chunks; real ones lack them by chance."""

    def __init__(self, graph: Dense, unseen: str) -> None:
        self._graph, self._unseen = graph, unseen
        self.n_chunks = graph.n_chunks

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        return [hit for hit in self._graph.search(vector, k) if not hit[0].startswith(self._unseen)]

    def close(self) -> None:
        self._graph.close()


def test_chunks_that_no_way_in_the_graph_leads_to_are_noticed(lib: Library) -> None:
    with lib.pinned() as generation:
        columns = generation.columns
        blind = Blind(generation.dense, columns.ids[3])
        found = strays(blind, columns, generation.vectors)

    assert found == rows_of(columns.chunk_rows[3:4], columns.n_chunks[3:4]).tolist()


def test_chunks_that_no_way_in_the_graph_leads_to_are_found(lib: Library) -> None:
    with lib.pinned() as generation:
        columns, vectors = generation.columns, generation.vectors
        row = int(columns.chunk_rows[3])
        blind = Blind(generation.dense, columns.ids[3])
        whole = Completed(blind, Exact(columns, vectors, [row]))
        (nearest, _), *_ = whole.search(vectors.chunks(slice(row, row + 1))[0], 1)

    assert nearest.startswith(columns.ids[3])


def test_no_paper_is_missed_where_all_vectors_are_the_same(tmp_path: Path) -> None:
    lib = library(tmp_path / "alike", HashEmbedder(dimension=1))
    ingest(lib, many(450))
    with lib.pinned() as generation:
        n_strays = len(generation.manifest.strays)  # some, or by chance none
        found = {i for i, _ in generation.near(np.ones(1, np.float32), 450 + n_strays)}
    lib.close()

    assert len(found) == 450


def test_a_generation_that_grows_out_of_a_damaged_database_is_built_anew(lib: Library) -> None:
    (folder(lib) / "chroma" / "chroma.sqlite3").write_bytes(b"\xff" * 10_000)
    ingest(lib, many(31))
    lib.refresh()
    with lib.pinned() as generation:
        found = generation.manifest.n_papers, generation.dense.n_chunks

    assert found == (31, 31)
