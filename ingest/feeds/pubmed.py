"""PubMed by NCBI's E-utilities: a search for ids, then the papers, 200 ids at a time.

Its rules (ncbi.nlm.nih.gov/books/NBK25497): three requests a second, ten with a key, with the
names of tool and e-mail address. A search yields at most 9,999 ids, so that a larger one is cut
into spans of dates: of entry into PubMed, or of change when news are asked for.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar

from ingest.errors import InvalidInput
from ingest.feeds.client import Client, Garbled
from ingest.feeds.pages import Page, Window, count, mapping, parse_json, parse_xml, read_items
from ingest.papers import Record, Rejection
from ingest.sources.pubmed import read_pubmed

PAGE = 200
MAX_FOUND = 9_999
_FIRST_DAY = date(1900, 1, 1)
_Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class _Found:
    n: int
    ids: tuple[str, ...]  # ascending, so that a paper entered meanwhile comes last


@dataclass(frozen=True, slots=True, kw_only=True)
class PubMed:
    """Papers that match a query in PubMed's syntax."""

    query: str
    api_key: str = field(default="", repr=False)
    base_url: str = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    label: ClassVar[str] = "PubMed"
    overlap: ClassVar[timedelta] = timedelta(days=2)
    is_total_exact: ClassVar[bool] = False
    # The latest search, which serves many pages.
    _latest: dict[_Span, _Found] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return f"pubmed:{self.query}"

    @property
    def interval_s(self) -> float:
        return 0.1 if self.api_key else 0.34

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        last = client.clock.now().date() + timedelta(days=1)
        span, offset = _parse(cursor) or ((window.changed or _FIRST_DAY, last), 0)
        total = None
        while True:
            found = self._search(client, window, span)
            total = found.n if cursor is None and total is None else total
            if found.n > MAX_FOUND:
                span = _first_half(span, found.n)
                continue
            ids = found.ids[offset : offset + min(size or PAGE, PAGE)]
            following = _next(span, offset + len(ids), len(found.ids), last)
            if ids or following is None:
                return Page(self._fetch(client, ids) if ids else (), following, total)
            span, offset = _parse(following) or (span, 0)

    def _search(self, client: Client, window: Window, span: _Span) -> _Found:
        if span not in self._latest:
            term = self.query
            if window.since:
                published = "[Date - Publication]"
                since = f"{window.since:%Y/%m/%d}"
                term = f'({term}) AND ("{since}"{published} : "3000"{published})'
            params = {
                "term": term,
                "retmode": "json",
                "retmax": str(MAX_FOUND),
                "datetype": "mdat" if window.changed else "edat",
                "mindate": f"{span[0]:%Y/%m/%d}",
                "maxdate": f"{span[1]:%Y/%m/%d}",
            }
            url = f"{self.base_url}/esearch.fcgi"
            found = client.fetch(url, params | self._common(client), _read_ids)
            self._latest.clear()
            self._latest[span] = found
        return self._latest[span]

    def _fetch(self, client: Client, ids: tuple[str, ...]) -> list[Record | Rejection]:
        params = {"id": ",".join(ids), "retmode": "xml"} | self._common(client)
        return client.fetch(f"{self.base_url}/efetch.fcgi", params, _read_papers)

    def _common(self, client: Client) -> dict[str, str]:
        common = {
            "db": "pubmed",
            "tool": "citelight",
            "email": client.contact,
            "api_key": self.api_key,
        }
        return {name: value for name, value in common.items() if value}


def _parse(cursor: str | None) -> tuple[_Span, int] | None:
    if cursor is None:
        return None
    try:
        begin, end, offset = cursor.split("/")
        return (date.fromisoformat(begin), date.fromisoformat(end)), int(offset)
    except ValueError as error:
        raise InvalidInput("The place to go on from cannot be read.") from error


def _first_half(span: _Span, n: int) -> _Span:
    begin, end = span
    if begin == end:
        raise InvalidInput(
            f"PubMed has {n:,} papers of {begin} for this query and gives at most {MAX_FOUND:,}."
            " Narrow the query."
        )
    return begin, begin + (end - begin) // 2


def _next(span: _Span, offset: int, n: int, last: date) -> str | None:
    """The cursor of the rest of the span, else of all days after it, else None."""
    if offset < n:
        return f"{span[0]}/{span[1]}/{offset}"
    begin = span[1] + timedelta(days=1)
    return f"{begin}/{last}/0" if begin <= last else None


def _read_ids(data: bytes) -> _Found:
    answer = parse_json(data)
    result = mapping(answer.get("esearchresult"))
    if problem := result.get("ERROR") or answer.get("error"):
        raise Garbled(str(problem)[:200])
    n, ids = count(result.get("count")), result.get("idlist")
    if n is None or not isinstance(ids, list):
        raise Garbled("it holds no ids")
    return _Found(n, tuple(sorted((i for i in map(str, ids) if i.isdecimal()), key=int)))


def _read_papers(data: bytes) -> list[Record | Rejection]:
    parse_xml(data, frozenset(("PubmedArticleSet",)))
    return read_items(read_pubmed, data)
