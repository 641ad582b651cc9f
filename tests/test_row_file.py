"""Rows of numbers in a file that only grows."""

from pathlib import Path

import numpy as np
import pytest

from ingest.row_file import RowFile


@pytest.fixture
def file(tmp_path: Path) -> RowFile:
    file = RowFile(tmp_path / "deep" / "numbers.i64", np.int64, 2)
    file.append(np.array([[1, 2], [3, 4]]))
    return file


def test_rows_come_back(file: RowFile) -> None:
    file.append(np.array([[5, 6]]))

    assert file.rows.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_rows_got_before_stay_as_they_were(file: RowFile) -> None:
    before = file.rows
    file.append(np.array([[5, 6]]))

    assert before.tolist() == [[1, 2], [3, 4]]


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert len(RowFile(tmp_path / "none", np.uint8, 4)) == 0


def test_a_file_is_cut_or_filled_with_zeros(file: RowFile) -> None:
    file.resize(1)
    file.resize(3)

    assert file.rows.tolist() == [[1, 2], [0, 0], [0, 0]]


def test_half_a_row_is_none(file: RowFile, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "numbers.i64"
    with path.open("ab") as stream:
        stream.write(b"half")

    assert len(RowFile(path, np.int64, 2)) == 2
