"""A disk that takes no more: said clearly, nothing lost, and readers go on."""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.build import ingest
from ingest.disk import explained
from ingest.errors import Unavailable
from tests.fakes.given import library, many


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
