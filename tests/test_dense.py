"""Chroma as this library uses it: our vectors, cosine, ids and nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ingest.dense import ChromaServer, EmbeddedChroma, Point
from ingest.embed import Vectors
from ingest.errors import InvalidInput, Unavailable

UNIT: Vectors = np.eye(8, dtype=np.float32)


def points(n: int) -> list[Point]:
    return [Point(f"p{i}#0", UNIT[i], f"secret text {i}", "title", f"p{i}") for i in range(n)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    EmbeddedChroma().write(tmp_path, "x", points(4), [])
    return tmp_path


def test_the_nearest_chunk_comes_first_with_its_cosine(home: Path) -> None:
    dense = EmbeddedChroma().open(home, "x")
    query = np.asarray(0.8 * UNIT[2] + 0.6 * UNIT[1], np.float32)
    found = dense.search(query, 2)
    dense.close()

    assert [(i, round(c, 5)) for i, c in found] == [("p2#0", 0.8), ("p1#0", 0.6)]


def test_asking_for_more_than_there_are_gives_all(home: Path) -> None:
    dense = EmbeddedChroma().open(home, "x")
    found = dense.search(UNIT[0], 50)
    dense.close()

    assert len(found) == 4


def test_chunks_are_removed_and_added(home: Path) -> None:
    EmbeddedChroma().write(home, "x", points(5)[4:], ["p0#0", "p1#0"])
    dense = EmbeddedChroma().open(home, "x")
    found = {i for i, _ in dense.search(UNIT[4], 9)}
    dense.close()

    assert found == {"p2#0", "p3#0", "p4#0"}


def test_adding_a_known_chunk_again_changes_nothing(home: Path) -> None:
    EmbeddedChroma().write(home, "x", points(4), [])
    dense = EmbeddedChroma().open(home, "x")
    n_chunks = dense.n_chunks
    dense.close()

    assert n_chunks == 4


def test_an_empty_collection_can_be_searched(tmp_path: Path) -> None:
    EmbeddedChroma().write(tmp_path, "x", [], [])
    dense = EmbeddedChroma().open(tmp_path, "x")
    found = dense.search(UNIT[0], 5)
    dense.close()

    assert found == []


def test_the_stored_vectors_come_back(home: Path) -> None:
    dense = EmbeddedChroma().open(home, "x")
    found = dense.vectors(["p1#0", "unknown"])
    dense.close()

    assert {i: v.tolist() for i, v in found.items()} == {"p1#0": UNIT[1].tolist()}


def test_no_text_is_kept_in_the_embedded_chroma(home: Path) -> None:
    kept = b"".join(f.read_bytes() for f in home.rglob("*") if f.is_file())

    assert b"secret" not in kept


def test_the_log_is_empty_when_a_collection_is_handed_over(home: Path) -> None:
    with sqlite3.connect(home / "chroma" / "chroma.sqlite3") as db:
        (n_left,) = db.execute("SELECT count(*) FROM embeddings_queue").fetchone()
    db.close()

    assert n_left <= 1


def test_the_space_of_the_log_is_given_back(home: Path) -> None:
    with closing(sqlite3.connect(home / "chroma" / "chroma.sqlite3")) as database:
        ((n_free,),) = database.execute("PRAGMA freelist_count")

    assert n_free == 0


def test_a_missing_collection_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Chroma failed"):
        EmbeddedChroma().open(tmp_path, "x")


def test_a_server_address_must_be_one() -> None:
    with pytest.raises(InvalidInput, match="CHROMA_URL is no address"):
        ChromaServer("http://")


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Chroma failed"):
        ChromaServer("http://127.0.0.1:1").open(tmp_path, "x")
