"""All chunks looked at: nothing that is among the nearest is missed."""

from pathlib import Path

import numpy as np
import pytest

from ingest.embed import Vectors
from ingest.scan import Scan
from ingest.vectors import Rows, VectorStore

PAPERS, WIDTH = 600, 32
RNG = np.random.default_rng(3)
COUNTS = RNG.integers(1, 4, PAPERS)
STARTS = np.cumsum(COUNTS) - COUNTS


def unit(rows: int) -> Vectors:
    vectors = RNG.standard_normal((rows, WIDTH))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> VectorStore:
    store = VectorStore(tmp_path_factory.mktemp("vectors"), WIDTH)
    store.append(unit(int(COUNTS.sum())), np.zeros((1, WIDTH), np.float32))
    return store


@pytest.fixture(scope="module")
def scan(store: VectorStore) -> Scan:
    return Scan(store, STARTS, COUNTS)


def nearest(store: VectorStore, vector: Vectors, among: Rows, k: int) -> set[int]:
    cosines = store.chunks(slice(0, store.n_chunks)) @ vector
    best = np.maximum.reduceat(cosines, STARTS)[among]
    return set(among[np.argsort(-best)[:k]].tolist())


def test_the_nearest_are_among_those_found(scan: Scan, store: VectorStore) -> None:
    everyone = np.arange(PAPERS)
    questions = unit(20)

    found = [scan.nearest(q, 30) for q in questions]

    assert all(
        nearest(store, q, everyone, 30) <= set(own.tolist())
        for q, own in zip(questions, found, strict=True)
    )
    assert max(map(len, found)) < 45


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_a_filter_hides_nothing_that_it_allows(
    scan: Scan, store: VectorStore, share: float
) -> None:
    mask = np.random.default_rng(5).random(PAPERS) < share
    question = unit(1)[0]

    found = set(scan.nearest(question, 30, mask).tolist())

    assert nearest(store, question, np.flatnonzero(mask), 30) <= found
    assert found <= set(np.flatnonzero(mask).tolist())


def test_all_come_where_there_are_less_than_asked_for(scan: Scan) -> None:
    found = scan.nearest(unit(1)[0], PAPERS + 1)

    assert found.tolist() == list(range(PAPERS))


def test_a_library_without_chunks_has_nothing_near(tmp_path: Path) -> None:
    nothing = np.empty(0, np.int64)
    scan = Scan(VectorStore(tmp_path, WIDTH), nothing, nothing)

    assert scan.nearest(unit(1)[0], 5).tolist() == []


def test_halves_are_widened_to_the_same_numbers(tmp_path: Path) -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)][: 63_488 // WIDTH * WIDTH].reshape(-1, WIDTH)
    store = VectorStore(tmp_path, WIDTH)
    store.append(finite.astype(np.float32), np.zeros((1, WIDTH), np.float32))

    assert (store.chunks(slice(0, len(finite))) == finite).all()
