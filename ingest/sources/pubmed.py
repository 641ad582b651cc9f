"""PubMed's XML: articles and book chapters, structured abstracts with their labels."""

from collections.abc import Iterator

from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.markup import Element, local_name, text_of
from ingest.sources.text import make_record
from ingest.sources.values import parse_doi, parse_pubmed_id, parse_year
from ingest.sources.xml_records import every, first, raw_of, read_elements

_RECORDS = frozenset(("PubmedArticle", "PubmedBookArticle"))
# PubMed's word for "no label": it says nothing to a reader.
_NO_LABELS = frozenset(("", "UNLABELLED", "UNASSIGNED"))


def is_pubmed(head: str) -> bool:
    """Whether the text is the start of PubMed's XML."""
    return "<PubmedArticle" in head or "<PubmedBookArticle" in head


def read_pubmed(blob: Blob) -> Iterator[Record | Rejection]:
    """The articles and book chapters of the file."""
    return read_elements(blob, _RECORDS, _article)


def _article(element: Element, locator: str) -> Record | Rejection:
    citation = first(element, "MedlineCitation")
    if citation is None:
        citation = first(element, "BookDocument")
    if citation is None:
        return Rejection(locator, "neither an article nor a book chapter", raw_of(element))
    article = first(citation, "Article")
    article = citation if article is None else article
    pubmed_id = parse_pubmed_id(text_of(first(citation, "PMID")))
    return make_record(
        title=_title(article),
        abstract=_abstract(first(article, "Abstract")),
        locator=locator,
        raw=raw_of(element),
        key=pubmed_id,
        authors=_authors(first(article, "AuthorList")),
        year=_year(article),
        venue=text_of(first(article, "Journal", "Title")) or text_of(_book_title(article)),
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pubmed_id}/" if pubmed_id else None,
        doi=_doi(element, article),
        pubmed_id=pubmed_id,
        categories=[text_of(word).strip() for word in every(citation, "DescriptorName")],
    )


def _title(article: Element) -> str:
    """The title, without the brackets that mark a translated one."""
    for name in ("ArticleTitle", "BookTitle", "VernacularTitle"):
        found = next(every(article, name), None)
        title = " ".join(text_of(found).split())
        if title:
            return title[1:-1].rstrip("]") if title.startswith("[") and title[-1] == "]" else title
    return ""


def _abstract(abstract: Element | None) -> str:
    """The sections in their order, each after its label."""
    if abstract is None:
        return ""
    parts = []
    for section in abstract:
        if local_name(section) == "AbstractText":
            label = (section.get("Label") or "").strip()
            text = text_of(section).strip()
            parts.append(text if label.upper() in _NO_LABELS or not text else f"{label}: {text}")
    return " ".join(parts)


def _authors(authors: Element | None) -> list[str]:
    if authors is None:
        return []
    names = []
    for author in authors:
        given = text_of(first(author, "ForeName")) or text_of(first(author, "Initials"))
        family = text_of(first(author, "LastName"))
        names.append(f"{given} {family}".strip() or text_of(first(author, "CollectiveName")))
    return names


def _year(article: Element) -> int | None:
    paths = (("Journal", "JournalIssue", "PubDate"), ("ArticleDate",), ("Book", "PubDate"))
    found = (parse_year(" ".join(text_of(first(article, *path)).split())) for path in paths)
    return next(filter(None, found), None)


def _book_title(article: Element) -> Element | None:
    return first(article, "Book", "BookTitle")


def _doi(element: Element, article: Element) -> str | None:
    """The DOI of the article itself; its references carry DOIs too."""
    data = first(element, "PubmedData", "ArticleIdList")
    ids = [*(child for child in article if local_name(child) == "ELocationID")]
    ids += [] if data is None else [*data]
    return next(
        (
            doi
            for item in ids
            if "doi" in (item.get("EIdType"), item.get("IdType"))
            and (doi := parse_doi(text_of(item)))
        ),
        None,
    )
