"""Generations: immutable indexes over the catalogue, built aside and published at once.

A generation is a folder `generations/000007/{chroma/, words/, columns.npz, manifest.json}`. The
file `CURRENT` names the published one and is only ever replaced; a killed build leaves a folder
that nothing names and that the next build deletes.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest import lexical
from ingest.catalogue import Catalogue
from ingest.chunk import chunk_id
from ingest.dense import Collections, Dense, Point
from ingest.errors import Unavailable
from ingest.papers import digest
from ingest.vectors import VectorStore, rows_of

_MAX_DEAD = 0.25  # of the chunks: a graph with more removed ones is built anew
_HYDRATED = 500  # papers read from the catalogue at a time
_KEPT = 2  # generations: the current one, and the one before to fall back to


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds. `snapshot` hashes papers, embedder and build settings."""

    number: int
    snapshot: str
    embedder: str
    dimension: int
    vectors: str
    n_papers: int
    n_chunks: int
    n_dead: int
    collection: str


@dataclass(frozen=True, slots=True)
class Columns:
    """One row a paper, by ordinal: what ranking needs without asking the catalogue."""

    ordinals: NDArray[np.int64]
    ids: NDArray[np.str_]
    years: NDArray[np.int32]  # 0 where unknown
    chunk_rows: NDArray[np.int64]
    n_chunks: NDArray[np.int64]
    sentence_rows: NDArray[np.int64]
    n_sentences: NDArray[np.int64]

    @classmethod
    def read(cls, catalogue: Catalogue, ordinals: Sequence[int]) -> "Columns":
        rows = catalogue.columns(ordinals)
        column = list(zip(*rows, strict=True)) if rows else [()] * 8
        return cls(
            ordinals=np.array(column[0], np.int64),
            ids=np.array(column[1], "U16"),
            years=np.array([y or 0 for y in column[2]], np.int32),
            chunk_rows=np.array(column[4], np.int64),
            n_chunks=np.array(column[5], np.int64),
            sentence_rows=np.array(column[6], np.int64),
            n_sentences=np.array(column[7], np.int64),
        )


@dataclass(frozen=True, slots=True)
class Generation:
    """A published generation, open for searching."""

    manifest: Manifest
    columns: Columns
    dense: Dense
    words: lexical.Words
    vectors: VectorStore
    position: dict[str, int]  # of a paper id in `columns`

    def close(self) -> None:
        self.dense.close()


class Generations:
    """The generations of the library under `home`."""

    def __init__(self, home: Path, collections: Collections) -> None:
        self._path = home / "generations"
        self._vectors = home / "vectors"
        self._collections = collections
        self._path.mkdir(parents=True, exist_ok=True)

    @property
    def _pointer(self) -> Path:
        return self._path / "CURRENT"

    def current(self) -> int | None:
        """The number of the published generation."""
        try:
            return int(self._pointer.read_text())
        except FileNotFoundError:
            return None

    def _folder(self, number: int) -> Path:
        return self._path / f"{number:06d}"

    def manifest(self, number: int) -> Manifest:
        try:
            stored = orjson.loads((self._folder(number) / "manifest.json").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError) as error:
            raise Unavailable(
                f"Index generation {number} is damaged. Run: citelight reindex"
            ) from error
        return Manifest(**stored)

    def open(self, number: int) -> Generation:
        """Opens a published generation and checks that its parts agree.

        Raises:
            Unavailable: a part is missing, unreadable or of another size than the manifest says.
        """
        manifest = self.manifest(number)
        folder = self._folder(number)
        try:
            with np.load(folder / "columns.npz") as stored:
                columns = Columns(**{name: stored[name] for name in stored.files})
            words = lexical.Words(folder / "words")
            vectors = VectorStore(self._vectors / manifest.vectors, manifest.dimension)
            dense = self._collections.open(folder, manifest.collection)
        except (OSError, ValueError, KeyError) as error:
            raise Unavailable(
                f"Index generation {number} is damaged ({error}). Run: citelight reindex"
            ) from error
        position = {str(paper_id): i for i, paper_id in enumerate(columns.ids)}
        generation = Generation(manifest, columns, dense, words, vectors, position)
        _check(generation)
        return generation

    def build(
        self,
        catalogue: Catalogue,
        vectors: VectorStore,
        *,
        embedder: str,
        from_nothing: bool = False,
    ) -> Manifest:
        """Builds a generation over all live papers and publishes it.

        Only the one writer of the library may call this. Does nothing when the published
        generation already is what would be built, unless `from_nothing` asks for a new one.
        """
        live = catalogue.live()
        snapshot = snapshot_of(((i, r) for _, i, r in live), embedder)
        before = None if from_nothing else self._reusable(vectors)
        if before and before.snapshot == snapshot:
            return before
        number = self._clear_unpublished() + 1
        folder = self._folder(number)
        folder.mkdir()
        old = self._read_ordinals(before) if before else np.empty(0, np.int64)
        new = np.array([ordinal for ordinal, _, _ in live], np.int64)
        manifest = self._fill(
            folder,
            _Change(before, np.setdiff1d(new, old), np.setdiff1d(old, new)),
            catalogue,
            vectors,
            Manifest(
                number=number,
                snapshot=snapshot,
                embedder=embedder,
                dimension=vectors.dimension,
                vectors=vectors.path.name,
                n_papers=len(live),
                n_chunks=0,
                n_dead=0,
                collection=f"citelight-{number:06d}-{snapshot}",
            ),
            Columns.read(catalogue, new.tolist()),
        )
        self._publish(manifest)
        self._drop_old(number, catalogue)
        return manifest

    def _fill(
        self,
        folder: Path,
        change: "_Change",
        catalogue: Catalogue,
        vectors: VectorStore,
        manifest: Manifest,
        columns: Columns,
    ) -> Manifest:
        change = self._seed(folder, change, columns)
        removed = [i for p in _points(catalogue, vectors, change.removed) for i in [p.id]]
        self._collections.write(
            folder, manifest.collection, _points(catalogue, vectors, change.added), removed
        )
        # After removals the words are indexed anew: tantivy would count removed papers in idf.
        added = columns.ordinals if change.removed.size else change.added
        lexical.write(folder / "words", _entries(catalogue, added))
        np.savez(folder / "columns.npz", **{f: getattr(columns, f) for f in Columns.__slots__})
        dead = change.before.n_dead if change.before else 0
        manifest = Manifest(
            **{
                **asdict(manifest),
                "n_chunks": int(columns.n_chunks.sum()),
                "n_dead": dead + len(removed),
            }
        )
        _write_synced(folder / "manifest.json", orjson.dumps(asdict(manifest)))
        return manifest

    def _seed(self, folder: Path, change: "_Change", columns: Columns) -> "_Change":
        """Starts from a copy of the generation before where that is cheaper than from nothing."""
        before = change.before
        dead = (before.n_dead if before else 0) + len(change.removed)
        is_worth_it = before and not self._collections.is_remote
        if not (before and is_worth_it and dead <= _MAX_DEAD * max(before.n_chunks, 1)):
            return _Change(None, columns.ordinals, np.empty(0, np.int64))
        source = self._folder(before.number)
        shutil.copytree(source / "chroma", folder / "chroma")
        if not change.removed.size:
            # tantivy's segments never change, but its meta files do: those are copied.
            shutil.copytree(source / "words", folder / "words", copy_function=_link_segment)
        return change

    def _reusable(self, vectors: VectorStore) -> Manifest | None:
        """The published generation, if it is whole and its rows are those of `vectors`."""
        number = self.current()
        if number is None:
            return None
        try:
            self.open(number).close()
            manifest = self.manifest(number)
        except Unavailable:
            return None
        return manifest if manifest.vectors == vectors.path.name else None

    def _read_ordinals(self, manifest: Manifest) -> NDArray[np.int64]:
        with np.load(self._folder(manifest.number) / "columns.npz") as stored:
            ordinals: NDArray[np.int64] = stored["ordinals"]
        return ordinals

    def _numbers(self) -> list[int]:
        return sorted(int(f.name) for f in self._path.iterdir() if f.name.isdigit())

    def _clear_unpublished(self) -> int:
        """Deletes what killed builds left behind; the last number in use."""
        current = self.current() or 0
        for number in self._numbers():
            if number > current:
                shutil.rmtree(self._folder(number))
        return current

    def _publish(self, manifest: Manifest) -> None:
        self._collections.open(self._folder(manifest.number), manifest.collection).close()
        temporary = self._pointer.with_suffix(".new")
        _write_synced(temporary, str(manifest.number).encode())
        os.replace(temporary, self._pointer)
        _sync_folder(self._path)

    def _drop_old(self, current: int, catalogue: Catalogue) -> None:
        numbers = self._numbers()
        for number in numbers[:-_KEPT]:
            with suppress(Unavailable):  # it stays on the server, unused; the folder need not
                self._collections.drop(self.manifest(number).collection)
            shutil.rmtree(self._folder(number))
        kept = [self._read_ordinals(self.manifest(n)) for n in numbers[-_KEPT:]]
        catalogue.forget_retired(np.concatenate(kept).tolist())


@dataclass(frozen=True, slots=True)
class _Change:
    before: Manifest | None
    added: NDArray[np.int64]
    removed: NDArray[np.int64]


def snapshot_of(papers: Iterable[tuple[str, str]], embedder: str) -> str:
    """The snapshot id of a library of `(paper id, revision)` under an embedder: 16 hex digits."""
    return digest(embedder, *(f"{i}:{r}" for i, r in sorted(papers)))


def _points(
    catalogue: Catalogue, vectors: VectorStore, ordinals: NDArray[np.int64]
) -> Iterator[Point]:
    for at in range(0, len(ordinals), _HYDRATED):
        papers = catalogue.papers(ordinals[at : at + _HYDRATED].tolist())
        rows = rows_of([p.chunk_row for p in papers], [len(p.chunks) for p in papers])
        of_chunk = iter(vectors.chunks(rows))
        for paper in papers:
            for n, chunk in enumerate(paper.chunks):
                text = paper.paper.abstract[chunk.start : chunk.end]
                yield Point(
                    id=chunk_id(paper.id, n, paper.paper.title + text),
                    vector=next(of_chunk),
                    text=text,
                    title=paper.paper.title,
                    paper_id=paper.id,
                )


def _entries(catalogue: Catalogue, ordinals: NDArray[np.int64]) -> Iterator[lexical.Entry]:
    for at in range(0, len(ordinals), _HYDRATED):
        for stored in catalogue.papers(ordinals[at : at + _HYDRATED].tolist()):
            paper = stored.paper
            title = "" if paper.is_title_derived else paper.title
            yield lexical.Entry(stored.ordinal, title, paper.abstract)


def _check(generation: Generation) -> None:
    manifest = generation.manifest
    found = (generation.words.n_papers, len(generation.columns.ids), generation.dense.n_chunks)
    expected = (manifest.n_papers, manifest.n_papers, manifest.n_chunks)
    if found != expected:
        generation.close()
        raise Unavailable(
            f"Index generation {manifest.number} is damaged (papers in words, papers in columns, "
            f"chunks in Chroma: {found}, expected {expected}). Run: citelight reindex"
        )


def _link_segment(source: str, target: str) -> None:
    is_mutable = Path(source).name in {"meta.json", ".managed.json"} or source.endswith(".lock")
    (shutil.copy2 if is_mutable else os.link)(source, target)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
