"""Vectors on disk: appended, never changed, cut back only beyond what was recorded."""

import os
from pathlib import Path

import numpy as np
import pytest

from ingest.embed import Vectors
from ingest.token_vectors import BYTES, Codes
from ingest.vectors import VectorStore, rows_of

UNIT: Vectors = np.eye(4, dtype=np.float32)


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    store = VectorStore(tmp_path / "vectors", 4)
    store.append(UNIT[:2], UNIT[:3])
    return store


def test_a_new_store_is_empty_and_leaves_no_folder(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "vectors", 4)

    assert (store.n_chunks, store.n_sentences, (tmp_path / "vectors").exists()) == (0, 0, False)


def test_append_returns_the_first_new_rows(store: VectorStore) -> None:
    assert store.append(UNIT[:1], UNIT[:1]) == (2, 3)


def test_chunks_come_back_to_float16(store: VectorStore) -> None:
    vector = np.array([[0.6, 0.8, 0.0, 0.0]], np.float32)
    row, _ = store.append(vector, vector)

    assert np.allclose(store.chunks(slice(row, row + 1)), vector, atol=5e-4)


def test_sentences_come_back_to_int8(store: VectorStore) -> None:
    vector = np.array([[0.6, 0.8, 0.0, 0.0]], np.float32)
    _, row = store.append(vector, vector)

    assert np.allclose(store.sentences(slice(row, row + 1)), vector, atol=0.8 / 254 + 1e-6)


def test_another_reader_finds_the_same_rows(store: VectorStore) -> None:
    again = VectorStore(store.path, 4)

    assert np.array_equal(again.chunks(slice(0, 2)), UNIT[:2])


def test_resize_drops_what_was_never_recorded(store: VectorStore) -> None:
    store.resize(1, 2)

    assert (store.n_chunks, store.n_sentences) == (1, 2)


def test_append_overwrites_a_write_that_failed_half_way(store: VectorStore) -> None:
    with (store.path / "chunks.f16").open("ab") as file:
        file.write(b"\1\2\3")
    again = VectorStore(store.path, 4)
    row, _ = again.append(UNIT[3:], UNIT[3:])

    assert np.array_equal(again.chunks(slice(row, row + 1)), UNIT[3:])


def test_shortage_says_what_is_missing(store: VectorStore) -> None:
    assert store.shortage(2, 3) is None
    assert "2 chunks and 3 sentences" in (store.shortage(5, 3) or "")


def test_lost_rows_are_those_of_zeros(store: VectorStore) -> None:
    store.resize(4, 4)
    chunks, sentences = store.lost()

    assert (chunks.tolist(), sentences.tolist()) == ([False] * 2 + [True] * 2, [False] * 3 + [True])


def codes(*numbers: int) -> Codes:
    """Codes that can be told apart: one a number, each byte of which it is."""
    return np.repeat(np.array(numbers, np.uint8)[:, None], BYTES, axis=1)


@pytest.fixture
def tokened(tmp_path: Path) -> VectorStore:
    store = VectorStore(tmp_path / "tokened", 4)
    store.append(UNIT[:3], UNIT[:1], [codes(1, 2), codes(), codes(3)])
    return store


def told(store: VectorStore, *rows: int) -> tuple[list[int], list[int]]:
    found, counts = store.tokens(np.array(rows))
    return found[:, 0].tolist(), counts.tolist()


def test_each_chunk_has_its_own_tokens(tokened: VectorStore) -> None:
    tokened.append(UNIT[:1], UNIT[:1], [codes(4, 5)])

    assert told(tokened, 3, 1, 0) == ([4, 5, 1, 2], [2, 0, 2])


def test_chunks_of_a_version_without_tokens_have_none(store: VectorStore) -> None:
    (store.path / "token_runs.i64").unlink()
    (store.path / "tokens.u8").unlink()
    again = VectorStore(store.path, 4)
    before = told(again, 0, 1)
    again.append(UNIT[:1], UNIT[:1], [codes(7)])

    assert before == ([], [0, 0])
    assert told(again, 0, 2) == ([7], [0, 1])


def test_gathered_chunks_keep_their_tokens(tokened: VectorStore, tmp_path: Path) -> None:
    gathered = tokened.gather(tmp_path / "gathered", np.array([2, 0]), np.array([0]))

    assert told(gathered, 0, 1) == ([3, 1, 2], [1, 2])


def test_tokens_of_chunks_that_were_never_recorded_are_cut_off(tokened: VectorStore) -> None:
    tokened.resize(1, 1)
    size = (tokened.path / "tokens.u8").stat().st_size

    assert size == 2 * BYTES


def test_tokens_that_are_missing_are_told(tokened: VectorStore) -> None:
    os.truncate(tokened.path / "tokens.u8", 2 * BYTES)
    torn = VectorStore(tokened.path, 4)
    shortage = torn.shortage(3, 1)
    torn.resize(3, 1)

    assert shortage == "the vector files hold 2 tokens of 3"
    assert torn.without_tokens().tolist() == [False, True, True]


def test_rows_of_lists_runs_one_after_the_other() -> None:
    assert rows_of([5, 1], [2, 3]).tolist() == [5, 6, 1, 2, 3]
    assert rows_of([], []).tolist() == []
