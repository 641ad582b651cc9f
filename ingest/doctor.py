"""Looks a library over, part by part, and says what is wrong and how to mend it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ingest.disk import is_full
from ingest.errors import CitelightError
from ingest.generation import Generation
from ingest.library import Library

_REINDEX = "Run: citelight reindex"
_LOW_DISK = 500_000_000  # bytes; a new generation of 100,000 papers takes about 350 MB
_SAMPLE = 100  # chunks whose neighbours are compared with an exact search
_DEPTH = 10
_MIN_RECALL = 0.9  # of those neighbours; 0.99 is usual


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found: `problem` and `remedy` are empty where all is well."""

    part: str
    told: str
    problem: str = ""
    remedy: str = ""

    @property
    def is_well(self) -> bool:
        return not self.problem


def examine(library: Library) -> Iterator[Finding]:
    """One finding a part, in the order in which they rest on each other."""
    looks: list[tuple[str, Callable[[Library], Finding]]] = [
        ("disk", _disk),
        ("catalogue", _catalogue),
        ("embedder", _embedder),
        ("vectors", _vectors),
        ("runs", _runs),
        ("generations", _generations),
        ("index", _index),
    ]
    for part, look in looks:
        try:
            yield look(library)
        except CitelightError as error:
            yield Finding(part, "", str(error), _REINDEX)


def _disk(library: Library) -> Finding:
    free = shutil.disk_usage(library.home).free
    told = f"{free / 1e9:.1f} GB free"
    if free < _LOW_DISK:
        return Finding("disk", told, f"only {told}", "Free some space before the next ingestion.")
    return Finding("disk", told)


def _catalogue(library: Library) -> Finding:
    if problem := library.catalogue.problem():
        return Finding(
            "catalogue", "", problem, "Put back a copy of catalogue.sqlite, or ingest anew."
        )
    n_bare = library.catalogue.n_without_records()
    if n_bare:
        return Finding("catalogue", "", f"{n_bare} papers have no record", "Ingest them again.")
    return Finding("catalogue", f"{library.catalogue.n_papers():,} papers")


def _embedder(library: Library) -> Finding:
    made_by = library.catalogue.meta("embedder")
    if made_by and made_by != library.embedder.name:
        return Finding(
            "embedder",
            "",
            f"the vectors are by {made_by}, the settings ask for {library.embedder.name}",
            "Change CITELIGHT_EMBEDDER back, or ingest into a new CITELIGHT_HOME.",
        )
    return Finding("embedder", made_by or "none yet")


def _vectors(library: Library) -> Finding:
    vectors = library.vectors
    if problem := vectors.shortage(*library.catalogue.vector_rows()):
        return Finding("vectors", "", problem, _REINDEX)
    if lost := library.lost():
        return Finding("vectors", "", f"{len(lost):,} papers have lost theirs", _REINDEX)
    told = f"{vectors.n_chunks:,} of chunks, {vectors.n_sentences:,} of sentences"
    return Finding("vectors", told)


def _runs(library: Library) -> Finding:
    runs = library.catalogue.runs(1)
    if runs and runs[0].finished_at is None and not library.is_locked:
        remedy = "Run the same ingestion again: it goes on where it was."
        return Finding("runs", "", f"the run of {runs[0].started_at} was cut off", remedy)
    if library.is_locked:
        return Finding("runs", "an ingestion is under way")
    return Finding("runs", f"the last began {runs[0].started_at}" if runs else "none yet")


def _generations(library: Library) -> Finding:
    current, numbers = library.generations.current(), library.generations.numbers()
    if current is None:
        if library.is_empty:
            return Finding("generations", "none yet")
        return Finding("generations", "", "the papers are not indexed", _REINDEX)
    if current not in numbers:
        return Finding("generations", "", f"generation {current} is missing", _REINDEX)
    manifest = library.generations.manifest(current)
    if manifest.snapshot != library.generations.snapshot(library.catalogue, library.embedder.name):
        remedy = "Run the ingestion again, or: citelight reindex"
        return Finding("generations", "", "the index is not of the papers there are", remedy)
    return Finding("generations", f"{current} of {numbers}, snapshot {manifest.snapshot}")


def _index(library: Library) -> Finding:
    current = library.generations.current()
    if current is None:
        return Finding("index", "none yet")
    generation = library.generations.open(current)
    try:
        if generation.is_slowed:
            return _slowed(library)
        recall = _recall(generation)
    finally:
        generation.close()
    told = f"recall@{_DEPTH} against exact search {recall:.3f}"
    if recall < _MIN_RECALL:
        return Finding("index", told, told, _REINDEX)
    return Finding("index", told)


def _slowed(library: Library) -> Finding:
    told = "questions are answered without Chroma, more slowly"
    if is_full(library.home):
        return Finding("index", told, f"the disk is full: {told}", "Free some space.")
    remedy = "Give this user the right to write there."
    return Finding("index", told, f"the folder cannot be written to: {told}", remedy)


def _recall(generation: Generation) -> float:
    """The share of the exactly nearest chunks of some chunks that the index finds; by score, so
    that ties count as found."""
    columns = generation.columns
    rows = np.concatenate([np.empty(0, np.int64), columns.chunk_rows])
    if not len(rows):
        return 1.0
    picked = rows[np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).astype(np.int64)]
    every = generation.vectors.chunks(rows)
    k = min(_DEPTH, len(rows))
    found = total = 0
    for vector in generation.vectors.chunks(picked):
        unit = np.asarray(vector / np.linalg.norm(vector), np.float32)
        least = float(np.sort(every @ unit)[-k]) - 1e-3
        hits = generation.dense.search(unit, k)
        found += sum(cosine >= least for _, cosine in hits)
        total += k
    return found / total
