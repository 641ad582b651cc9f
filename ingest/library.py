"""The library: the catalogue and the published generation of its indexes behind one door."""

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.catalogue import Catalogue, StoredPaper
from ingest.dense import Collections
from ingest.embed import Embedder
from ingest.errors import Conflict, InvalidInput, Unavailable
from ingest.generation import Generation, Generations, Manifest
from ingest.vectors import VectorStore


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
        self._generations = Generations(home, collections)
        self._vectors: VectorStore | None = None
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._held: _Held | None = None

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
        number = self._generations.current()
        return self._generations.manifest(number).snapshot if number is not None else ""

    @contextmanager
    def pinned(self) -> Iterator[Generation]:
        """The current generation, which stays open and unchanged until the block ends.

        Raises:
            Unavailable: nothing has been ingested yet.
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

        Takes up to a few seconds; questions go on with the generation they have. A generation
        that does not open is left alone as long as an older one is in use.
        """
        with self._refreshing:
            number = self._generations.current()
            if number is None or (self._held and self._held.generation.manifest.number == number):
                return False
            self._check_embedder()
            fresh = _Held(self._generations.open(number))
            with self._lock:
                old, self._held = self._held, fresh
                is_unused = old is not None and old.users == 0
        if old and is_unused:
            old.generation.close()
        return True

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

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Makes this process the one writer until the block ends.

        Raises:
            Conflict: another process is writing.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "ingest.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    "Another ingestion is running on this library. Wait until it has ended, "
                    "then run this again."
                ) from error
            self._check_embedder()
            self.vectors.truncate(*self.catalogue.vector_rows())
            yield

    def publish(self) -> Manifest | None:
        """Publishes a generation over all live papers; the one there if nothing changed.

        None when nothing was ever added.
        """
        if self.is_empty and self._generations.current() is None:
            return None
        facts = {"embedder": self.embedder.name, "vectors": self.vectors.path.name}
        for key, value in facts.items():
            if self.catalogue.meta(key) != value:
                self.catalogue.set_meta(key, value)
        return self._generations.build(self.catalogue, self.vectors, embedder=self.embedder.name)

    def reindex(self) -> Manifest | None:
        """Builds and publishes all indexes from the catalogue anew, embedding nothing.

        Raises:
            Conflict: another process is writing.
        """
        with self.writing():
            if self.catalogue.n_papers() == 0:
                return None
            return self._generations.build(
                self.catalogue, self.vectors, embedder=self.embedder.name, from_nothing=True
            )
