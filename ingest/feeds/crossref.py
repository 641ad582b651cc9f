"""Crossref: works by cursor, 500 a page.

Its rules (crossref.org/documentation/retrieve-metadata/rest-api): a contact address, by which one
gets into the polite pool, and the limit that the answers' headers announce; the client heeds it,
and asks at most once a second. A cursor lives five minutes, and going on with one is not
repeatable, so that the announced total is compared with what came.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from ingest.feeds.client import Client
from ingest.feeds.pages import Page, Window, count, json_items, mapping, parse_json, text

PAGE = 500
_FIELDS = (
    "DOI,URL,title,abstract,author,issued,published,published-print,published-online,created,"
    "container-title,subject,type"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossref:
    """Works that match a query, a filter in Crossref's syntax, or both."""

    query: str = ""
    filter: str = ""
    base_url: str = "https://api.crossref.org"
    label: ClassVar[str] = "Crossref"
    interval_s: ClassVar[float] = 1.0
    overlap: ClassVar[timedelta] = timedelta(days=2)
    is_total_exact: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"crossref:{self.query}" + (f"[{self.filter}]" if self.filter else "")

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        size = min(size or PAGE, PAGE)
        filters = [
            self.filter,
            f"from-pub-date:{window.since}" if window.since else "",
            f"from-index-date:{window.changed}" if window.changed else "",
        ]
        params = {
            "query": self.query,
            "filter": ",".join(part for part in filters if part),
            "rows": str(size),
            "cursor": cursor or "*",
            "select": _FIELDS,
            "mailto": client.contact,
        }
        params = {name: value for name, value in params.items() if value}
        return client.fetch(f"{self.base_url}/works", params, _read)


def _read(data: bytes) -> Page:
    message = mapping(parse_json(data).get("message"))
    items = json_items(message.get("items"))
    cursor = text(message.get("next-cursor")) if items else None
    return Page(items, cursor, count(message.get("total-results")))
