"""OAI-PMH answers: records in arXiv's own format and in Dublin Core."""

from collections.abc import Iterator

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.markup import Element, local_name, text_of
from ingest.sources.text import make_record
from ingest.sources.values import (
    flip_name,
    parse_arxiv_id,
    parse_doi,
    parse_pubmed_id,
    parse_url,
    parse_year,
)
from ingest.sources.xml_records import every, first, raw_of, read_elements

_FORMATS = frozenset(("arXiv", "arXivRaw", "dc"))


def is_oai(head: str) -> bool:
    """Whether the text is the start of an OAI-PMH answer."""
    return "<OAI-PMH" in head or "<oai:OAI-PMH" in head


def read_oai(blob: Blob) -> Iterator[Record | Rejection]:
    """The records of the answer; "no records match" is an answer without records.

    Raises:
        InvalidInput: the repository answered with an error.
    """

    def read(element: Element, locator: str) -> Record | Rejection | None:
        if local_name(element) == "record":
            return _record(element, locator)
        if element.get("code") != "noRecordsMatch":
            reason = " ".join(text_of(element).split())[:200]
            raise InvalidInput(
                f"{blob.name} is a repository's error, not an answer:"
                f" {element.get('code', 'no code')}: {reason}. Correct the request."
            )
        return None

    return read_elements(blob, frozenset(("record", "error")), read)


def _record(record: Element, locator: str) -> Record | Rejection | None:
    header, metadata = first(record, "header"), first(record, "metadata")
    if header is None and metadata is None:
        return None  # a MARC record within an OAI record
    key = text_of(first(header, "identifier")).strip() if header is not None else ""
    if metadata is None or len(metadata) == 0:
        is_deleted = header is not None and header.get("status") == "deleted"
        reason = "deleted by its repository" if is_deleted else "without metadata"
        return Rejection(locator, reason, raw_of(record))
    body = metadata[0]
    form = local_name(body)
    if form not in _FORMATS:
        reason = f"its metadata format “{form}” cannot be read; harvest with metadataPrefix=oai_dc"
        return Rejection(locator, reason, raw_of(record))
    read = _dublin_core if form == "dc" else _arxiv
    return read(body, locator, raw_of(record), key)


def _arxiv(body: Element, locator: str, raw: str, key: str) -> Record | Rejection:
    arxiv_id = parse_arxiv_id(text_of(first(body, "id")))
    authors = [
        " ".join(text_of(first(author, name)) for name in ("forenames", "keyname", "suffix"))
        for author in every(body, "author")
    ]
    return make_record(
        title=text_of(first(body, "title")),
        abstract=text_of(first(body, "abstract")),
        locator=locator,
        raw=raw,
        key=key,
        authors=authors or text_of(first(body, "authors")).split(", "),
        year=parse_year(text_of(first(body, "created"))),
        venue=text_of(first(body, "journal-ref")),
        url=f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id else None,
        doi=parse_doi(text_of(first(body, "doi"))),
        arxiv_id=arxiv_id,
        categories=text_of(first(body, "categories")).split(),
    )


def _dublin_core(body: Element, locator: str, raw: str, key: str) -> Record | Rejection:
    def values(name: str) -> list[str]:
        return [text_of(child).strip() for child in body if local_name(child) == name]

    names = [*values("identifier"), *values("relation")]
    arxiv = [name for name in (key, *names) if "arxiv" in name.casefold()]
    return make_record(
        title=next(iter(values("title")), ""),
        abstract=_longest(values("description")),
        locator=locator,
        raw=raw,
        key=key,
        authors=[flip_name(name) for name in values("creator")],
        year=next(filter(None, map(parse_year, values("date"))), None),
        venue=next(iter(values("source")), None),
        url=next(filter(None, map(parse_url, names)), None),
        doi=next(filter(None, map(parse_doi, names)), None),
        arxiv_id=next(filter(None, map(parse_arxiv_id, arxiv)), None),
        pubmed_id=next(filter(None, (parse_pubmed_id(n) for n in names if "pubmed" in n)), None),
        categories=values("subject"),
    )


def _longest(descriptions: list[str]) -> str:
    """The abstract among the descriptions: others are remarks such as "23 pages, 4 figures"."""
    longest = max(descriptions, key=len, default="")
    return "" if longest.startswith("Comment:") else longest
