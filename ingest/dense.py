"""Vectors searched by Chroma: embedded in a generation's folder, or on a Chroma server.

The only module that knows chromadb. What cost others days, and the reasons, briefly:
our own vectors and cosine always (the default embedding function downloads a model); `add` with
ids that carry a hash of the text, never `upsert` (3.6 times dearer, and it merges metadata);
max_neighbors 32, ef_construction 200, ef_search 400 (recall@100 0.997 on real questions where
the defaults give 0.915); a flush before a collection is handed over (a kill inside Chroma's own
persist window made it unreadable).
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import numpy as np

from ingest.disk import FULL
from ingest.embed import Vectors
from ingest.errors import CitelightError, InvalidInput, Unavailable

if TYPE_CHECKING:
    import chromadb
    from chromadb.api import ClientAPI

T = TypeVar("T")

_FULL_SIGNS = ("disk is full", "No space left", "File too large")

_COLLECTION = "papers"
_BATCH = 1000  # the fastest size; Chroma refuses more than 5,461
_SERVER_BATCH = 250  # a server answers nobody else while it takes a batch
_HNSW: Any = {  # CreateHNSWConfiguration, whose module is too heavy to import for a type
    "space": "cosine",
    "max_neighbors": 32,
    "ef_construction": 200,
    "ef_search": 400,
    "sync_threshold": 20_000,
}


@dataclass(frozen=True, slots=True)
class Point:
    """One chunk on its way into Chroma. Its text goes along only to a server."""

    id: str
    vector: Vectors
    text: str
    title: str
    paper_id: str


class Dense(Protocol):
    """Chunks open for searching. Safe to share between threads."""

    @property
    def n_chunks(self) -> int: ...

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The `k` nearest chunks of one unit vector: `(chunk id, cosine)`, best first."""

    def close(self) -> None: ...


class Collections(Protocol):
    """Where the collection of a generation lives: in its folder, or on a server."""

    is_remote: bool

    def write(self, home: Path, name: str, add: Iterable[Point], remove: Sequence[str]) -> None:
        """Adds and removes points; on return all of it is safely stored."""

    def open(self, home: Path, name: str) -> Dense:
        """The collection, ready to be searched."""

    def prune(self, prefix: str, kept: Set[str]) -> None:
        """Deletes other collections whose names begin so, where no folder's deletion does it."""


class Collection:
    """A collection of Chroma's, open for searching."""

    def __init__(self, collection: "chromadb.Collection", close: Callable[[], None]) -> None:
        self._collection = collection
        self._close = close

    @property
    def n_chunks(self) -> int:
        with _translated():
            return int(self._collection.count())

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        with _translated():
            reply = self._collection.query(
                query_embeddings=[vector.tolist()], n_results=max(k, 1), include=["distances"]
            )
        distances = reply["distances"] or [[]]
        return [(i, 1.0 - d) for i, d in zip(reply["ids"][0], distances[0], strict=True)]

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors of these chunks by id; unknown ids are left out."""
        with _translated():
            reply = self._collection.get(ids=list(ids), include=["embeddings"])
        embeddings = reply["embeddings"]
        found = [] if embeddings is None else embeddings
        return {i: np.asarray(v, np.float32) for i, v in zip(reply["ids"], found, strict=True)}

    def close(self) -> None:
        self._close()


class EmbeddedChroma:
    """Chroma as a library: each generation has a Chroma of its own in its folder."""

    is_remote = False

    def write(self, home: Path, name: str, add: Iterable[Point], remove: Sequence[str]) -> None:
        with _translated():
            client = _persistent(home / "chroma")
            try:
                collection = client.get_or_create_collection(
                    _COLLECTION, configuration={"hnsw": _HNSW}, embedding_function=None
                )
                _change(collection, add, remove, batch=_BATCH, with_text=False)
                _set_sync_threshold(collection, 2)
            finally:
                client.close()
            _flush(home / "chroma")
            _shrink(home / "chroma" / "chroma.sqlite3")

    def open(self, home: Path, name: str) -> Collection:
        with _translated():
            client = _persistent(home / "chroma")
            try:
                collection = client.get_collection(_COLLECTION, embedding_function=None)
                collection.get(limit=1, include=[])  # loads the index before the first question
            except BaseException:
                client.close()
                raise
        return Collection(collection, client.close)

    def prune(self, prefix: str, kept: Set[str]) -> None:
        """Nothing to do: a collection goes with its folder."""


class ChromaServer:
    """A Chroma server at `url`: each generation is a collection of its own there.

    Chunk texts and titles travel along, so that other tools can read the collection.
    """

    is_remote = True

    def __init__(self, url: str, *, timeout_s: float = 120.0) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if not parts.hostname:
            raise InvalidInput(f"CHROMA_URL is no address: {url!r}. Example: http://chroma:8000")
        self._host, self._ssl = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._ssl else 8000)
        self._timeout_s = timeout_s

    def _client(self) -> "ClientAPI":
        import chromadb
        from chromadb.config import Settings

        settings = Settings(
            anonymized_telemetry=False, chroma_query_request_timeout_seconds=int(self._timeout_s)
        )
        return chromadb.HttpClient(self._host, self._port, self._ssl, settings=settings)

    def write(self, home: Path, name: str, add: Iterable[Point], remove: Sequence[str]) -> None:
        with _translated():
            collection = self._client().get_or_create_collection(
                name, configuration={"hnsw": _HNSW}, embedding_function=None
            )
            _change(collection, add, remove, batch=_SERVER_BATCH, with_text=True)

    def open(self, home: Path, name: str) -> Collection:
        with _translated():
            collection = self._client().get_collection(name, embedding_function=None)
        return Collection(collection, lambda: None)

    def prune(self, prefix: str, kept: Set[str]) -> None:
        with _translated():
            client = self._client()
            for name in [c.name for c in client.list_collections(limit=1000)]:
                if name.startswith(prefix) and name not in kept:
                    client.delete_collection(name)


def _change(
    collection: "chromadb.Collection",
    add: Iterable[Point],
    remove: Sequence[str],
    *,
    batch: int,
    with_text: bool,
) -> None:
    for ids in _batches(remove, batch):
        collection.delete(ids=ids)
    for points in _batches(add, batch):
        known = set(collection.get(ids=[p.id for p in points], include=[])["ids"])
        new = [p for p in points if p.id not in known]
        if not new:
            continue
        collection.add(
            ids=[p.id for p in new],
            embeddings=np.stack([p.vector for p in new]),
            documents=[p.text for p in new] if with_text else None,
            metadatas=[{"paper": p.paper_id, "title": p.title} for p in new] if with_text else None,
        )


def _set_sync_threshold(collection: "chromadb.Collection", threshold: int) -> None:
    collection.modify(configuration={"hnsw": {"sync_threshold": threshold}})


def _flush(path: Path) -> None:
    """Makes Chroma move its log into the index: it does so when opened past the threshold."""
    client = _persistent(path)
    try:
        collection = client.get_collection(_COLLECTION, embedding_function=None)
        collection.get(limit=1, include=[])
        _set_sync_threshold(collection, int(_HNSW["sync_threshold"]))
    finally:
        client.close()


def _shrink(path: Path) -> None:
    """Gives back the pages of the log that Chroma emptied: nine tenths of its database."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")


def _persistent(path: Path) -> Any:  # a ClientAPI, whose declared type lacks `close`
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(str(path), settings=settings)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


@contextmanager
def _translated() -> Iterator[None]:
    """Chroma's errors, which are of many families, as ours."""
    try:
        yield
    except (CitelightError, OSError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        # ChromaError, ValueError, bare httpx errors, and pyo3's PanicException, no Exception.
        text = f"{type(error).__name__}: {error}"
        if any(sign in text for sign in _FULL_SIGNS):
            raise Unavailable(FULL) from error
        raise Unavailable(f"Chroma failed ({text}). Check it with: citelight doctor") from error
