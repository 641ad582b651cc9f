"""A disk that takes no more: said clearly, nothing lost, and readers go on."""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.build import ingest
from ingest.disk import explained
from ingest.doctor import examine
from ingest.errors import Unavailable
from ingest.generation import Exact
from ingest.library import Library
from tests.fakes.given import library, many
from tests.fakes.protected import fill, protected, small_disk


@contextmanager
def no_file_over(n_bytes: int) -> Iterator[None]:
    """Writes beyond this size fail, for whoever in this process writes them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# The catalogue's log stays below the second size; Chroma's database, while written, does not.
@pytest.mark.parametrize(("part", "largest"), [("catalogue", 40_000), ("index", 255_000)])
def test_a_disk_that_takes_no_more_loses_nothing(tmp_path: Path, part: str, largest: int) -> None:
    calm, lib = library(tmp_path / "calm"), library(tmp_path / "home")
    undisturbed = ingest(calm, many(200)).snapshot
    before = ingest(lib, many(100)).snapshot
    lib.close()
    lib = library(tmp_path / "home")
    with no_file_over(largest), pytest.raises(Unavailable) as failed:
        ingest(lib, many(200))
    with lib.pinned() as generation:
        visible = generation.manifest.snapshot, generation.manifest.n_papers
    left = [n for n in lib.generations.numbers() if any(lib.generations.folder(n).iterdir())]
    again = ingest(lib, many(200)).snapshot
    calm.close()
    lib.close()

    assert ("Chroma" in str(failed.value)) == (part == "index")
    assert (visible, left, again) == ((before, 100), [1], undisturbed)


def test_a_full_disk_is_told_while_a_folder_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 10_000)
    with no_file_over(100), pytest.raises(Unavailable, match="The disk is full"), explained():
        shutil.copytree(tmp_path / "a", tmp_path / "c", copy_function=shutil.copyfile)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A library of 30 papers that nobody has open."""
    lib = library(tmp_path / "home")
    ingest(lib, many(30))
    lib.close()
    return lib.home


def hits(lib: Library) -> tuple[list[str], list[int], str]:
    """What both engines find, and a paper's text."""
    (query,) = lib.embedder.embed(["watch moles w12 nights"])
    with lib.pinned() as generation:
        near = [paper_id for paper_id, _ in generation.near(query, 1)]
        words = [ordinal for ordinal, _ in generation.words.search(["mole", "w12"], 5)]
    return near, words, lib.papers(words[:1])[0].paper.title


def test_a_folder_that_may_not_be_written_to_is_searched_as_ever(home: Path) -> None:
    lib = library(home)
    expected = hits(lib)
    lib.close()
    with protected(home) as place:
        lib = library(place)
        found = hits(lib)
        lib.close()

    assert found == expected


def test_a_folder_that_may_not_be_written_to_takes_no_papers(home: Path) -> None:
    with protected(home) as place:
        lib = library(place)
        with pytest.raises(Unavailable, match="cannot be written to"):
            ingest(lib, many(31))
        lib.close()


@pytest.mark.parametrize("n_left", [0, 100_000])
def test_a_full_disk_is_searched_and_takes_no_papers(tmp_path: Path, n_left: int) -> None:
    with small_disk(tmp_path / "disk", 16 << 20) as disk:
        first = library(disk / "home")
        ingest(first, many(30))
        expected = hits(first)
        first.close()
        filler = fill(disk, n_left)
        lib = library(disk / "home")
        found = hits(lib)
        with pytest.raises(Unavailable, match="The disk is full"):
            ingest(lib, many(400))
        filler.unlink()
        n_papers = ingest(lib, many(400)).papers
        lib.close()

    assert (found, n_papers) == (expected, 400)


def test_an_empty_folder_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with protected(tmp_path / "home") as place, pytest.raises(Unavailable, match="written to"):
        library(place)


def test_the_doctor_tells_that_the_folder_may_not_be_written_to(home: Path) -> None:
    with protected(home) as place:
        lib = library(place)
        found = {f.part: f.problem for f in examine(lib) if not f.is_well}
        lib.close()

    assert "cannot be written to" in found["index"]


def test_a_catalogue_opened_as_unchanging_follows_a_writer(home: Path) -> None:
    with protected(home) as place:
        reader = library(place)
        writer = library(home)
        ingest(writer, many(40))
        n_papers = reader.catalogue.n_papers()
        writer.close()
        reader.close()

    assert n_papers == 40


def test_exact_search_gives_what_chroma_gives(home: Path) -> None:
    lib = library(home)
    (query,) = lib.embedder.embed(["crows and newts"])
    with lib.pinned() as generation:
        graph = generation.dense.search(query, 8)
        every = Exact(generation.columns, generation.vectors).search(query, 8)
    lib.close()

    assert [round(cosine, 3) for _, cosine in every] == [round(cosine, 3) for _, cosine in graph]
