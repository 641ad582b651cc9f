"""arXiv's search API: Atom pages by offset, oldest submission first.

Its rules (info.arxiv.org/help/api/tou.html): one request every three seconds, one connection. Its
manual: slices of at most 2,000, no more than 30,000 results to a question; deep offsets are slow,
so that from some depth on the question is asked anew from the last date seen.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from ingest.errors import InvalidInput, Unavailable
from ingest.feeds.client import Client, Garbled
from ingest.feeds.pages import Page, Window, count, parse_xml, read_items
from ingest.papers import Record, Rejection
from ingest.sources.atom import read_atom
from ingest.sources.markup import Element, local_name, text_of
from ingest.sources.xml_records import first

PAGE = 500
MAX_OFFSET = 10_000
N_EMPTY = 3  # arXiv now and then sends an empty page in the middle; asking again helps
_FOREVER = "209912312359"
_CURSOR = re.compile(r"(\d{12})?:(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arxiv:
    """Papers that match a query in arXiv's syntax, such as `cat:cs.IR AND abs:"late interaction"`.

    News are papers submitted since; new versions of older papers come by the `oai` feed.
    """

    query: str
    base_url: str = "https://export.arxiv.org/api/query"
    label: ClassVar[str] = "arXiv"
    interval_s: ClassVar[float] = 3.0
    overlap: ClassVar[timedelta] = timedelta(days=7)  # from submission to announcement
    is_total_exact: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"arxiv:{self.query}"

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        after, start = _parse(cursor, window)
        size = min(size or PAGE, PAGE)
        for _ in range(N_EMPTY):
            answer = self._ask(client, after, start, size)
            if answer.items or start >= answer.total:
                return answer.page(after, start)
        if start + size >= answer.total:  # its totals may be a few too high
            return Page((), None, None)
        raise Unavailable(
            f"arXiv sends empty pages at {start:,} of {answer.total:,} papers. Run this again"
            " later; it goes on from here."
        )

    def _ask(self, client: Client, after: str, start: int, size: int) -> "_Answer":
        query = f"({self.query}) AND submittedDate:[{after} TO {_FOREVER}]" if after else self.query
        params = {
            "search_query": query,
            "start": str(start),
            "max_results": str(size),
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
        }
        return client.fetch(self.base_url, params, _read)


@dataclass(frozen=True, slots=True)
class _Answer:
    items: list[Record | Rejection]
    total: int
    last: str  # when the last paper was submitted, YYYYMMDDHHMM in UTC

    def page(self, after: str, start: int) -> Page:
        end = start + len(self.items)
        if not self.items or end >= self.total:
            return Page(self.items, None, self.total)
        if end >= MAX_OFFSET and self.last > after:
            return Page(self.items, f"{self.last}:0", None)
        return Page(self.items, f"{after}:{end}", self.total)


def _parse(cursor: str | None, window: Window) -> tuple[str, int]:
    if cursor is None:
        since = max(filter(None, (window.since, window.changed)), default=None)
        return (f"{since:%Y%m%d}0000" if since else ""), 0
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidInput("The place to go on from cannot be read.")
    return match[1] or "", int(match[2])


def _read(data: bytes) -> _Answer:
    root = parse_xml(data, frozenset(("feed",)))
    total = count(text_of(first(root, "totalResults")).strip())
    if total is None:
        raise Garbled("it does not say how many results there are")
    entries = [child for child in root if local_name(child) == "entry"]
    items = [_keyed(item) for item in read_items(read_atom, data)]
    _refuse_error(items)
    return _Answer(items, total, _submitted(entries[-1]) if entries else "")


def _submitted(entry: Element) -> str:
    return re.sub(r"\D", "", text_of(first(entry, "published")))[:12]


def _keyed(item: Record | Rejection) -> Record | Rejection:
    """Named without the version, so that a newer one takes the older one's place."""
    if isinstance(item, Record) and item.paper.arxiv_id:
        return replace(item, key=item.paper.arxiv_id)
    return item


def _refuse_error(items: list[Record | Rejection]) -> None:
    for item in items:
        if isinstance(item, Rejection) and item.reason.startswith("the service answered"):
            raise InvalidInput(f"arXiv: {item.reason}. Correct the query.")
