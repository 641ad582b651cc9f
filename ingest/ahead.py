"""Works ahead of the writer: parses the next batches and embeds what is likely new in them.

Three things go on at once, each a batch or two behind the other: parsing, embedding, storing.
What was guessed wrong costs an embedding, never an error: the writer decides by itself which
paper a record is of, and takes a vector from here only for exactly the same text.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ingest.catalogue import Catalogue
from ingest.draft import Embedded, Text, embed
from ingest.identify import traits
from ingest.ledger import KnownRecord, Traits
from ingest.library import Library
from ingest.papers import Record, Rejection

_AHEAD = 3  # batches: one being parsed, one being embedded, one ready


@dataclass(slots=True)
class Entry:
    """A record or rejection of a source, with what is worked out of it once it is asked for.

    A record that is known already costs its revision and nothing else.
    """

    source: str
    record: Record | Rejection
    _revision: str = ""
    _traits: Traits | None = None

    @property
    def name(self) -> str:
        """What the source calls the record, else its strongest identity."""
        if not isinstance(self.record, Record):
            return self.record.locator
        return self.record.key or next(self.record.paper.identities())

    @property
    def revision(self) -> str:
        """The revision of the record's paper; "" for a rejection."""
        if not self._revision and isinstance(self.record, Record):
            self._revision = self.record.paper.revision
        return self._revision

    @property
    def traits(self) -> Traits | None:
        """What the paper can be recognised by; None for a rejection."""
        if self._traits is None and isinstance(self.record, Record):
            self._traits = traits(self.record.paper)
        return self._traits


Known = dict[tuple[str, str], list[KnownRecord]]


def known_records(entries: Iterable[Entry], catalogue: Catalogue) -> Known:
    """What the catalogue has under each entry's source and name; a rejection has none."""
    names: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if isinstance(entry.record, Record):
            names[entry.source].add(entry.name)
    found: Known = defaultdict(list)
    for source, own in names.items():
        for name, records in catalogue.known(source, sorted(own)).items():
            found[source, name] = records
    return found


@dataclass(slots=True)
class Batch:
    """Entries in their order, and texts of theirs that have their vectors already."""

    entries: list[Entry]
    embedded: dict[object, Embedded] = field(default_factory=dict)


def prepared(batches: Iterator[Batch], library: Library) -> Iterator[Batch]:
    """The same batches in the same order, with vectors for most of what is new in them."""
    with (
        ThreadPoolExecutor(1, "citelight-parse") as parsing,
        ThreadPoolExecutor(1, "citelight-embed") as embedding,
    ):
        under_way: deque[Future[Batch | None]] = deque()

        def parse() -> tuple[Batch | None, list[Text]]:
            batch = next(batches, None)
            return batch, _likely_new(batch, library) if batch else []

        def start() -> None:
            parsed = parsing.submit(parse)
            under_way.append(embedding.submit(lambda: _embedded(*parsed.result(), library)))

        try:
            for _ in range(_AHEAD):
                start()
            while batch := under_way.popleft().result():
                yield batch
                start()
        finally:
            for future in under_way:
                future.cancel()


def _likely_new(batch: Batch, library: Library) -> list[Text]:
    """The texts of papers that nothing in the catalogue hints at, each once."""
    catalogue = library.catalogue
    known = known_records(batch.entries, catalogue)
    fresh = [
        e for e in batch.entries if all(e.revision != k.digest for k in known[e.source, e.name])
    ]
    pairs = [(e.record.paper, e.traits) for e in fresh if isinstance(e.record, Record)]
    owned = catalogue.owners([key for paper, _ in pairs for key in paper.strong_keys()])
    titled = catalogue.titled([t.title for _, t in pairs if t and t.title])
    worded = catalogue.worded([t.text for _, t in pairs if t])
    texts: dict[int, Text] = {}
    for paper, own in pairs:
        is_known = any(key in owned for key in paper.strong_keys())
        if is_known or own is None or own.title in titled or own.text in worded:
            continue
        if own.text not in texts:
            texts[own.text] = Text.of(paper, library.embedder)
    return list(texts.values())


def _embedded(batch: Batch | None, texts: list[Text], library: Library) -> Batch | None:
    if batch is not None:
        batch.embedded = {e.text.key: e for e in embed(texts, library.embedder)}
    return batch
