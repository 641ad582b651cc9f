"""Which papers hold a word, and how often: sorted arrays that readers map into memory.

tantivy finds the best papers for a question. What each word gives to a paper that was found
otherwise, or to each of a few papers that a filter leaves, it can only tell by one restricted
search a word (50 ms at 77,554 papers); here it is a binary search in the word's list (0.2 ms).
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_K1, _B = 1.2, 0.75  # BM25 as tantivy has it, so that both find the same papers
_LONG, _LISTS = 1_000, 128  # entries of a list that is long, and how many of those are kept
_MOST = 255  # occurrences that are told apart


@dataclass(frozen=True, slots=True)
class Arrays:
    """The files. The list of stem `i` is at `[starts[i], starts[i + 1])` of the last three.

    `rows` are rows of `ordinals`, rising within a list; `in_title` and `in_abstract` how often
    the stem stands there. `lengths`, of shape (papers, 2), are words in title and abstract.
    """

    ordinals: NDArray[np.int64]
    lengths: NDArray[np.int32]
    keys: NDArray[np.uint64]  # hashes of the stems, rising
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    in_title: NDArray[np.uint8]
    in_abstract: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Weights:
    """Words of a question against papers.

    `idf`, one a stem, is ln(1 + (N - n + 0.5) / (n + 0.5)), highest for a stem no paper has
    (n = 0). `bm25` and `coverage`, one a paper, are the sum over title and abstract of what BM25
    gives, and the share of the stems' idf that the paper holds, 0 to 1. `held`, of shape
    (stems, papers), tells which paper has which stem.
    """

    idf: NDArray[np.float32]
    bm25: NDArray[np.float32]
    coverage: NDArray[np.float32]
    held: NDArray[np.bool_]


class Postings:
    """The lists in the folder `path`, open for reading."""

    def __init__(self, path: Path) -> None:
        self._held = _load(path)
        means = self._held.lengths.mean(axis=0) if len(self._held.ordinals) else np.ones(2)
        norms = _K1 * (1 - _B + _B * self._held.lengths / np.maximum(means, 1e-9))
        self._kept = lru_cache(_LISTS)(self._gains)  # frequent words are asked for often
        self._norms = np.ascontiguousarray(norms.T, np.float32)  # (title and abstract, papers)

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """The papers' rows in the catalogue, rising; a paper's place here is its row."""
        return self._held.ordinals

    def weigh(self, stems: Sequence[str], rows: NDArray[np.int64]) -> Weights:
        """What each stem is worth, and what all of them give to the papers in these rows.

        `rows` must rise.
        """
        held = np.zeros((len(stems), len(rows)), np.bool_)
        entries = np.zeros((len(stems), len(rows)), np.int64)
        parts = self._parts(stems)
        sought = rows.astype(np.int32)  # as the lists are, which would be copied otherwise
        for i, part in enumerate(parts):
            if len(own := self._held.rows[part]):
                at = own.searchsorted(sought)
                np.equal(own.take(at, mode="clip"), sought, out=held[i])
                np.add(at, part.start, out=entries[i])
        idf = self._idfs(parts)
        stem_of, paper_of = np.nonzero(held)
        gains = np.zeros(len(stem_of), np.float32)
        at = entries[held]
        for field, counts in enumerate((self._held.in_title, self._held.in_abstract)):
            times = counts.take(at).astype(np.float32)
            norms = self._norms[field].take(rows).take(paper_of)
            gains += _saturated(idf[1 + field].take(stem_of), times, norms)
        worth = idf[0].take(stem_of) / (float(idf[0].sum()) or 1.0)
        bm25, coverage = (np.bincount(paper_of, w, len(rows)) for w in (gains, worth))
        return Weights(idf[0], bm25.astype(np.float32), coverage.astype(np.float32), held)

    def weigh_all(
        self, stems: Sequence[str], mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows that `mask` allows and that have some of the stems, and their BM25.

        Takes as long as the stems are frequent: 3 ns a paper and stem, 10 more the first time.
        """
        bm25 = np.zeros(len(mask), np.float32)
        for part in self._parts(stems):
            is_long = part.stop - part.start > _LONG
            gains = (self._kept if is_long else self._gains)(part.start, part.stop)
            bm25[self._held.rows[part]] += gains
        found = np.flatnonzero((bm25 > 0) & mask)
        return found, bm25.take(found)

    def _gains(self, start: int, stop: int) -> NDArray[np.float32]:
        """What the stem whose list is there gives to each paper of the list."""
        part = slice(start, stop)
        rows = self._held.rows[part]
        total = np.zeros(len(rows), np.float32)
        for field, counts in enumerate((self._held.in_title, self._held.in_abstract)):
            times = counts[part]
            inside = np.flatnonzero(times)
            total[inside] += _saturated(
                self._idf(len(inside)),
                times.take(inside).astype(np.float32),
                self._norms[field].take(rows.take(inside)),
            )
        return total

    def _parts(self, stems: Sequence[str]) -> list[slice]:
        """Where the lists of the stems lie; an empty part for one that no paper has."""
        wanted = np.array([_key(stem) for stem in stems], np.uint64)
        places = self._held.keys.searchsorted(np.stack([wanted, wanted + np.uint64(1)]))
        starts, stops = self._held.starts.take(places).tolist()
        return [slice(start, stop) for start, stop in zip(starts, stops, strict=True)]

    def _idfs(self, parts: Sequence[slice]) -> NDArray[np.float32]:
        """What each stem is worth in a paper, in its title, in its abstract: shape (3, stems)."""
        fields = (self._held.in_title, self._held.in_abstract)
        counts = [
            [part.stop - part.start, *(np.count_nonzero(own[part]) for own in fields)]
            for part in parts
        ]
        return self._idf(np.array(counts, np.float64).reshape(-1, 3).T)

    def _idf(self, n: float | NDArray[np.float64]) -> NDArray[np.float32]:
        """ln(1 + (N - n + 0.5) / (n + 0.5)) of stems that `n` papers have."""
        idf = np.log1p((len(self._held.ordinals) - n + 0.5) / (n + 0.5))
        return np.asarray(idf, np.float32)


def _saturated(
    idf: float | NDArray[np.float32], times: NDArray[np.float32], norms: NDArray[np.float32]
) -> NDArray[np.float32]:
    """BM25 of words that stand `times` in a text."""
    return np.asarray(idf * times * (_K1 + 1) / (times + norms), np.float32)


def write(path: Path, papers: Iterable[tuple[int, Sequence[str], Sequence[str]]]) -> None:
    """Adds papers, as `(ordinal, stems of the title, stems of the abstract)`, to the lists.

    Makes the lists where there are none. A paper's ordinal must be new.
    """
    before = _load(path) if (path / "ordinals.npy").exists() else _nothing()
    added = _collected(papers)
    ordinals = np.concatenate([before.ordinals, added.ordinals])
    order = np.argsort(ordinals)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    keys = np.concatenate([_spelled(before), _spelled(added)])
    rows = place[np.concatenate([before.rows, added.rows + np.int32(len(before.ordinals))])]
    by = np.lexsort((rows, keys))
    unique, counts = np.unique(keys, return_counts=True)
    joined = Arrays(
        ordinals=ordinals[order],
        lengths=np.concatenate([before.lengths, added.lengths])[order],
        keys=unique,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        rows=rows[by],
        in_title=np.concatenate([before.in_title, added.in_title])[by],
        in_abstract=np.concatenate([before.in_abstract, added.in_abstract])[by],
    )
    _save(path, joined)


def _spelled(held: Arrays) -> NDArray[np.uint64]:
    """The key of each entry of the lists."""
    return np.repeat(held.keys, np.diff(held.starts))


def _collected(papers: Iterable[tuple[int, Sequence[str], Sequence[str]]]) -> Arrays:
    """The papers as lists of one entry each: unsorted, keys repeated."""
    seen: dict[str, int] = {}
    columns = [array(kind) for kind in "QiBB"]
    ordinals, lengths = [], []
    for row, (ordinal, title, abstract) in enumerate(papers):
        ordinals.append(ordinal)
        lengths.append((len(title), len(abstract)))
        in_title, in_abstract = Counter(title), Counter(abstract)
        for stem in in_title.keys() | in_abstract.keys():
            key = seen.get(stem)
            if key is None:
                key = seen[stem] = _key(stem)
            entry = (key, row, min(in_title[stem], _MOST), min(in_abstract[stem], _MOST))
            for column, value in zip(columns, entry, strict=True):
                column.append(value)
    return Arrays(
        ordinals=np.array(ordinals, np.int64),
        lengths=np.array(lengths, np.int32).reshape(-1, 2),
        keys=np.array(columns[0], np.uint64),
        starts=np.arange(len(columns[0]) + 1, dtype=np.int64),
        rows=np.array(columns[1], np.int32),
        in_title=np.array(columns[2], np.uint8),
        in_abstract=np.array(columns[3], np.uint8),
    )


def _nothing() -> Arrays:
    return _collected([])


def _load(path: Path) -> Arrays:
    names = [f.name for f in fields(Arrays)]
    # As plain arrays over the mapped files: each slice of a memmap costs 10 µs more.
    mapped = {n: np.load(path / f"{n}.npy", mmap_mode="r") for n in names}
    arrays: dict[str, Any] = {n: np.asarray(held) for n, held in mapped.items()}
    return Arrays(**arrays)


def _save(path: Path, arrays: Arrays) -> None:
    """Writes the files anew; readers of the old ones keep them, as they are replaced."""
    path.mkdir(parents=True, exist_ok=True)
    for f in fields(Arrays):
        aside = path / f"{f.name}.new.npy"
        np.save(aside, getattr(arrays, f.name))
        aside.replace(path / f"{f.name}.npy")


def _key(stem: str) -> int:
    return int.from_bytes(hashlib.blake2b(stem.encode(), digest_size=8).digest(), "little")
