"""What is wrong with a library is found, named, and mended."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.build import ingest, reindex
from ingest.doctor import examine
from ingest.library import Library
from tests.fakes.embedder import HashEmbedder
from tests.fakes.given import library, many


@pytest.fixture
def lib(tmp_path: Path) -> Iterator[Library]:
    lib = library(tmp_path / "home")
    ingest(lib, many(40))
    yield lib
    lib.close()


def problems(lib: Library) -> dict[str, str]:
    found = {f.part: f.problem for f in examine(lib) if not f.is_well}
    found.pop("disk", None)  # of the machine that runs the tests
    return found


def test_a_healthy_library_has_no_problem(lib: Library) -> None:
    assert problems(lib) == {}


def test_an_empty_library_has_no_problem(tmp_path: Path) -> None:
    lib = library(tmp_path / "empty")
    found = problems(lib)
    lib.close()

    assert found == {}


def drop_generations(lib: Library) -> None:
    shutil.rmtree(lib.home / "generations")


def tear_graph(lib: Library) -> None:
    (file,) = (lib.generations.folder(1) / "chroma").glob("*/link_lists.bin")
    file.write_bytes(b"\xff" * 100)


def cut_words(lib: Library) -> None:
    next((lib.generations.folder(1) / "words").glob("*.idx")).write_bytes(b"")


def drop_vectors(lib: Library) -> None:
    shutil.rmtree(lib.home / "vectors")


def zero_vectors(lib: Library) -> None:
    file = lib.home / "vectors" / "000001" / "sentences.i8"
    file.write_bytes(b"\0" * file.stat().st_size)


DAMAGES = [
    (drop_generations, "generations"),
    (tear_graph, "index"),
    (cut_words, "index"),
    (drop_vectors, "vectors"),
    (zero_vectors, "vectors"),
]


@pytest.mark.parametrize(("harm", "part"), DAMAGES)
def test_damage_is_found(lib: Library, harm: Callable[[Library], None], part: str) -> None:
    harm(lib)
    lib.close()
    again = library(lib.home)
    found = problems(again)
    again.close()

    assert part in found


@pytest.mark.parametrize(("harm", "part"), DAMAGES)
def test_reindex_mends_it(lib: Library, harm: Callable[[Library], None], part: str) -> None:
    snapshot = lib.snapshot
    harm(lib)
    lib.close()
    embedder = HashEmbedder()
    again = library(lib.home, embedder)
    reindex(again)
    found, restored = problems(again), again.snapshot
    again.close()

    assert (found, restored) == ({}, snapshot)
    assert (embedder.n_texts > 0) == (part == "vectors")


def test_another_embedder_is_a_problem(lib: Library) -> None:
    other = library(lib.home, HashEmbedder(name="other"))
    found = problems(other)
    other.close()

    assert "the vectors are by hash, the settings ask for other" in found["embedder"]


def test_an_unpublished_change_is_a_problem(lib: Library) -> None:
    lib.catalogue.retire([lib.catalogue.live()[0][1]])

    assert "not of the papers there are" in problems(lib)["generations"]


def test_a_run_that_was_cut_off_is_told(lib: Library) -> None:
    lib.catalogue.start_run(["a"])

    assert "was cut off" in problems(lib)["runs"]


def test_the_next_run_settles_one_that_was_cut_off(lib: Library) -> None:
    lib.catalogue.start_run(["a"])
    ingest(lib, many(40))

    assert problems(lib) == {}


def test_a_run_under_way_is_no_problem(lib: Library) -> None:
    lib.catalogue.start_run(["a"])
    with lib.writing():
        found = problems(lib)

    assert found == {}
