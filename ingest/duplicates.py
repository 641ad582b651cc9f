"""What was made one paper and why, and what looks alike but was left apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.catalogue import Catalogue
from ingest.identify import conflict
from ingest.papers import normalised

_PART = 500  # papers looked at together


@dataclass(frozen=True, slots=True)
class Part:
    """One record of a paper; `why` is what joined it to the others, "" for the first one."""

    source: str
    record: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A paper that several records are of."""

    paper_id: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """Papers that look alike and are kept apart, with the reason for each."""

    paper_ids: tuple[str, ...]
    titles: tuple[str, ...]
    alike: str
    why_apart: str


def joined(catalogue: Catalogue) -> Iterator[Joined]:
    """Every paper of several records, by id."""
    ids = catalogue.ids_of_many_records()
    for at in range(0, len(ids), _PART):
        part = ids[at : at + _PART]
        found: dict[str, list[Part]] = {i: [] for i in part}
        for r in catalogue.records_of(part):
            found[r.paper_id].append(
                Part(r.name.source, r.locator, r.said.paper.title, r.joined_by)
            )
        papers = catalogue.by_id(part)
        for paper_id, parts in found.items():
            if paper_id in papers:
                parts.sort(key=lambda p: p.why != "")
                yield Joined(paper_id, papers[paper_id].paper.title, tuple(parts))


def linked(catalogue: Catalogue) -> Iterator[Linked]:
    """Every group of papers with the same title but for the edition, or the same abstract."""
    told: set[tuple[str, ...]] = set()
    for alike, groups in (
        ("title", catalogue.ids_alike("stem_hash")),
        ("abstract", catalogue.ids_alike("text_hash")),
    ):
        for ids in groups:
            papers = catalogue.by_id(ids)
            kept = tuple(i for i in ids if i in papers)
            if len(kept) > 1 and kept not in told:
                told.add(kept)
                titles = tuple(papers[i].paper.title for i in kept)
                yield Linked(kept, titles, alike, _why_apart(catalogue, kept, titles))


def _why_apart(catalogue: Catalogue, ids: Sequence[str], titles: Sequence[str]) -> str:
    keys = catalogue.keys_of(ids)
    pairs = [(a, b) for n, a in enumerate(ids) for b in ids[n + 1 :]]
    if any(conflict(keys[a], keys[b]) for a, b in pairs):
        return "different identifiers"
    if len({normalised(title) for title in titles}) > 1:
        return "different titles"
    return "different authors, years or abstracts"
