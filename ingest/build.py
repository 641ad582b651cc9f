"""Files or feeds into the library: identify, split, embed, store, publish, report."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from ingest.catalogue import RecordName, StoredPaper
from ingest.chunk import Chunk, chunk
from ingest.embed import Vectors
from ingest.library import Library
from ingest.papers import Paper, Record, Rejection, digest, merge
from ingest.sentences import Span, split_sentences
from ingest.sources import Source

_BATCH = 256  # records looked up, embedded and stored together
_Named = tuple[str, Record | Rejection]  # with the name of the source
_MAX_TITLE = 300  # characters of a title that go into the vectors of its chunks


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not taken: where it stood, and why."""

    file: str
    record: str
    reason: str


@dataclass(slots=True)
class Report:
    """What a run did. `found` is the sum of the five counts of records after it."""

    found: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    papers: int = 0
    snapshot: str = ""

    def as_dict(self) -> dict[str, object]:
        """The report as plain values, `rejected` as a list of {file, record, reason}."""
        return {
            "found": self.found,
            "new": self.new,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "duplicates": self.duplicates,
            "rejected": [
                {"file": r.file, "record": r.record, "reason": r.reason} for r in self.rejected
            ],
            "papers": self.papers,
            "snapshot": self.snapshot,
        }


def ingest(
    library: Library, sources: Sequence[Source], *, progress: Callable[[int], None] | None = None
) -> Report:
    """Reads all sources into the library and publishes what changed.

    A run that is cut off loses at most the batch it was at; the next run takes up from there and
    ends with the same snapshot. `progress` is told the number of records done, batch by batch.

    Raises:
        Conflict: another process is writing to this library.
        InvalidInput: a source cannot be read; what came before it is kept.
    """
    with library.writing():
        run = _Run(library, [s.name for s in sources])
        for batch in _batches(_records(sources)):
            run.take(batch)
            if progress:
                progress(run.report.found)
        return run.finish()


def remove(library: Library, *, source: str) -> int:
    """Takes out the papers that only this source gave; how many papers that were.

    Raises:
        Conflict: another process is writing to this library.
    """
    with library.writing():
        ids = library.catalogue.papers_from(source)
        if ids:
            with library.catalogue.transaction():
                library.catalogue.retire(ids)
            library.publish()
        return len(ids)


def _records(sources: Sequence[Source]) -> Iterator[tuple[str, Record | Rejection]]:
    return ((source.name, record) for source in sources for record in source.records())


def _batches(records: Iterable[tuple[str, Record | Rejection]]) -> Iterator[list[_Named]]:
    left = iter(records)
    while batch := list(islice(left, _BATCH)):
        yield batch


@dataclass(frozen=True, slots=True)
class _Taken:
    """A record on its way in, with the name it has in its source and the paper it belongs to."""

    name: RecordName
    record: Record
    paper_id: str


class _Run:
    """One ingestion: what it has seen, and what it did."""

    def __init__(self, library: Library, sources: Sequence[str]) -> None:
        self.report = Report()
        self._library = library
        self._catalogue = library.catalogue
        self._sources = sources
        self._variants: Counter[tuple[str, str]] = Counter()
        self._seen: set[str] = set()
        self._new: set[str] = set()
        self._updated: set[str] = set()
        self._run: int | None = None

    def take(self, batch: Sequence[_Named]) -> None:
        """Brings a batch of records into the catalogue."""
        self.report.found += len(batch)
        named = []
        for source, record in batch:
            if isinstance(record, Rejection):
                self.report.rejected.append(Rejected(source, record.locator, record.reason))
            else:
                named.append((self._name(source, record), record))
        known = self._catalogue.digests([name for name, _ in named])
        fresh = []
        for name, record in named:
            stored = known.get(name)
            if stored and stored[0] == record.paper.revision:
                self._see(stored[1])
            else:
                fresh.append((name, record))
        if fresh:
            self._store(self._identify(fresh))

    def finish(self) -> Report:
        """Publishes, and settles the counts."""
        report = self.report
        report.new, report.updated = len(self._new), len(self._updated)
        report.unchanged = len(self._seen) - report.new - report.updated
        if manifest := self._library.publish():
            report.papers, report.snapshot = manifest.n_papers, manifest.snapshot
        if self._run is not None:
            self._catalogue.finish_run(self._run, report.as_dict())
        return report

    def _name(self, source: str, record: Record) -> RecordName:
        name = record.key or next(record.paper.identities())
        variant = self._variants[source, name]
        self._variants[source, name] += 1
        return RecordName(source, name, variant)

    def _see(self, paper_id: str) -> None:
        if paper_id in self._seen:
            self.report.duplicates += 1
        self._seen.add(paper_id)

    def _identify(self, named: Sequence[tuple[RecordName, Record]]) -> list[_Taken]:
        """Finds the paper each record belongs to: one of the library, of this batch, or new."""
        keys = [key for _, record in named for key in record.paper.identities()]
        owners = self._catalogue.owners(keys)
        taken = []
        for name, record in named:
            identities = list(record.paper.identities())
            paper_id = next((owners[k] for k in identities if k in owners), None)
            if paper_id is None:
                paper_id = digest(identities[0])
            for key in identities:
                owners.setdefault(key, paper_id)
            taken.append(_Taken(name, record, paper_id))
        return taken

    def _store(self, taken: Sequence[_Taken]) -> None:
        """Merges each touched paper anew and stores, all at once, what came out different."""
        ids = list(dict.fromkeys(t.paper_id for t in taken))
        before = self._catalogue.by_id(ids)
        merged = self._merge(taken, ids)
        changed = [
            _Draft.of(i, merged[i], before.get(i))
            for i in ids
            if i not in before or before[i].paper.revision != merged[i].revision
        ]
        self._embed(changed)
        if self._run is None:
            self._run = self._catalogue.start_run(self._sources)
        with self._catalogue.transaction():
            for draft in changed:
                draft.store(self._library)
            for t in taken:
                self._catalogue.own(t.paper_id, t.record.paper.identities())
                self._catalogue.keep(t.name, t.paper_id, t.record, self._run)
        self._count(taken, before, {d.paper_id for d in changed})

    def _count(
        self, taken: Sequence[_Taken], before: dict[str, StoredPaper], changed: set[str]
    ) -> None:
        for t in taken:
            self._see(t.paper_id)
            if t.paper_id not in before:
                self._new.add(t.paper_id)
            elif t.paper_id in changed and t.paper_id not in self._new:
                self._updated.add(t.paper_id)

    def _merge(self, taken: Sequence[_Taken], ids: Sequence[str]) -> dict[str, Paper]:
        said: dict[str, dict[RecordName, Paper]] = {i: {} for i in ids}
        for stored in self._catalogue.records_of(ids):
            said[stored.paper_id][stored.name] = stored.paper
        for t in taken:
            said[t.paper_id][t.name] = t.record.paper
        return {i: merge(list(papers.values())) for i, papers in said.items()}

    def _embed(self, drafts: Sequence["_Draft"]) -> None:
        """Gives each draft that has none its vectors, and rows in the vector store."""
        bare = [d for d in drafts if d.chunk_row < 0]
        if not bare:
            return
        for draft in bare:
            draft.split(self._library)
        texts = [text for d in bare for text, _ in d.texts()]
        spans = [within for d in bare for _, within in d.texts()]
        chunks, of_sentences = self._library.embedder.embed_chunks(texts, spans)
        vectors = iter(of_sentences)
        sentences = [d.gather(vectors) for d in bare]
        chunk_row, sentence_row = self._library.vectors.append(chunks, np.concatenate(sentences))
        for draft in bare:
            draft.chunk_row, draft.sentence_row = chunk_row, sentence_row
            chunk_row += len(draft.chunks)
            sentence_row += len(draft.sentences)


@dataclass(slots=True)
class _Draft:
    """A paper about to be stored; rows are -1 until it has vectors."""

    paper_id: str
    paper: Paper
    sentences: Sequence[Span] = ()
    chunks: Sequence[Chunk] = ()
    chunk_row: int = -1
    sentence_row: int = -1

    @classmethod
    def of(cls, paper_id: str, paper: Paper, before: StoredPaper | None) -> "_Draft":
        """A draft that keeps the vectors of the row before where the text is the same."""
        old = before.paper if before else None
        if before and old and (old.title, old.abstract) == (paper.title, paper.abstract):
            return cls(
                paper_id,
                paper,
                before.sentences,
                before.chunks,
                before.chunk_row,
                before.sentence_row,
            )
        return cls(paper_id, paper)

    @property
    def heading(self) -> str:
        """What stands before each chunk when it is embedded; a derived title would repeat it."""
        return "" if self.paper.is_title_derived else self.paper.title[:_MAX_TITLE] + "\n"

    def split(self, library: Library) -> None:
        embedder = library.embedder
        self.sentences = split_sentences(self.paper.abstract)
        self.chunks = chunk(
            self.paper.abstract,
            self.sentences,
            budget=embedder.max_tokens - embedder.count_tokens(self.heading),
            count_tokens=embedder.count_tokens,
        )

    def texts(self) -> Iterator[tuple[str, list[Span]]]:
        """The text of each chunk as it is embedded, and where its sentences stand in it."""
        for c in self.chunks:
            shift = len(self.heading) - c.start
            spans = [self.sentences[n] for n in c.sentences]
            within = [(max(s, c.start) + shift, min(e, c.end) + shift) for s, e in spans]
            yield self.heading + self.paper.abstract[c.start : c.end], within

    def gather(self, vectors: Iterator[Vectors]) -> Vectors:
        """One vector a sentence out of one array a chunk; parts of a sentence are averaged."""
        parts: list[list[Vectors]] = [[] for _ in self.sentences]
        for c, found in zip(self.chunks, vectors, strict=False):
            for n, vector in zip(c.sentences, found, strict=True):
                parts[n].append(vector)
        means = np.stack([np.mean(p, axis=0) for p in parts])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)

    def store(self, library: Library) -> None:
        library.catalogue.add(
            self.paper_id,
            self.paper,
            self.sentences,
            self.chunks,
            chunk_row=self.chunk_row,
            sentence_row=self.sentence_row,
        )
