"""Semantic Scholar's bulk search: up to 1,000 papers a page, by continuation token.

Its rules (api.semanticscholar.org/api-docs, semanticscholar.org/product/api): one request a second
with a key; without one a pool shared by all, where this asks every three seconds. It cannot be
asked what has changed, only what was published since.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from ingest.feeds.client import Client
from ingest.feeds.pages import Page, Window, count, json_items, parse_json, text

_FIELDS = "title,abstract,authors,year,publicationDate,venue,journal,url,externalIds,fieldsOfStudy"


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticScholar:
    """Papers whose title or abstract matches a query in the syntax of the bulk search."""

    query: str
    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.semanticscholar.org/graph/v1"
    label: ClassVar[str] = "Semantic Scholar"
    overlap: ClassVar[timedelta] = timedelta(days=60)  # papers are listed weeks late
    is_total_exact: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"semanticscholar:{self.query}"

    @property
    def interval_s(self) -> float:
        return 1.0 if self.api_key else 3.0

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        since = max(filter(None, (window.since, window.changed)), default=None)
        params = {
            "query": self.query,
            "fields": _FIELDS,
            "publicationDateOrYear": f"{since}:" if since else "",
            "token": cursor or "",
        }
        params = {name: value for name, value in params.items() if value}
        headers = {"x-api-key": self.api_key} if self.api_key else {}
        return client.fetch(f"{self.base_url}/paper/search/bulk", params, _read, headers=headers)


def _read(data: bytes) -> Page:
    answer = parse_json(data)
    items = json_items(answer.get("data"))
    return Page(items, text(answer.get("token")) if items else None, count(answer.get("total")))
