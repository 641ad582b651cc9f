"""Field names as people and programs write them, and records made from flat rows of them.

One vocabulary serves JSON records, table columns and Markdown tables alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.text import make_record, untag
from ingest.sources.values import (
    arxiv_of,
    flip_name,
    parse_arxiv_id,
    parse_doi,
    parse_pubmed_id,
    parse_url,
    parse_year,
    split_authors,
    split_list,
)

# Best first: of two columns with one meaning, the one that comes earlier here is read, the other
# only where the first is empty. Compared by letters and digits alone, without case.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "_id", "paper id", "record id", "key", "doc id", "corpus id", "cite key"),
    "title": (
        "title", "paper title", "article title", "document title", "primary title",
        "title primary", "name", "headline", "display name", "titles",
    ),
    "abstract": (
        "abstract", "abstracts", "abstract text", "abstract note", "summary", "text", "contents",
        "description", "notes abstract",
    ),
    "authors": (
        "author full names", "authors", "author", "author names", "authors primary", "creators",
        "creator", "first authors", "authorships", "author name",
        "authorships author display name", "au",
    ),
    "year": (
        "year", "publication year", "pub year", "published year", "year published", "date",
        "published", "publication date", "published at", "date published", "cover date", "created",
        "submitted", "update date", "py",
    ),
    "venue": (
        "venue", "journal", "journal name", "journal title", "source title", "publication title",
        "journal ref", "container title", "booktitle", "conference", "published in",
        "secondary title", "publication name", "publication", "periodical full",
        "primary location source display name", "journal book", "host venue display name",
    ),
    "url": (
        "url", "link", "paper url", "abs url", "abs", "web address", "external url",
        "primary location landing page url", "source urls", "full text url", "pdf url", "pdf",
        "plink",
    ),
    "doi": ("doi", "dois", "doi link", "digital object identifier", "doi url"),
    "arxiv_id": ("arxiv id", "arxiv", "arxiv identifier", "eprint", "arxiv link"),
    "pubmed_id": ("pubmed id", "pmid", "ids pmid", "medline pmid", "pubmed"),
    "openalex_id": ("openalex id", "openalex", "ids openalex"),
    "s2_id": ("s2 id", "semantic scholar id", "s2 paper id"),
    "categories": (
        "categories", "keywords", "keyword", "author keywords", "subjects", "fields of study",
        "topics", "topics display name", "tags", "mesh", "mesh terms", "manual tags", "subject",
    ),
    "is_summary": ("is summary",),
}  # fmt: skip
_NO_LETTER = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """A field name reduced to lower-case letters and digits."""
    return _NO_LETTER.sub("", name).casefold()


_FIELD_BY_NAME = {
    plain(synonym): (field, rank)
    for field, synonyms in SYNONYMS.items()
    for rank, synonym in enumerate(synonyms)
}


def field_of(name: str) -> str | None:
    """Our field for a source's field name, if there is one."""
    known = _FIELD_BY_NAME.get(plain(name))
    return known[0] if known else None


@dataclass(frozen=True, slots=True)
class Columns:
    """Which of a source's names hold which of our fields, best first."""

    names: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, names: tuple[str, ...], field_map: Mapping[str, str] | None = None) -> "Columns":
        """By `field_map` (ours to theirs) where it says, else by the vocabulary.

        Raises:
            InvalidInput: `field_map` names a field that we do not have.
        """
        check_map(field_map)
        ranked: dict[str, list[tuple[int, str]]] = {}
        for name in names:
            field, rank = _FIELD_BY_NAME.get(plain(name), ("", 0))
            if field:
                ranked.setdefault(field, []).append((rank, name))
        best = {field: tuple(name for _, name in sorted(found)) for field, found in ranked.items()}
        return cls(best | {ours: (theirs,) for ours, theirs in (field_map or {}).items()})

    def values(self, row: Mapping[str, object]) -> dict[str, object]:
        """For each of our fields that the row has, the first value that says something."""
        found = {}
        for field, names in self.names.items():
            for name in names:
                value = row.get(name)
                if value or value == 0:
                    found[field] = value
                    break
        return found


def check_map(field_map: Mapping[str, str] | None) -> None:
    """Refuse a map with a field that we do not have.

    Raises:
        InvalidInput: there is one; the message lists the fields.
    """
    unknown = sorted(set(field_map or {}) - SYNONYMS.keys())
    if unknown:
        raise InvalidInput(
            f"there is no field {', '.join(map(repr, unknown))} to map to."
            f" The fields are {', '.join(SYNONYMS)}; write for example title=headline."
        )


def record_of(
    row: Mapping[str, object], columns: Columns, *, locator: str, raw: str
) -> Record | Rejection:
    """The paper in one row.

    A row's own id is its key; it becomes an arXiv or PubMed id only from a field that says so.
    """
    get = columns.values(row).get
    url, doi, key = parse_url(get("url")), get("doi"), get("id")
    return make_record(
        title=_text(get("title")),
        abstract=_text(get("abstract")),
        locator=locator,
        raw=raw,
        key=str(key) if isinstance(key, str | int) else None,
        authors=authors_of(get("authors")),
        year=parse_year(get("year")),
        venue=_text(get("venue")),
        url=url,
        doi=parse_doi(doi) or (parse_doi(url) if url and "doi.org/" in url else None),
        arxiv_id=parse_arxiv_id(get("arxiv_id")) or arxiv_of(url),
        pubmed_id=parse_pubmed_id(get("pubmed_id")) or _pubmed_of(url),
        openalex_id=openalex_id(get("openalex_id")),
        s2_id=_text(get("s2_id")),
        categories=_listed(get("categories")),
        is_summary=get("is_summary") in (True, "true", "True", 1, "1", "yes"),
    )


def authors_of(value: object) -> list[str]:
    """Names in `Given Family` order from a string, a list of strings, or a list of objects."""
    if isinstance(value, str):
        return split_authors(value)
    if isinstance(value, Mapping):
        return [name] if (name := _person(value)) else []
    if not isinstance(value, list | tuple):
        return []
    return [name for item in value if (name := _person(item))]


def openalex_id(value: object) -> str | None:
    """The bare id of a work, W followed by digits."""
    match = re.search(r"\bW\d{3,12}\b", value) if isinstance(value, str) else None
    return match[0] if match else None


def _person(item: object) -> str:
    if isinstance(item, str):
        return flip_name(item)
    if isinstance(item, list | tuple):  # arXiv's authors_parsed: family, given, suffix
        parts = [part for part in item if isinstance(part, str) and part]
        return " ".join([*parts[1:2], *parts[:1], *parts[2:3]])
    if not isinstance(item, Mapping):
        return ""
    given = item.get("given") or item.get("firstName") or item.get("first") or ""
    family = item.get("family") or item.get("lastName") or item.get("last") or ""
    name = item.get("name") or item.get("literal") or item.get("fullname") or ""
    full = " ".join(part for part in (given, family) if isinstance(part, str) and part)
    return full or (flip_name(name) if isinstance(name, str) else "")


def _pubmed_of(url: str | None) -> str | None:
    return parse_pubmed_id(url) if url and "pubmed" in url else None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return untag(value)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return untag(" ".join(value))
    return None


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return split_list(value)
    if isinstance(value, list):
        return [part for part in value if isinstance(part, str)]
    return []
