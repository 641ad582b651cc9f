"""Records of scholarly services in JSON, each told by the keys that only it has.

A shape reads what its service means by a field (a list of one title, an inverted index, ids in a
nested object); whatever fits no shape is read by the vocabulary of `columns`.
"""

from collections.abc import Callable, Mapping

from ingest.papers import Record, Rejection
from ingest.sources.columns import authors_of, openalex_id
from ingest.sources.markup import plain_text
from ingest.sources.text import make_record
from ingest.sources.values import (
    arxiv_of,
    parse_arxiv_id,
    parse_doi,
    parse_pubmed_id,
    parse_url,
    parse_year,
    split_authors,
)

Item = Mapping[str, object]
Shape = Callable[[Item, str, str], Record | Rejection]
_KEYS = frozenset(
    "abstract_inverted_index itemType data paperId s2FieldsOfStudy externalIds authors_parsed"
    " submitter DOI container-title issued paper".split()
)
MAX_WORDS = 50_000  # of one inverted index; genuine abstracts stay under 2,000


def shape_of(item: Item) -> Shape | None:
    """The reader for the service that wrote the record, or None for a plain record."""
    if _KEYS.isdisjoint(item) and not _text(item, "id").startswith("https://openalex.org/W"):
        return None  # nearly all plain records, told at once
    if "abstract_inverted_index" in item or _text(item, "id").startswith("https://openalex.org/W"):
        return read_openalex
    if "itemType" in item or "itemType" in _map(item, "data"):
        return read_zotero
    if "paperId" in item or "s2FieldsOfStudy" in item or "externalIds" in item:
        return read_semantic_scholar
    if "authors_parsed" in item or ("submitter" in item and "versions" in item):
        return read_arxiv_snapshot
    if {"DOI", "container-title", "issued"} & item.keys() and "title" in item:
        return read_csl
    paper = item.get("paper")
    if isinstance(paper, Mapping) and "title" in paper:
        return read_daily_paper
    return None


def read_openalex(item: Item, locator: str, raw: str) -> Record | Rejection:
    """A work of OpenAlex; its abstract is stored as word positions."""
    ids = _map(item, "ids")
    source = _map(_map(item, "primary_location"), "source")
    abstract = _from_index(item.get("abstract_inverted_index")) or _text(item, "abstract")
    doi = parse_doi(item.get("doi")) or parse_doi(ids.get("doi"))
    return make_record(
        title=plain_text(_text(item, "title") or _text(item, "display_name")),
        abstract=plain_text(abstract),
        locator=locator,
        raw=raw,
        key=_text(item, "id"),
        authors=[
            _text(_map(entry, "author"), "display_name") for entry in _maps(item, "authorships")
        ],
        year=parse_year(item.get("publication_year")) or parse_year(item.get("publication_date")),
        venue=_text(source, "display_name"),
        url=parse_url(_map(item, "primary_location").get("landing_page_url"))
        or parse_url(item.get("id")),
        doi=doi,
        arxiv_id=arxiv_of(doi)
        or arxiv_of(_text(_map(item, "primary_location"), "landing_page_url")),
        pubmed_id=parse_pubmed_id(ids.get("pmid")),
        openalex_id=openalex_id(_text(item, "id") or _text(ids, "openalex")),
        categories=[_text(entry, "display_name") for entry in _maps(item, "topics")],
    )


def read_semantic_scholar(item: Item, locator: str, raw: str) -> Record | Rejection:
    """A paper of Semantic Scholar; its one-sentence summary by a model is no abstract."""
    ids = _map(item, "externalIds")
    venue = _map(item, "publicationVenue").get("name") or _map(item, "journal").get("name")
    fields = item.get("fieldsOfStudy")
    return make_record(
        title=_text(item, "title"),
        abstract=plain_text(_text(item, "abstract")),
        locator=locator,
        raw=raw,
        key=_text(item, "paperId"),
        authors=authors_of(item.get("authors")),
        year=parse_year(item.get("year")) or parse_year(item.get("publicationDate")),
        venue=_text(item, "venue") or (venue if isinstance(venue, str) else None),
        url=parse_url(item.get("url")),
        doi=parse_doi(ids.get("DOI")),
        arxiv_id=parse_arxiv_id(ids.get("ArXiv")),
        pubmed_id=parse_pubmed_id(ids.get("PubMed")),
        s2_id=_text(item, "paperId") or None,
        categories=[name for name in fields if isinstance(name, str)]
        if isinstance(fields, list)
        else [],
    )


def read_arxiv_snapshot(item: Item, locator: str, raw: str) -> Record | Rejection:
    """A line of arXiv's metadata snapshot."""
    arxiv_id = parse_arxiv_id(item.get("id"))
    parsed = authors_of(item.get("authors_parsed"))
    versions = _maps(item, "versions")
    created = versions[0].get("created") if versions else None
    return make_record(
        title=_text(item, "title"),
        abstract=_text(item, "abstract"),
        locator=locator,
        raw=raw,
        key=_text(item, "id"),
        authors=parsed or split_authors(_text(item, "authors")),
        year=parse_year(created) or parse_year(item.get("update_date")),
        venue=_text(item, "journal-ref"),
        url=f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id else None,
        doi=parse_doi(item.get("doi")),
        arxiv_id=arxiv_id,
        categories=_text(item, "categories").split(),
    )


def read_csl(item: Item, locator: str, raw: str) -> Record | Rejection:
    """A work of Crossref, or an item of CSL-JSON, which descends from it."""
    url = parse_url(item.get("URL"))
    doi = parse_doi(item.get("DOI"))
    key = item.get("id") or item.get("citation-key")
    return make_record(
        title=plain_text(_first(item, "title")),
        abstract=plain_text(_text(item, "abstract")),
        locator=locator,
        raw=raw,
        key=str(key) if isinstance(key, str | int) else doi,
        authors=authors_of(item.get("author")),
        year=next(filter(None, (_date(item.get(name)) for name in _DATES)), None),
        venue=plain_text(_first(item, "container-title")),
        url=url or (f"https://doi.org/{doi}" if doi else None),
        doi=doi,
        arxiv_id=arxiv_of(url) or arxiv_of(doi),
        pubmed_id=parse_pubmed_id(item.get("PMID")),
        categories=_strings(item, "subject") or _strings(item, "categories"),
    )


def read_zotero(item: Item, locator: str, raw: str) -> Record | Rejection:
    """An item of Zotero's API or JSON export; notes and attachments are no papers."""
    data = _map(item, "data") or item
    kind = _text(data, "itemType")
    if kind in ("attachment", "note", "annotation"):
        return Rejection(locator, f"no paper but a Zotero {kind}", raw)
    extra, url = _text(data, "extra"), parse_url(data.get("url"))
    authors = [
        entry for entry in _maps(data, "creators") if entry.get("creatorType", "author") == "author"
    ]
    return make_record(
        title=plain_text(_text(data, "title")),
        abstract=plain_text(_text(data, "abstractNote")),
        locator=locator,
        raw=raw,
        key=_text(data, "key") or _text(data, "citationKey"),
        authors=authors_of(authors or data.get("creators")),
        year=parse_year(data.get("date")),
        venue=next(filter(None, (_text(data, name) for name in _ZOTERO_VENUES)), None),
        url=url,
        doi=parse_doi(data.get("DOI")) or (parse_doi(extra) if "DOI" in extra else None),
        arxiv_id=arxiv_of(url) or (parse_arxiv_id(_line(extra, "arxiv"))),
        pubmed_id=parse_pubmed_id(_line(extra, "pmid")),
        categories=[_text(tag, "tag") for tag in _maps(data, "tags")],
    )


def read_daily_paper(item: Item, locator: str, raw: str) -> Record | Rejection:
    """An entry that wraps a paper, as Hugging Face's daily papers do; their ids are arXiv's."""
    paper = _map(item, "paper")
    arxiv_id = parse_arxiv_id(paper.get("id"))
    return make_record(
        title=_text(paper, "title"),
        abstract=_text(paper, "summary") or _text(paper, "abstract"),
        locator=locator,
        raw=raw,
        key=_text(paper, "id"),
        authors=authors_of(paper.get("authors")),
        year=parse_year(paper.get("publishedAt")) or parse_year(paper.get("year")),
        url=f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id else None,
        arxiv_id=arxiv_id,
    )


_DATES = ("issued", "published-print", "published-online", "published", "created")
_ZOTERO_VENUES = (
    "publicationTitle",
    "proceedingsTitle",
    "bookTitle",
    "conferenceName",
    "repository",
)


def _from_index(index: object) -> str:
    """The words of an inverted index in the order of their positions."""
    if not isinstance(index, Mapping):
        return ""
    places = [
        (position, word)
        for word, positions in index.items()
        if isinstance(positions, list)
        for position in positions[:MAX_WORDS]
        if isinstance(position, int)
    ]
    return " ".join(word for _, word in sorted(places[:MAX_WORDS]))


def _date(value: object) -> int | None:
    """The year of a CSL date: parts, a literal, or an ISO string."""
    if not isinstance(value, Mapping):
        return parse_year(value)
    parts = value.get("date-parts")
    while isinstance(parts, list) and parts:
        parts = parts[0]
    return parse_year(parts) or parse_year(value.get("literal") or value.get("raw"))


def _line(extra: str, name: str) -> str:
    """The line of Zotero's "extra" field that starts with the name."""
    return next((line for line in extra.splitlines() if line.casefold().startswith(name)), "")


def _first(item: Item, name: str) -> str:
    return _text(item, name) or next(iter(_strings(item, name)), "")


def _strings(item: Item, name: str) -> list[str]:
    value = item.get(name)
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _map(item: Item, name: str) -> Item:
    value = item.get(name)
    return value if isinstance(value, Mapping) else {}


def _maps(item: Item, name: str) -> list[Item]:
    value = item.get(name)
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []
