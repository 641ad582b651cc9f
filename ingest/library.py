"""The library: the catalogue and the published generation of its indexes behind one door."""

import fcntl
import logging
import secrets
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.catalogue import Catalogue, StoredPaper
from ingest.dense import Collections
from ingest.disk import explained, sync_folder
from ingest.embed import Embedder
from ingest.errors import Conflict, InvalidInput, Unavailable
from ingest.generation import Columns, Generation, Manifest
from ingest.generations import Generations
from ingest.vectors import VectorStore, rows_of

logger = logging.getLogger(__name__)

_MAX_DEAD = 0.25  # of the vectors: those of papers that changed or left are given back beyond it

Tally = list[tuple[str, int]]


@dataclass(slots=True)
class _Held:
    """An open generation and how many questions are using it."""

    generation: Generation
    users: int = 0


class Library:
    """The papers under `home`, searched through immutable generations.

    Any number of processes may read; one at a time may write, inside `writing()`. Threads may
    share one library.
    """

    def __init__(self, home: Path, embedder: Embedder, collections: Collections) -> None:
        self.home = home
        self.embedder = embedder
        self.catalogue = Catalogue(home / "catalogue.sqlite")
        self.generations = Generations(home, collections)
        self._vectors: VectorStore | None = None
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._held: _Held | None = None
        self._latest: int | None = None  # the published generation when last looked at
        self._tallies: tuple[str, Tally, Tally] = ("", [], [])

    @property
    def vectors(self) -> VectorStore:
        """Where the writer puts vectors; readers use those of their generation."""
        if self._vectors is None:
            name = self.catalogue.meta("vectors") or "000001"
            self._vectors = VectorStore(self.home / "vectors" / name, self.embedder.dimension)
        return self._vectors

    def close(self) -> None:
        with self._lock:
            held, self._held = self._held, None
        if held:
            held.generation.close()
        self.catalogue.close()

    # --- reading ---

    @property
    def is_empty(self) -> bool:
        return self.catalogue.n_papers() == 0

    @property
    def snapshot(self) -> str:
        """The id of the published content, "" before anything was ingested."""
        number = self.generations.current()
        return self.generations.manifest(number).snapshot if number is not None else ""

    def tallies(self) -> tuple[Tally, Tally]:
        """How many papers each year and each venue has, most first.

        Counted anew when something was published: 0.4 s for 77,554 papers.
        """
        snapshot, years, venues = self._tallies
        if not snapshot or snapshot != self.snapshot:
            snapshot = self.snapshot
            years, venues = self.catalogue.tally("year"), self.catalogue.tally("venue")
            self._tallies = (snapshot, years, venues)
        return years, venues

    @contextmanager
    def pinned(self) -> Iterator[Generation]:
        """The current generation, which stays open and unchanged until the block ends.

        Raises:
            Unavailable: nothing has been ingested yet, or no index can be opened or rebuilt.
        """
        held = self._hold()
        try:
            yield held.generation
        finally:
            with self._lock:
                held.users -= 1
                is_last = held.users == 0 and held is not self._held
            if is_last:
                held.generation.close()

    def _hold(self) -> _Held:
        with self._lock:
            if self._held:
                self._held.users += 1
                return self._held
        self.refresh()
        with self._lock:
            if not self._held:
                raise Unavailable("The library is empty. Add papers: citelight ingest FILE...")
            self._held.users += 1
            return self._held

    def refresh(self) -> bool:
        """Opens the published generation if it is not the one in use; whether it changed.

        Takes up to a few seconds; questions go on with the generation they have. One that is
        damaged is passed over: an older one in use stays, else the one before is opened, else
        the indexes are built anew from the catalogue.
        """
        with self._refreshing:
            number = self.generations.current()
            if number is None or number == self._latest:
                return False
            self._check_embedder()
            fresh = self._open(number)
            self._latest = number
            if fresh is None:
                return False
            with self._lock:
                old, self._held = self._held, _Held(fresh)
                is_unused = old is not None and old.users == 0
        if old and is_unused:
            old.generation.close()
        return True

    def _open(self, number: int) -> Generation | None:
        """The best generation that opens; None to stay with the one in use."""
        try:
            return self.generations.open(number)
        except Unavailable as error:
            logger.warning("%s", error)
            if self._held:
                return None
        for older in reversed([n for n in self.generations.numbers() if n < number]):
            try:
                generation = self.generations.open(older)
            except Unavailable as error:
                logger.warning("%s", error)
            else:
                logger.warning("index generation %d is used instead", older)
                return generation
        logger.warning("the indexes are built anew from the catalogue")
        if manifest := self.reindex():
            return self.generations.open(manifest.number)
        return None

    def _check_embedder(self) -> None:
        made_by = self.catalogue.meta("embedder")
        if made_by and made_by != self.embedder.name:
            raise InvalidInput(
                f"This library was embedded by {made_by}, the settings ask for "
                f"{self.embedder.name}. Change CITELIGHT_EMBEDDER back, or ingest the "
                f"papers into a new CITELIGHT_HOME."
            )

    def papers(self, ordinals: Sequence[int]) -> list[StoredPaper]:
        """The papers in these rows of the catalogue, in the order asked."""
        return self.catalogue.papers(ordinals)

    # --- writing ---

    @property
    def is_locked(self) -> bool:
        """Whether some process is writing at this moment."""
        try:
            with (self.home / "ingest.lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @contextmanager
    def writing(self, *, is_repair: bool = False) -> Iterator[None]:
        """Makes this process the one writer until the block ends.

        Raises:
            Conflict: another process is writing.
            InvalidInput: the library was made by another embedder.
            Unavailable: the disk is full or cannot be written, or vectors are missing; the
                last only unless `is_repair`.
        """
        with explained():
            self.home.mkdir(parents=True, exist_ok=True)
            with (self.home / "ingest.lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise Conflict(
                        "Another ingestion is running on this library. Wait until it has ended, "
                        "then run this again."
                    ) from error
                self.catalogue.thaw()
                self._check_embedder()
                self._vectors = None  # another process may have added some
                self._check_vectors(is_repair=is_repair)
                yield

    def _check_vectors(self, *, is_repair: bool) -> None:
        """Cuts off rows that a killed run wrote and never recorded."""
        rows = self.catalogue.vector_rows()
        problem = self.vectors.shortage(*rows)
        if problem and not is_repair:
            raise Unavailable(f"Vectors are missing: {problem}. Run: citelight reindex")
        self.vectors.resize(*rows)

    def lost(self) -> list[str]:
        """Ids of the papers whose vectors are missing or no vectors; looks at all of them.

        Those of tokens are missing where a version that made none added the paper.
        """
        chunks, sentences = self.vectors.lost()
        if self.embedder.gives_tokens:
            bare = self.vectors.without_tokens()
        else:
            bare = np.zeros(len(chunks), np.bool_)
        columns = Columns.read(self.catalogue)
        runs = zip(
            columns.ids,
            columns.chunk_rows,
            columns.chunk_rows + columns.n_chunks,
            columns.sentence_rows,
            columns.sentence_rows + columns.n_sentences,
            strict=True,
        )
        return [
            str(i)
            for i, c, c_end, s, s_end in runs
            if chunks[c:c_end].any() or sentences[s:s_end].any() or bare[c]
        ]

    def claim(self) -> None:
        """Records, before the first paper is stored, whose vectors the library holds."""
        self.catalogue.set_meta("embedder", self.embedder.name)
        self.catalogue.set_meta("vectors", self.vectors.path.name)
        if self.catalogue.meta("library") is None:
            self.catalogue.set_meta("library", secrets.token_hex(4))

    def publish(self, *, from_nothing: bool = False) -> Manifest | None:
        """Publishes a generation over all live papers; the one there if nothing changed.

        None when nothing was ever added.
        """
        if self.is_empty and self.generations.current() is None:
            return None
        self._compact()
        manifest = self.generations.build(
            self.catalogue,
            self.vectors,
            embedder=self.embedder.name,
            library=self.catalogue.meta("library") or "",
            from_nothing=from_nothing,
        )
        self._drop_vectors()
        return manifest

    def _compact(self) -> None:
        """Moves the vectors of live papers to files of their own where too many are of none.

        Generations that are there already keep the files they were built on.
        """
        store = self.vectors
        if self.catalogue.n_sentences() >= (1 - _MAX_DEAD) * store.n_sentences:
            return
        columns = Columns.read(self.catalogue)
        path = store.path.with_name(f"{int(store.path.name) + 1:06d}")
        chunks = rows_of(columns.chunk_rows, columns.n_chunks)
        sentences = rows_of(columns.sentence_rows, columns.n_sentences)
        try:
            gathered = store.gather(path, chunks, sentences)
            sync_folder(path)
            sync_folder(path.parent)
        except OSError as error:  # only room would be won, and there is none to win it with
            logger.warning("vectors of no paper are kept for now: %s", error)
            shutil.rmtree(path, ignore_errors=True)
            return
        starts = zip(
            (np.cumsum(columns.n_chunks) - columns.n_chunks).tolist(),
            (np.cumsum(columns.n_sentences) - columns.n_sentences).tolist(),
            columns.ordinals.tolist(),
            strict=True,
        )
        with self.catalogue.transaction():
            self.catalogue.move_rows(starts, vectors=path.name)
            self.catalogue.took_rows(len(chunks), len(sentences))
        self._vectors = gathered

    def _drop_vectors(self) -> None:
        """Deletes the files of vectors that no generation is built on any more."""
        numbers = self.generations.numbers()
        try:
            kept = {self.generations.manifest(number).vectors for number in numbers}
        except Unavailable:  # a damaged one, which a later run takes away
            return
        kept.add(self.vectors.path.name)
        for folder in (self.home / "vectors").glob("*"):
            if folder.name not in kept:
                shutil.rmtree(folder)

    def reindex(self) -> Manifest | None:
        """Builds and publishes all indexes from the catalogue anew, embedding nothing.

        Raises:
            Conflict: another process is writing.
            Unavailable: vectors are missing.
        """
        with self.writing():
            return self.publish(from_nothing=True)
