"""A file of rows of numbers, only ever added to, that readers map into memory."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class RowFile:
    """Rows of `width` numbers of one kind in the file `path`, which need not be there yet."""

    def __init__(self, path: Path, dtype: DTypeLike, width: int) -> None:
        self._path, self._dtype, self._width = path, np.dtype(dtype), width
        self._remap()

    def _remap(self) -> None:
        n = self._size // (self._dtype.itemsize * self._width)
        self.rows: NDArray[Any] = np.empty((0, self._width), self._dtype)
        if n:  # A plain array over the mapped file: each slice of a memmap costs 10 µs more.
            shape = (n, self._width)
            self.rows = np.asarray(np.memmap(self._path, self._dtype, mode="r", shape=shape))

    @property
    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def __len__(self) -> int:
        return len(self.rows)

    def append(self, rows: NDArray[Any]) -> None:
        """Adds rows, rounded to the file's kind of number; on return they are on disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(rows.astype(self._dtype)).tobytes())
            file.flush()
            os.fsync(file.fileno())
        self._remap()

    def resize(self, n: int) -> None:
        """Cuts the file to so many rows, or fills it up with rows of zeros."""
        size = n * self._width * self._dtype.itemsize
        if self._size != size:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            os.truncate(self._path, size)
            self._remap()
