"""arXiv's Atom feed, the answer of its search API."""

import re
from collections.abc import Iterator

from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.markup import Element, local_name, text_of
from ingest.sources.text import make_record
from ingest.sources.values import parse_arxiv_id, parse_doi, parse_url, parse_year
from ingest.sources.xml_records import every, first, raw_of, read_elements

_ROOT = re.compile(r"<(?:\w+:)?feed\b[^>]{0,2000}http://www\.w3\.org/2005/Atom", re.DOTALL)


def is_atom(head: str) -> bool:
    """Whether the text is the start of an Atom feed."""
    return _ROOT.search(head) is not None


def read_atom(blob: Blob) -> Iterator[Record | Rejection]:
    """The entries of the feed; an error that arXiv wrote into it is a rejection."""
    return read_elements(blob, frozenset(("entry",)), _entry)


def _entry(entry: Element, locator: str) -> Record | Rejection:
    address = text_of(first(entry, "id")).strip()
    summary = text_of(first(entry, "summary"))
    if "/api/errors" in address:
        reason = f"the service answered with an error: {' '.join(summary.split())[:200]}"
        return Rejection(locator, reason, raw_of(entry))
    arxiv_id = parse_arxiv_id(address) if "arxiv.org/" in address else None
    return make_record(
        title=text_of(first(entry, "title")),
        abstract=summary,
        locator=locator,
        raw=raw_of(entry),
        key=address or None,
        authors=[text_of(first(author, "name")) for author in every(entry, "author")],
        year=parse_year(text_of(first(entry, "published")) or text_of(first(entry, "updated"))),
        venue=text_of(first(entry, "journal_ref")),
        url=f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id else parse_url(address),
        doi=parse_doi(text_of(first(entry, "doi"))),
        arxiv_id=arxiv_id,
        categories=[child.get("term", "") for child in entry if local_name(child) == "category"],
    )
