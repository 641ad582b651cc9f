"""Generations: immutable indexes over the catalogue, built aside and published at once.

A generation is a folder `generations/000007/{chroma/, words/, columns.npz, manifest.json}`. The
file `CURRENT` names the published one and is only ever replaced; a killed build leaves a folder
that nothing names and that the next build deletes. The one before is kept to fall back to.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest import lexical
from ingest.catalogue import Catalogue
from ingest.dense import Collections, Dense
from ingest.disk import sync_folder, sync_tree, write_synced
from ingest.errors import Unavailable
from ingest.feed import entries, points
from ingest.papers import digest
from ingest.vectors import VectorStore

_LAYOUT = "1"  # raised when the same papers are to be indexed in another way
_MAX_DEAD = 0.25  # of the chunks: a graph with more removed ones is built anew
_PROBES = 8  # chunks that are looked up when a generation is opened
_SAME = 0.999  # cosine of a vector with itself, float16 and int8 roundings included


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds. `snapshot` hashes papers, embedder and build settings.

    `n_dead` counts removed chunks that still take room in the collection.
    """

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
    def read(cls, catalogue: Catalogue) -> "Columns":
        """The columns of all live papers."""
        rows = catalogue.columns()
        column = list(zip(*rows, strict=True)) if rows else [()] * 7
        return cls(
            ordinals=np.array(column[0], np.int64),
            ids=np.array(column[1], "U16"),
            years=np.array([y or 0 for y in column[2]], np.int32),
            chunk_rows=np.array(column[3], np.int64),
            n_chunks=np.array(column[4], np.int64),
            sentence_rows=np.array(column[5], np.int64),
            n_sentences=np.array(column[6], np.int64),
        )

    @property
    def n_rows(self) -> tuple[int, int]:
        """How many rows the vector files must at least have: chunks, sentences."""
        return (
            int((self.chunk_rows + self.n_chunks).max(initial=0)),
            int((self.sentence_rows + self.n_sentences).max(initial=0)),
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

    def near(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """Papers of the `k` nearest chunks: `(paper id, cosine)`, best first, each once.

        A collection on a server may hold chunks of other generations: those are left out.
        """
        best: dict[str, float] = {}
        for name, cosine in self.dense.search(vector, k):
            best.setdefault(name.partition("#")[0], cosine)
        return [(i, cosine) for i, cosine in best.items() if i in self.position]

    def close(self) -> None:
        self.dense.close()


class Generations:
    """The generations of the library under `home`."""

    def __init__(self, home: Path, collections: Collections) -> None:
        self._path = home / "generations"
        self._vectors = home / "vectors"
        self._collections = collections

    @property
    def _pointer(self) -> Path:
        return self._path / "CURRENT"

    def current(self) -> int | None:
        """The number of the published generation; None if there is none.

        If the pointer to it is damaged, the newest generation that was built to its end.
        """
        try:
            return int(self._pointer.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            return next((n for n in reversed(self.numbers()) if self._is_complete(n)), None)

    def numbers(self) -> list[int]:
        """The numbers of all generations on disk, complete or not, oldest first."""
        if not self._path.is_dir():
            return []
        return sorted(int(f.name) for f in self._path.iterdir() if f.name.isdigit())

    def folder(self, number: int) -> Path:
        return self._path / f"{number:06d}"

    def _is_complete(self, number: int) -> bool:
        return (self.folder(number) / "manifest.json").is_file()

    def manifest(self, number: int) -> Manifest:
        try:
            stored = orjson.loads((self.folder(number) / "manifest.json").read_bytes())
            return Manifest(**stored)
        except (OSError, TypeError, orjson.JSONDecodeError) as error:
            raise _damaged(number, "its manifest cannot be read") from error

    def open(self, number: int) -> Generation:
        """Opens a generation and probes whether its parts agree.

        Raises:
            Unavailable: a part is missing, unreadable, or not what the manifest says.
        """
        manifest, folder = self.manifest(number), self.folder(number)
        try:
            columns = self._columns(number)
            words = lexical.Words(folder / "words")
            vectors = VectorStore(self._vectors / manifest.vectors, manifest.dimension)
        except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise _damaged(number, str(error)) from error
        dense = self._collections.open(folder, manifest.collection)
        position = {str(paper_id): i for i, paper_id in enumerate(columns.ids)}
        generation = Generation(manifest, columns, dense, words, vectors, position)
        try:
            if problem := _problem(generation, is_exact=not self._collections.is_remote):
                raise _damaged(number, problem)
        except BaseException:
            generation.close()
            raise
        return generation

    def _columns(self, number: int) -> Columns:
        with np.load(self.folder(number) / "columns.npz") as stored:
            return Columns(**{name: stored[name] for name in stored.files})

    def build(
        self,
        catalogue: Catalogue,
        vectors: VectorStore,
        *,
        embedder: str,
        library: str,
        from_nothing: bool = False,
    ) -> Manifest:
        """Builds a generation over all live papers and publishes it.

        Only the one writer of the library may call this. Does nothing when the published
        generation already is what would be built, unless `from_nothing` asks for a new one.
        `library` names the library among others on the same Chroma server.
        """
        live = catalogue.live()
        snapshot = snapshot_of(((i, r) for _, i, r in live), embedder)
        before = None if from_nothing else self._reusable(vectors)
        if before and before.snapshot == snapshot:
            return before
        number = max([self.current() or 0, *self.numbers()]) + 1
        columns = Columns.read(catalogue)
        manifest = Manifest(
            number=number,
            snapshot=snapshot,
            embedder=embedder,
            dimension=vectors.dimension,
            vectors=vectors.path.name,
            n_papers=len(live),
            n_chunks=int(columns.n_chunks.sum()),
            n_dead=0,
            collection=f"citelight-{library}-{number:06d}",
        )
        self._drop_unpublished()
        self.folder(number).mkdir(parents=True)
        manifest = self._fill(self._change(before, columns), catalogue, vectors, manifest, columns)
        self._publish(manifest)
        self._drop_old(manifest, catalogue, library)
        return manifest

    def _change(self, before: Manifest | None, columns: Columns) -> "_Change":
        """What is to be done to the generation before, or to nothing where that is cheaper."""
        if before:
            old = self._columns(before.number).ordinals
            removed = np.setdiff1d(old, columns.ordinals)
            if before.n_dead + len(removed) <= _MAX_DEAD * max(before.n_chunks, 1):
                return _Change(before, np.setdiff1d(columns.ordinals, old), removed)
        return _Change(None, columns.ordinals, np.empty(0, np.int64))

    def _fill(
        self,
        change: "_Change",
        catalogue: Catalogue,
        vectors: VectorStore,
        manifest: Manifest,
        columns: Columns,
    ) -> Manifest:
        folder = self.folder(manifest.number)
        self._seed(folder, change)
        removed = [p.id for p in points(catalogue, vectors, change.removed)]
        if change.before:
            dead = change.before.n_dead + len(removed)
            manifest = replace(manifest, n_dead=dead)
            if (
                self._collections.is_remote
            ):  # its collection goes on; the other readers' chunks stay
                manifest, removed = replace(manifest, collection=change.before.collection), []
        self._collections.write(
            folder, manifest.collection, points(catalogue, vectors, change.added), removed
        )
        # After removals the words are indexed anew: tantivy would count removed papers in idf.
        added = columns.ordinals if change.removed.size else change.added
        lexical.write(folder / "words", entries(catalogue, added))
        np.savez(folder / "columns.npz", **{f: getattr(columns, f) for f in Columns.__slots__})
        sync_tree(folder)
        write_synced(folder / "manifest.json", orjson.dumps(asdict(manifest)))
        sync_folder(folder)
        return manifest

    def _seed(self, folder: Path, change: "_Change") -> None:
        """Starts from a copy of the generation before."""
        if not change.before:
            return
        source = self.folder(change.before.number)
        if not self._collections.is_remote:
            shutil.copytree(source / "chroma", folder / "chroma")
        if not change.removed.size:
            # tantivy's segments never change, but its meta files do: those are copied.
            shutil.copytree(source / "words", folder / "words", copy_function=_link_segment)

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

    def _publish(self, manifest: Manifest) -> None:
        self.open(manifest.number).close()
        temporary = self._pointer.with_suffix(".new")
        write_synced(temporary, str(manifest.number).encode())
        os.replace(temporary, self._pointer)
        sync_folder(self._path)

    def _drop_unpublished(self) -> None:
        """Deletes what killed builds left behind."""
        current = self.current() or 0
        for number in self.numbers():
            if number > current:
                shutil.rmtree(self.folder(number))

    def _drop_old(self, current: Manifest, catalogue: Catalogue, library: str) -> None:
        """Deletes all generations but the current one and the one before, and retired papers."""
        kept, ordinals = {current.number: current}, [self._columns(current.number).ordinals]
        for number in reversed(self.numbers()):
            if number not in kept and len(kept) < 2 and number < current.number:
                try:
                    manifest = self.manifest(number)
                    ordinals.append(self._columns(number).ordinals)
                except (Unavailable, OSError, ValueError, KeyError, TypeError, BadZipFile):
                    continue  # damaged: nothing to fall back to
                kept[number] = manifest
        for number in set(self.numbers()) - kept.keys():
            shutil.rmtree(self.folder(number))
        self._collections.prune(f"citelight-{library}-", {m.collection for m in kept.values()})
        catalogue.forget_retired(np.concatenate(ordinals).tolist())


@dataclass(frozen=True, slots=True)
class _Change:
    """Ordinals to add to and remove from the generation `before`, or from nothing."""

    before: Manifest | None
    added: NDArray[np.int64]
    removed: NDArray[np.int64]


def snapshot_of(papers: Iterable[tuple[str, str]], embedder: str) -> str:
    """The snapshot id of a library of `(paper id, revision)` under an embedder: 16 hex digits."""
    return digest(_LAYOUT, embedder, *(f"{i}:{r}" for i, r in sorted(papers)))


def _damaged(number: int, problem: str) -> Unavailable:
    return Unavailable(f"Index generation {number} is damaged: {problem}. Run: citelight reindex")


def _problem(generation: Generation, *, is_exact: bool) -> str | None:
    """What does not agree in an open generation; None if all does.

    `is_exact` says that the collection holds no chunk but this generation's.
    """
    manifest, columns = generation.manifest, generation.columns
    n_found, n_words = generation.dense.n_chunks, generation.words.n_papers
    if (n_words, len(columns.ids)) != (manifest.n_papers, manifest.n_papers):
        return f"{n_words} papers in words, {len(columns.ids)} in columns of {manifest.n_papers}"
    if n_found < manifest.n_chunks or (is_exact and n_found > manifest.n_chunks):
        return f"{n_found} chunks in Chroma of {manifest.n_chunks}"
    return generation.vectors.shortage(*columns.n_rows) or _strange_probe(generation)


def _strange_probe(generation: Generation) -> str | None:
    """Looks for chunks by their own vectors, which must come first: finds a torn graph."""
    columns = generation.columns
    for position in _spread(columns.n_chunks > 0):
        (vector,) = generation.vectors.chunks(columns.chunk_rows[position : position + 1])
        length = float(np.linalg.norm(vector))
        found = generation.dense.search(vector / max(length, 1e-6), 1)
        if not length > 0.5 or not found or found[0][1] < _SAME:
            return f"paper {columns.ids[position]} is not found by its own vector"
    return None


def _spread(mask: NDArray[np.bool_]) -> Sequence[int]:
    """A few positions where the mask holds, the first and the last among them."""
    among = np.flatnonzero(mask)
    picked = np.linspace(0, len(among) - 1, min(_PROBES, len(among))).astype(np.int64)
    return [int(among[i]) for i in picked]


def _link_segment(source: str, target: str) -> None:
    is_mutable = Path(source).name in {"meta.json", ".managed.json"} or source.endswith(".lock")
    if is_mutable:
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
