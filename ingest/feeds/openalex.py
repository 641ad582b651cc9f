"""OpenAlex: works by cursor, 100 a page.

Its rules (developers.openalex.org, 2026): a key is free and worth $1 a day, about 1,000 pages of a
search or 10,000 of a filter; without one a tenth or less. Never more than 100 requests a second,
of which this takes ten. The filters by date of change belong to paid plans, so that news are asked
for by date of publication.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from ingest.feeds.client import Client
from ingest.feeds.pages import Page, Window, count, json_items, mapping, parse_json, text

PAGE = 100
_FIELDS = (
    "id,doi,title,display_name,publication_year,publication_date,ids,primary_location,authorships,"
    "topics,abstract_inverted_index"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlex:
    """Works that match a search, a filter in OpenAlex's syntax, or both."""

    query: str = ""
    filter: str = ""
    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.openalex.org"
    label: ClassVar[str] = "OpenAlex"
    interval_s: ClassVar[float] = 0.1
    overlap: ClassVar[timedelta] = timedelta(days=60)  # works are often listed weeks late
    is_total_exact: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"openalex:{self.query}" + (f"[{self.filter}]" if self.filter else "")

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        since = max(filter(None, (window.since, window.changed)), default=None)
        filters = [self.filter, f"from_publication_date:{since}" if since else ""]
        params = {
            "search": self.query,
            "filter": ",".join(part for part in filters if part),
            "per_page": str(min(size or PAGE, PAGE)),
            "cursor": cursor or "*",
            "select": _FIELDS,
            "api_key": self.api_key,
            "mailto": client.contact,
        }
        params = {name: value for name, value in params.items() if value}
        return client.fetch(f"{self.base_url}/works", params, _read)


def _read(data: bytes) -> Page:
    answer = parse_json(data)
    meta = mapping(answer.get("meta"))
    items = json_items(answer.get("results"))
    return Page(items, text(meta.get("next_cursor")) if items else None, count(meta.get("count")))
