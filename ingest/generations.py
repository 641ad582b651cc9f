"""Generations: immutable indexes over the catalogue, built aside and published at once.

They lie in folders `generations/000007`. The file `CURRENT` names the published one and is only
ever replaced; a killed build leaves a folder that nothing names and that the next build deletes.
The one before is kept to fall back to, and older ones while somebody has them open.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest import lexical
from ingest.catalogue import Catalogue
from ingest.dense import Collections, Dense
from ingest.disk import (
    FULL,
    InUse,
    checksums,
    empty,
    is_full,
    is_in_use,
    sync_folder,
    sync_tree,
    takes_writes,
    write_synced,
)
from ingest.errors import Unavailable
from ingest.generation import (
    Columns,
    Completed,
    Exact,
    Generation,
    Manifest,
    problem,
    strays,
)
from ingest.indexing import entries, points
from ingest.papers import digest
from ingest.vectors import VectorStore

logger = logging.getLogger(__name__)

_LAYOUT = "2"  # raised when the same papers are to be indexed in another way
_MAX_DEAD = 0.25  # of the chunks: a graph with more removed ones is built anew
# SQLite and tantivy write these when they are opened; both check them by themselves.
_CHANGING = frozenset({"manifest.json", "chroma.sqlite3", "chroma.sqlite3-journal"}) | frozenset(
    {"chroma.sqlite3-wal", "chroma.sqlite3-shm", ".tantivy-meta.lock", ".tantivy-writer.lock"}
)
_GRAPH = frozenset({"data_level0.bin", "header.bin", "length.bin", "link_lists.bin"})
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, BadZipFile)


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

    def open(self, number: int, *, is_new: bool = False) -> Generation:
        """Opens a generation and probes whether its parts agree.

        Where Chroma cannot be opened because nothing can be written, the vectors are searched
        without it, but not for one that `is_new`, not published yet.

        Raises:
            Unavailable: a part is missing, unreadable, or not what the manifest says.
        """
        manifest, folder = self.manifest(number), self.folder(number)
        with ExitStack() as opened:
            try:
                in_use = opened.enter_context(closing(InUse(folder)))
                if torn := _differing(manifest.files, _checksums(folder)):
                    raise _damaged(number, f"the content of {torn} is not what was written")
                columns = self._columns(number)
                words = lexical.Words(folder / "words")
                vectors = VectorStore(self._vectors / manifest.vectors, manifest.dimension)
            except _UNREADABLE as error:
                raise _damaged(number, str(error)) from error
            dense = self._dense(manifest, columns, vectors, is_new=is_new)
            opened.enter_context(closing(dense))
            position = {str(paper_id): i for i, paper_id in enumerate(columns.ids)}
            generation = Generation(manifest, columns, dense, words, vectors, position, in_use)
            if found := problem(generation, is_exact=not self._collections.is_remote):
                raise _damaged(number, found)
            opened.pop_all()
        return generation

    def _dense(
        self, manifest: Manifest, columns: Columns, vectors: VectorStore, *, is_new: bool
    ) -> Dense:
        folder = self.folder(manifest.number)
        try:
            dense: Dense = self._collections.open(folder, manifest.collection)
        except Unavailable as error:
            if is_new or self._collections.is_remote or takes_writes(folder):
                raise
            logger.warning("every question is compared with every chunk: %s", error)
            return Exact(columns, vectors)
        if manifest.strays:
            return Completed(dense, Exact(columns, vectors, manifest.strays))
        return dense

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
        snapshot = self.snapshot(catalogue, embedder)
        before = None if from_nothing else self._intact(vectors)
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
            n_papers=len(columns.ids),
            n_chunks=int(columns.n_chunks.sum()),
            n_dead=0,
            collection=f"citelight-{library}-{number:06d}",
            files={},
        )
        self._drop_unpublished()
        self.folder(number).mkdir(parents=True)
        change = self._change(before, columns)
        try:
            with self._cleared(number):
                manifest = self._fill(change, catalogue, vectors, manifest, columns)
                self._publish(manifest)
        except Unavailable as error:
            if change.before is None or is_full(self._path):
                raise
            logger.warning("the indexes are built anew from the catalogue: %s", error)
            return self.build(
                catalogue, vectors, embedder=embedder, library=library, from_nothing=True
            )
        self._drop_old(manifest, catalogue, library)
        return manifest

    @contextmanager
    def _cleared(self, number: int) -> Iterator[None]:
        """Deletes what a failed build wrote: readers need the space of a full disk.

        The folder stays, so that its number is not given out again: within a process Chroma
        cannot be opened anew where it has failed once. Engines that run out of space do not
        always say so; here it is said for them.
        """
        try:
            yield
        except BaseException as error:
            has_space = not is_full(self._path)
            if number != self.current():
                empty(self.folder(number))
            if isinstance(error, Unavailable) and not has_space:
                raise Unavailable(FULL) from error
            raise

    def snapshot(self, catalogue: Catalogue, embedder: str) -> str:
        """The snapshot id of all live papers, published or not."""
        return snapshot_of(((i, r) for _, i, r in catalogue.live()), embedder)

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
        if not self._collections.is_remote:
            with closing(self._collections.open(folder, manifest.collection)) as dense:
                manifest = replace(manifest, strays=strays(dense, columns, vectors))
        # After removals the words are indexed anew: tantivy would count removed papers in idf.
        added = columns.ordinals if change.removed.size else change.added
        lexical.write(folder / "words", entries(catalogue, added))
        np.savez(folder / "columns.npz", **{f: getattr(columns, f) for f in Columns.__slots__})
        sync_tree(folder)
        manifest = replace(manifest, files=_checksums(folder))
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

    def _intact(self, vectors: VectorStore) -> Manifest | None:
        """The published generation's manifest, if its files are as they were written.

        The index in Chroma is not opened, which would write to it and takes a second or two. If
        it cannot be, what grew out of it fails its check, and is built from nothing.
        """
        number = self.current()
        try:
            manifest = self.manifest(number) if number is not None else None
            if manifest is None or manifest.vectors != vectors.path.name:
                return None
            folder = self.folder(manifest.number)
            is_there = self._collections.is_remote or (folder / "chroma/chroma.sqlite3").is_file()
            torn = _differing(manifest.files, _checksums(folder))
        except (Unavailable, OSError):
            return None
        return manifest if is_there and not torn else None

    def _publish(self, manifest: Manifest) -> None:
        self.open(manifest.number, is_new=True).close()
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
        """Deletes generations and retired papers that nobody needs any more.

        Needed are the current one, the one before, and those that somebody has open.
        """
        kept, ordinals = {current.number: current}, [self._columns(current.number).ordinals]
        for number in reversed(self.numbers()):
            is_needed = len(kept) < 2 or is_in_use(self.folder(number))
            if number not in kept and is_needed and number < current.number:
                try:
                    manifest = self.manifest(number)
                    ordinals.append(self._columns(number).ordinals)
                except (Unavailable, *_UNREADABLE):
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


def _checksums(folder: Path) -> dict[str, int]:
    """Checksums of what stays as it was written.

    The graph of a single chunk does not: Chroma keeps that in its log, and noise in these files.
    """
    is_stored = any(folder.glob("chroma/*/index_metadata.pickle"))
    return checksums(folder, but=_CHANGING if is_stored else _CHANGING | _GRAPH)


def _differing(written: Mapping[str, int], found: Mapping[str, int]) -> str | None:
    """A file that is missing or another one than was written; None if all are as they were."""
    return next((name for name, value in written.items() if found.get(name) != value), None)


def _damaged(number: int, problem: str) -> Unavailable:
    return Unavailable(f"Index generation {number} is damaged: {problem}. Run: citelight reindex")


def _link_segment(source: str, target: str) -> None:
    is_mutable = Path(source).name in {"meta.json", ".managed.json"} or source.endswith(".lock")
    if is_mutable:
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
