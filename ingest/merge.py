"""One paper out of what several records say of it: which record each fact is taken from.

Precedence, the same whatever order records come in:

- Title and abstract come together from one record: an authors' abstract before a summary of
  ours, a real title before a derived one, the newest arXiv version before older ones, then the
  longer abstract. What is still equal is settled by the revision, a hash.
- The DOI of a publisher before that of a preprint server; year and venue together from the
  record with a publisher's DOI, else from the one with the best text that has both.
- The longest list of authors; the union of the categories.
- Every other field from the record with the best text that has it.

No field is lost: one that any record has, the paper has; and every record is kept as it came.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ingest.papers import Paper, Record

# Servers that register a DOI for a copy of a paper that may have another one elsewhere.
_REPOSITORIES = re.compile(
    r"""10\.(?:48550/arxiv | 1101/(?:\d{4}\.\d\d\.\d\d\.)?\d{6} | 2139/ssrn | 21203/rs |
    20944/preprints | 3121[0-9]/osf | 3123[0-9]/osf | 36227/techrxiv | 26434/chemrxiv |
    5281/zenodo | 6084/m9 | 22541/au)""",
    re.VERBOSE | re.IGNORECASE,
)
_WITH_THE_TEXT = ("title", "abstract", "is_title_derived", "is_summary")


@dataclass(frozen=True, slots=True)
class Said:
    """What one record says; `version` is that of the arXiv paper it shows, 0 where unknown."""

    paper: Paper
    version: int = 0


def is_repository(doi: str) -> bool:
    """Whether the DOI names a copy (a preprint, a deposit) rather than a publication."""
    return _REPOSITORIES.match(doi) is not None


def arxiv_version(record: Record) -> int:
    """The highest version of its arXiv id that a record mentions, 0 if none."""
    if not record.paper.arxiv_id:
        return 0
    pattern = re.escape(record.paper.arxiv_id) + r"v(\d{1,3})(?!\d)"
    found = re.findall(pattern, f"{record.key} {record.raw}", re.IGNORECASE)
    return max(map(int, found), default=0)


def merge(records: Sequence[Said]) -> Paper:
    """The one paper that these records, at least one, are of."""
    newest = max(said.version for said in records)

    def rank(said: Said) -> tuple[bool, bool, bool, int, str]:
        paper = said.paper
        is_old = 0 < said.version < newest
        text = -len(paper.abstract)
        return paper.is_summary, paper.is_title_derived, is_old, text, paper.revision

    ranked = [said.paper for said in sorted(records, key=rank)]
    values = {name: getattr(ranked[0], name) for name in _WITH_THE_TEXT}
    for f in fields(Paper):
        if f.name not in values:
            values[f.name] = _first(getattr(paper, f.name) for paper in ranked)
    values["authors"] = max((p.authors for p in ranked), key=len)
    values["categories"] = tuple(dict.fromkeys(c for p in ranked for c in p.categories))
    return replace(Paper(**values), **_published(ranked))


def _published(ranked: Sequence[Paper]) -> dict[str, Any]:  # values of fields of Paper
    """DOI, year and venue as the publication has them, those that are known."""
    published = [p for p in ranked if p.doi and not is_repository(p.doi)]
    dated = [p for p in ranked if p.year and p.venue]
    found = {
        "doi": _first(p.doi for p in published),
        "year": _first(p.year for p in [*published, *dated]),
        "venue": _first(p.venue for p in [*published, *dated]),
    }
    return {name: value for name, value in found.items() if value}


def _first(values: Iterable[Any]) -> Any:  # of whatever type the field has
    """The first value that says something, else the last, which says nothing."""
    value = None
    for value in values:
        if value not in (None, ()):
            return value
    return value
