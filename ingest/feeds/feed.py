"""A service's pages as one source of records, which knows how far it came."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Lock

from ingest.errors import CitelightError, InvalidInput, Unavailable
from ingest.feeds.client import Client
from ingest.feeds.pages import Page, Service, Window
from ingest.papers import Record, Rejection, digest

MAX_EMPTY = 3  # pages in a row without a record
_NO_ABSTRACT, _DELETED = "no abstract", "deleted by its repository"


@dataclass(frozen=True, slots=True)
class Place:
    """A page border: the cursor behind it (None: the end), and the records before it."""

    cursor: str | None
    n_done: int


class Feed:
    """The records of a service from a place on, as `ingest.build.ingest` takes them.

    Records without abstract and deleted ones are counted, not given. A failure ends the records;
    it is kept in `failure`, so that what came before is published. `keep` is told the place to go
    on from as soon as all records before it are in the library, which it learns by `committed`.
    """

    kind = "feed"

    def __init__(
        self,
        service: Service,
        client: Client,
        window: Window,
        *,
        start: Place | None = None,
        limit: int | None = None,
        keep: Callable[[Place], None] = lambda _: None,
        progress: Callable[[int, int | None], None] = lambda n, total: None,
    ) -> None:
        self.name = service.name
        self.failure: CitelightError | None = None
        self.is_at_end = False
        self.n_read = self.n_without_abstract = self.n_deleted = 0
        self._service, self._client, self._window = service, client, window
        self._start = start or Place(None, 0)
        self._limit = limit
        self._keep, self._progress = keep, progress
        self._total: int | None = None
        self._n_given = self._n_committed = 0
        self._lock = Lock()  # over the two numbers and the places
        self._places: deque[tuple[int, Place]] = deque()  # with the records given before
        self._keys: set[str] = set()
        self._pages: set[str] = set()

    def records(self) -> Iterator[Record | Rejection]:
        """The records, page by page as they arrive."""
        try:
            for page in self._walk():
                yield from self._taken(page)
                n_done = self._start.n_done + self.n_read
                self._settle(reached=Place(page.cursor, n_done))
                self._progress(n_done, self._total)
        except CitelightError as error:
            self.failure = error

    def committed(self, n: int) -> None:
        """Learns that the first `n` records given are in the library."""
        self._settle(n_committed=n)

    def _settle(self, *, reached: Place | None = None, n_committed: int = 0) -> None:
        """Keeps the last place before which everything is in the library, if that is a new one."""
        place = None
        with self._lock:
            self._n_committed = max(self._n_committed, n_committed)
            if reached:
                self._places.append((self._n_given, reached))
            while self._places and self._places[0][0] <= self._n_committed:
                place = self._places.popleft()[1]
            if place is not None:
                self._keep(place)

    def _walk(self) -> Iterator[Page]:
        n_empty = 0
        page = self._first()
        while True:
            n_empty = 0 if page.items else n_empty + 1
            self._refuse_loop(page, n_empty)
            self.n_read += len(page.items)
            self._total = page.total if self._total is None else self._total
            self.is_at_end = page.cursor is None
            yield page
            cursor = page.cursor
            if cursor is None:
                self._refuse_shortfall()
                return
            if self._limit is not None and self.n_read >= self._limit:
                return
            page = self._page(cursor)

    def _first(self) -> Page:
        """The page to start with; where its cursor is no longer known, the very first one."""
        if self._start.cursor is None:
            return self._page(None)
        try:
            return self._page(self._start.cursor)
        except InvalidInput:  # cursors live minutes to days
            self._start = Place(None, 0)
            return self._page(None)

    def _page(self, cursor: str | None) -> Page:
        left = None if self._limit is None else max(1, self._limit - self.n_read)
        return self._service.page(self._client, self._window, cursor, left)

    def _refuse_loop(self, page: Page, n_empty: int) -> None:
        mark = digest(*(item.raw for item in page.items))
        if (page.items and mark in self._pages) or (n_empty > MAX_EMPTY and page.cursor):
            raise Unavailable(
                f"{self._service.label} sends the same page again and again; stopped after"
                f" {self.n_read:,} records. Run this again later."
            )
        self._pages.add(mark)

    def _refuse_shortfall(self) -> None:
        """Counts what came where a service's paging can lose a page unseen."""
        n, total = self._start.n_done + self.n_read, self._total
        if self._service.is_total_exact and total is not None and n < total:
            raise Unavailable(
                f"{self._service.label} announced {total:,} records and sent {n:,}. Run this"
                " again: what is known costs nothing."
            )

    def _taken(self, page: Page) -> Iterator[Record | Rejection]:
        n_before = self._start.n_done + self.n_read - len(page.items)
        for n, item in enumerate(page.items, n_before + 1):
            if isinstance(item, Record):
                if item.key is not None and item.key in self._keys:
                    continue  # the list moved while it was read
                if item.key is not None:
                    self._keys.add(item.key)
            elif item.reason.startswith(_NO_ABSTRACT):
                self.n_without_abstract += 1
                continue
            elif item.reason == _DELETED:
                self.n_deleted += 1
                continue
            self._n_given += 1
            yield replace(item, locator=f"record {n}")
