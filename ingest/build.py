"""Files or feeds into the library: identify, split, embed, store, publish, report."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ingest.ahead import Batch, Entry, Known, known_records, prepared
from ingest.draft import Draft, Embedded, Text, embed, key_of
from ingest.errors import CitelightError
from ingest.generation import Manifest
from ingest.identify import Found, Identifier
from ingest.ledger import KnownRecord, RecordName, Traits
from ingest.library import Library
from ingest.merge import Said, arxiv_version, merge
from ingest.papers import Paper, Record, Rejection
from ingest.report import Rejected, Report, Tally

_BATCH = 128  # records looked up, embedded and stored together
_KEPT_REJECTIONS = 100  # in the record of a run
_REMERGED = 500  # papers looked at together when a source is taken out

__all__ = ["Rejected", "Report", "Source", "ingest", "reindex", "remove"]


class Source(Protocol):
    """Records under one name: a file, or a feed."""

    @property
    def name(self) -> str: ...

    def records(self) -> Iterator[Record | Rejection]: ...


def ingest(
    library: Library,
    sources: Sequence[Source],
    *,
    progress: Callable[[int], None] | None = None,
    rehearse: bool = False,
) -> Report:
    """Reads all sources into the library and publishes what changed.

    A run that is cut off loses at most the batches it was at; the next run takes up from there
    and ends with the same snapshot. `progress` is told the number of records done, batch by
    batch. To `rehearse` is to find out what would happen: nothing is embedded or kept.

    Raises:
        Conflict: another process is writing to this library.
        InvalidInput: a source cannot be read; what came before it is kept.
        Unavailable: the disk is full or cannot be written; what came before is kept.
    """
    with library.writing():
        run = _Run(library, [s.name for s in sources], is_rehearsal=rehearse)
        batches = _batches(sources)
        with library.catalogue.rehearsal() if rehearse else nullcontext():
            for batch in batches if rehearse else prepared(batches, library):
                run.take(batch)
                if progress:
                    progress(run.n_found)
            return run.finish()


def remove(library: Library, *, source: str) -> int:
    """Takes out what this source gave; how many papers left the library.

    Papers that other sources gave too stay, with what those say of them.

    Raises:
        Conflict: another process is writing to this library.
    """
    with library.writing():
        run = _Run(library, [source])
        with library.catalogue.transaction():
            ids = library.catalogue.forget_source(source)
            parts = [ids[at : at + _REMERGED] for at in range(0, len(ids), _REMERGED)]
            n_gone = sum(run.remerge(part) for part in parts)
        if ids:
            run.finish(n_removed=n_gone)
        return n_gone


def remove_paper(library: Library, paper_id: str) -> None:
    """Takes a paper out with all that was said of it; a source that gives it again adds it.

    Raises:
        Conflict: another process is writing to this library.
    """
    with library.writing():
        run = _Run(library, [])
        with library.catalogue.transaction():
            library.catalogue.forget_paper(paper_id)
            n_gone = run.remerge([paper_id])
        run.finish(n_removed=n_gone)


def reindex(library: Library) -> Manifest | None:
    """Builds and publishes all indexes from the catalogue anew.

    Only papers whose vectors are lost are embedded again. None if nothing was ever added.

    Raises:
        Conflict: another process is writing to this library.
    """
    with library.writing(is_repair=True):
        run = _Run(library, [])
        lost = library.lost()
        for at in range(0, len(lost), _BATCH):
            run.restore(lost[at : at + _BATCH])
        return library.publish(from_nothing=True)


def _batches(sources: Sequence[Source]) -> Iterator[Batch]:
    """All records in batches."""
    batch: list[Entry] = []
    try:
        for source in sources:
            for record in source.records():
                batch.append(Entry(source.name, record))
                if len(batch) == _BATCH:
                    yield Batch(batch)
                    batch = []
    except CitelightError:
        yield Batch(batch)
        raise
    if batch:
        yield Batch(batch)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A record on its way in, with the name it has in its source and the paper it belongs to."""

    name: RecordName
    record: Record
    traits: Traits
    version: int
    found: Found


class _Run:
    """One ingestion: what it has seen, and what it did."""

    def __init__(
        self, library: Library, sources: Sequence[str], *, is_rehearsal: bool = False
    ) -> None:
        self._library = library
        self._catalogue = library.catalogue
        self._sources = sources
        self._is_rehearsal = is_rehearsal
        self._tally = Tally()
        self._claimed: set[int] = set()  # hashes of the record names that this run came across
        self._run: int | None = None

    @property
    def n_found(self) -> int:
        return self._tally.report.found

    def take(self, batch: Batch) -> None:
        """Brings a batch of records into the catalogue."""
        self._tally.report.found += len(batch.entries)
        known = known_records(batch.entries, self._catalogue)
        fresh = []
        for entry in batch.entries:
            if isinstance(entry.record, Rejection):
                told = entry.record
                self._tally.reject(Rejected(entry.source, told.locator, told.reason, told.raw))
            elif same := _same(known[entry.source, entry.name], entry.revision):
                self._claim(same.name)
                self._tally.see(same.paper_id)
            else:
                fresh.append(entry)
        if fresh:
            self._store(self._identify(fresh, known), batch.embedded)

    def finish(self, *, n_removed: int = 0) -> Report:
        """Publishes, and settles the counts; that many papers left the library."""
        report = self._tally.settle()
        if self._is_rehearsal:
            report.papers, report.snapshot = self._catalogue.n_papers(), self._library.snapshot
            return report
        if manifest := self._library.publish():
            report.papers, report.snapshot = manifest.n_papers, manifest.snapshot
        self._catalogue.close_runs(but=self._run)
        if self._run is not None:
            told = report.as_dict(_KEPT_REJECTIONS) | {"removed": n_removed}
            self._catalogue.finish_run(self._run, told)
        return report

    def _claim(self, name: RecordName) -> None:
        self._claimed.add(hash(name))

    def _identify(self, entries: Sequence[Entry], known: Known) -> list[_Taken]:
        """Finds the paper and the name of each record."""
        pairs = [(e.record, e.traits) for e in entries]
        papers = [(r.paper, t) for r, t in pairs if isinstance(r, Record) and t]
        identifier = Identifier.over(self._catalogue, papers)
        taken = []
        for entry in entries:
            record, own = entry.record, entry.traits
            if not isinstance(record, Record) or own is None:
                continue
            same_name = known[entry.source, entry.name]
            before = [k for k in same_name if hash(k.name) not in self._claimed]
            found = identifier.find(record.paper, own, before)
            name = self._name(entry, record, same_name, found, identifier)
            self._claim(name)
            same_name[:] = [k for k in same_name if k.name != name]
            same_name.append(KnownRecord(name, entry.revision, found.paper_id))
            taken.append(_Taken(name, record, own, arxiv_version(record), found))
        return taken

    def _name(
        self,
        entry: Entry,
        record: Record,
        same_name: Sequence[KnownRecord],
        found: Found,
        identifier: Identifier,
    ) -> RecordName:
        """The name to keep a record under: that of the one it replaces, else a free one.

        It replaces a record of the same source, key and paper that this run has not met itself.
        """
        if same := _same(same_name, entry.revision):
            return same.name
        for known in same_name:
            is_same_paper = identifier.resolve(known.paper_id) == found.paper_id
            if is_same_paper and hash(known.name) not in self._claimed:
                return known.name
        variant = max((k.name.variant + 1 for k in same_name), default=0)
        return RecordName(entry.source, entry.name, variant)

    def _store(self, taken: Sequence[_Taken], embedded: dict[object, Embedded]) -> None:
        """Merges each touched paper anew and stores, all at once, what came out different."""
        gone = {old: t.found.paper_id for t in taken for old in t.found.absorbed}

        def final(paper_id: str) -> str:
            while paper_id in gone:
                paper_id = gone[paper_id]
            return paper_id

        ids = list(dict.fromkeys(final(t.found.paper_id) for t in taken))
        said: dict[str, dict[RecordName, Said]] = {i: {} for i in ids}
        for stored in self._catalogue.records_of([*ids, *gone]):
            said[final(stored.paper_id)][stored.name] = stored.said
        for t in taken:
            said[final(t.found.paper_id)][t.name] = Said(t.record.paper, t.version)
        drafts = self._drafts(said)
        before = self._catalogue.by_id(ids).keys()
        self._place(drafts, embedded)
        with self._catalogue.transaction():
            self._begin()
            for old, new in gone.items():
                self._catalogue.hand_over(old, final(new))
            self._catalogue.retire(list(gone))
            for t in taken:
                self._catalogue.keep(
                    t.name,
                    final(t.found.paper_id),
                    t.record,
                    version=t.version,
                    traits=t.traits,
                    joined_by=t.found.joined_by,
                    run=self._run or 0,
                )
            self._add(drafts, said)
        for t in taken:
            self._tally.see(final(t.found.paper_id))
        for old in gone:
            self._tally.absorb(old)
        for draft in drafts:
            self._tally.change(draft.paper_id, is_new=draft.paper_id not in before)

    def remerge(self, ids: Sequence[str]) -> int:
        """Makes papers anew from the records that are left; how many had none and are gone."""
        said: dict[str, dict[RecordName, Said]] = {}
        for stored in self._catalogue.records_of(ids):
            said.setdefault(stored.paper_id, {})[stored.name] = stored.said
        drafts = self._drafts(said)
        self._place(drafts, {})
        gone = [i for i in ids if i not in said]
        with self._catalogue.transaction():
            self._begin()
            self._catalogue.retire(gone)
            self._add(drafts, said)
        return len(gone)

    def restore(self, ids: Sequence[str]) -> None:
        """Gives papers new vectors, whatever became of the old ones."""
        drafts = [Draft(i, stored.paper) for i, stored in self._catalogue.by_id(ids).items()]
        self._place(drafts, {})
        with self._catalogue.transaction():
            self._add(drafts, {})

    def _drafts(self, said: dict[str, dict[RecordName, Said]]) -> list[Draft]:
        """Drafts of the papers that come out of their records different from what is stored."""
        before = self._catalogue.by_id(list(said))
        merged: dict[str, Paper] = {i: merge(list(own.values())) for i, own in said.items()}
        return [
            Draft.of(i, paper, before.get(i))
            for i, paper in merged.items()
            if i not in before or before[i].paper.revision != paper.revision
        ]

    def _place(self, drafts: Sequence[Draft], embedded: dict[object, Embedded]) -> None:
        """Gives each draft that has none its vectors, and rows in the vector store."""
        bare = [d for d in drafts if not d.has_vectors]
        if not bare:
            return
        embedder = self._library.embedder
        if self._is_rehearsal:
            for draft in bare:
                draft.place(Text(key_of(draft.paper), "", (), ()), 0, 0)
            return
        missing = [Text.of(d.paper, embedder) for d in bare if key_of(d.paper) not in embedded]
        ready = embedded | {e.text.key: e for e in embed(missing, embedder)}
        found = [ready[key_of(d.paper)] for d in bare]
        chunk_row, sentence_row = self._library.vectors.append(
            np.concatenate([e.chunks for e in found]),
            np.concatenate([e.sentences for e in found]),
            [codes for e in found for codes in e.tokens],
        )
        for draft, own in zip(bare, found, strict=True):
            draft.place(own.text, chunk_row, sentence_row)
            chunk_row += len(own.chunks)
            sentence_row += len(own.sentences)

    def _begin(self) -> None:
        if self._run is None:
            self._run = self._catalogue.start_run(self._sources)
            self._library.claim()

    def _add(self, drafts: Iterable[Draft], said: dict[str, dict[RecordName, Said]]) -> None:
        for draft in drafts:
            self._catalogue.add(
                draft.paper_id,
                draft.paper,
                draft.sentences,
                draft.chunks,
                chunk_row=draft.chunk_row,
                sentence_row=draft.sentence_row,
            )
        for paper_id, own in said.items():
            keys = {k: None for s in own.values() for k in s.paper.strong_keys()}
            self._catalogue.own(paper_id, keys)
        if not self._is_rehearsal:
            vectors = self._library.vectors
            self._catalogue.took_rows(vectors.n_chunks, vectors.n_sentences)


def _same(known: Iterable[KnownRecord], revision: str) -> KnownRecord | None:
    return next((k for k in known if k.digest == revision), None)
