"""Which paper a record is of: one the library has, one of the same batch, or a new one.

The rules, in this order:

1. A record belongs to the paper that has its DOI, arXiv id, PubMed id, OpenAlex id or Semantic
   Scholar id. Where both have a publisher's DOI, that alone decides; else the arXiv id where both
   have one; else the PubMed id: two different ones are two papers, whatever else agrees. The DOI
   of a preprint server or a data archive never parts two papers.
2. Else it belongs to the one paper of the same title whose first author and year agree with it
   as far as both are known (a year's difference is let pass: preprints) and whose abstract is
   alike. If several papers fit, it belongs to none of them.
3. A record without a title belongs to the one paper with the same abstract, and the other way
   round.
4. A record that its source gave before under the same key, and whose text is alike, is the same
   paper, corrected.

A record that fits two papers by rules 1 and 2 joins them into one. What looks alike but is not
joined is only linked, see `duplicates`.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest.catalogue import Catalogue
from ingest.ledger import KnownRecord, Traits
from ingest.merge import Said, is_repository, merge
from ingest.papers import Paper, digest, normalised

_DECISIVE = ("doi", "arxiv", "pubmed")
_MAX_YEARS_APART = 1
_MIN_SHARED = 0.5  # of the words of the shorter abstract, for papers of the same title
_MIN_KEPT = 0.7  # the same, for two texts under one key of one source
_EDITION_WORDS = ("version", "abstract", "paper", "report", "edition", "preprint")
_EDITION = re.compile(
    r"\b(?:an? |the )?(?:extended|full|long|longer|short|journal|conference|preliminary|revised) "
    r"(?:version|abstract|paper|report|edition)\b|\btechnical report\b|\bpreprint\b"
)


def traits(paper: Paper) -> Traits:
    """What the paper can be recognised by when identifiers fail."""
    title = "" if paper.is_title_derived else normalised(paper.title)
    is_edition = any(word in title for word in _EDITION_WORDS)  # the pattern itself is slow
    stem = " ".join(_EDITION.sub(" ", title).split()) if is_edition else title
    return Traits(
        _hash(title) if title else 0,
        _hash(stem) if stem else 0,
        _hash(normalised(paper.abstract)),
    )


def conflict(keys: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two sets of identities say that two papers are not the same."""
    mine, theirs = _by_kind(keys), _by_kind(others)
    for kind in _DECISIVE:
        if mine[kind] and theirs[kind]:
            return not mine[kind] & theirs[kind]
    return False


def is_alike(abstract: str, other: str, least: float = _MIN_SHARED) -> bool:
    """Whether the shorter text has at least this share of its words in common with the longer."""
    words, others = set(normalised(abstract).split()), set(normalised(other).split())
    return len(words & others) >= least * max(min(len(words), len(others)), 1)


def fits(paper: Paper, other: Paper) -> bool:
    """Whether two papers of the same title are the same as far as they can be compared."""
    authors = {a for a in (paper.first_author, other.first_author) if a}
    years = [y for y in (paper.year, other.year) if y]
    if len(authors) > 1 or (years and max(years) - min(years) > _MAX_YEARS_APART):
        return False
    return paper.is_summary or other.is_summary or is_alike(paper.abstract, other.abstract)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer for one record: its paper, what decided, and papers that are the same as it."""

    paper_id: str
    joined_by: str = ""
    absorbed: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    """What is known of a paper while a batch is looked at."""

    paper: Paper
    keys: set[str]


@dataclass(slots=True)
class Identifier:
    """Identifies the records of one batch, each in the light of those before it."""

    _catalogue: Catalogue
    _papers: dict[str, _Known] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _titles: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    _texts: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    _gone: dict[str, str] = field(default_factory=dict)

    @classmethod
    def over(cls, catalogue: Catalogue, papers: Sequence[tuple[Paper, Traits]]) -> "Identifier":
        """An identifier that has looked up all that records of these papers can touch."""
        found = cls(catalogue)
        found._owners |= catalogue.owners([k for p, _ in papers for k in p.strong_keys()])
        found._titles |= catalogue.titled([t.title for _, t in papers if t.title])
        found._texts |= catalogue.worded([t.text for _, t in papers])
        ids = {digest(next(p.identities())) for p, _ in papers}
        ids |= {*found._owners.values()}.union(*found._titles.values(), *found._texts.values())
        found._load(sorted(ids))
        return found

    def _load(self, ids: Sequence[str]) -> None:
        missing = [i for i in ids if i not in self._papers]
        keys = self._catalogue.keys_of(missing)
        for paper_id, stored in self._catalogue.by_id(missing).items():
            self._papers[paper_id] = _Known(stored.paper, keys[paper_id])

    def find(self, paper: Paper, hashes: Traits, before: Sequence[KnownRecord] = ()) -> Found:
        """The paper that a record of `paper` belongs to, which from now on is known to have it.

        `before` are the records that its source gave under the same key.
        """
        ids = self._by_keys(paper)
        why = next((k for k in paper.strong_keys() if ids and self._owner(k) == ids[0]), "")
        for other in self._by_title(paper, hashes.title):
            if other not in ids and not self._parted(other, ids):
                ids.append(other)
                why = why or "title"
        if not ids and (same := self._by_text(paper, hashes.text) or self._by_name(paper, before)):
            ids, why = [same[0]], same[1]
        found = Found(ids[0], why, tuple(ids[1:])) if ids else Found(self._new_id(paper))
        self._learn(paper, hashes, found)
        return found

    def resolve(self, paper_id: str) -> str:
        """The paper that took this one in, or itself."""
        while paper_id in self._gone:
            paper_id = self._gone[paper_id]
        return paper_id

    def _owner(self, key: str) -> str | None:
        owner = self._owners.get(key)
        return self.resolve(owner) if owner else None

    def _by_keys(self, paper: Paper) -> list[str]:
        """Papers with an identifier of this one, strongest first, none in conflict with it."""
        own = set(paper.strong_keys())
        found: list[str] = []
        for key in paper.strong_keys():
            other = self._owner(key)
            if other in self._papers and other not in found:
                known = self._papers[other]
                if not conflict(own, known.keys) and not self._parted(other, found):
                    found.append(other)
        return found

    def _parted(self, paper_id: str, ids: Sequence[str]) -> bool:
        keys = self._papers[paper_id].keys
        return any(conflict(keys, self._papers[i].keys) for i in ids)

    def _by_title(self, paper: Paper, title: int) -> list[str]:
        """The one paper of the same title that fits, if it is one.

        If several fit a record without any identifier, it goes to the one among them that has
        none either: there the records gather that could be of several papers.
        """
        own = set(paper.strong_keys())
        fitting = [i for i in self._among(self._titles.get(title)) if self._fits(i, paper, own)]
        if len(fitting) > 1 and not own:
            fitting = [i for i in fitting if not any(_by_kind(self._papers[i].keys).values())]
        return fitting if title and len(fitting) == 1 else []

    def _fits(self, paper_id: str, paper: Paper, keys: set[str]) -> bool:
        known = self._papers[paper_id]
        return fits(known.paper, paper) and not conflict(known.keys, keys)

    def _by_text(self, paper: Paper, text: int) -> tuple[str, str] | None:
        """The one paper with the same abstract, if one of the two has no title of its own."""
        own = set(paper.strong_keys())
        same = [
            i
            for i in self._among(self._texts.get(text))
            if (paper.is_title_derived or self._papers[i].paper.is_title_derived)
            and not conflict(self._papers[i].keys, own)
        ]
        return (same[0], "abstract") if len(same) == 1 else None

    def _by_name(self, paper: Paper, before: Sequence[KnownRecord]) -> tuple[str, str] | None:
        """The paper that this source called by the same key, if its text is alike."""
        ids = [self.resolve(known.paper_id) for known in before]
        self._load(ids)
        for paper_id in ids:
            known = self._papers.get(paper_id)
            if (
                known
                and not conflict(set(paper.strong_keys()), known.keys)
                and is_alike(known.paper.abstract, paper.abstract, _MIN_KEPT)
            ):
                return paper_id, "key"
        return None

    def _among(self, ids: set[str] | None) -> list[str]:
        return sorted({r for i in ids or () if (r := self.resolve(i)) in self._papers})

    def _new_id(self, paper: Paper) -> str:
        """An id that depends on the paper alone, unless another paper has it already."""
        name = next(paper.identities())
        paper_id, n = digest(name), 1
        while paper_id in self._papers or paper_id in self._gone:
            paper_id, n = digest(name, str(n)), n + 1
            self._load([paper_id])
        return paper_id

    def _learn(self, paper: Paper, hashes: Traits, found: Found) -> None:
        known = self._papers.get(found.paper_id)
        papers = [paper, *([known.paper] if known else [])]
        keys = {*paper.strong_keys(), *(known.keys if known else ())}
        for gone in found.absorbed:
            absorbed = self._papers.pop(gone)
            papers.append(absorbed.paper)
            keys |= absorbed.keys
            self._gone[gone] = found.paper_id
        self._papers[found.paper_id] = _Known(merge([Said(p) for p in papers]), keys)
        for key in paper.strong_keys():
            self._owners.setdefault(key, found.paper_id)
        self._titles[hashes.title].add(found.paper_id)
        self._texts[hashes.text].add(found.paper_id)


def _by_kind(keys: Iterable[str]) -> dict[str, set[str]]:
    """The names in decisive identities, by their kind."""
    found: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        kind, _, name = key.partition(":")
        if kind in _DECISIVE and not (kind == "doi" and is_repository(name)):
            found[kind].add(name)
    return found


def _hash(text: str) -> int:
    """64 bits of a hash as SQLite's signed integer; 0 stands for nothing."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True) or 1
