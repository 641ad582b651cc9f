"""One run of a feed: from where the last one stopped, or only what is new since."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from ingest.build import Report, ingest
from ingest.errors import CitelightError
from ingest.feeds.client import Client, Clock
from ingest.feeds.feed import Feed, Place
from ingest.feeds.pages import Service, Window
from ingest.feeds.state import FeedState, feed_state, save_state
from ingest.library import Library


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What a run of a feed did.

    `n_read` records came, of them `n_without_abstract` and `n_deleted` were not stored; `report`
    tells of the others. `is_complete` is False after a failure and at a limit; the next run then
    goes on from there.
    """

    name: str
    report: Report
    n_read: int
    n_without_abstract: int
    n_deleted: int
    is_complete: bool
    last_synced: datetime | None
    failure: CitelightError | None = None

    def as_dict(self) -> dict[str, object]:
        """The report as plain values, those of `Report.as_dict` included."""
        return {
            "feed": self.name,
            "read": self.n_read,
            "without_abstract": self.n_without_abstract,
            "deleted": self.n_deleted,
            "complete": self.is_complete,
            "last_synced": self.last_synced.isoformat() if self.last_synced else None,
            "error": str(self.failure) if self.failure else None,
            **self.report.as_dict(),
        }


def sync(
    library: Library,
    service: Service,
    *,
    since: date | None = None,
    limit: int | None = None,
    is_full: bool = False,
    contact: str = "",
    clock: Clock | None = None,
    progress: Callable[[int, int | None], None] = lambda n, total: None,
) -> FeedReport:
    """Brings a service's records into the library, from the last run's end on.

    A run that was cut off is taken up where it stopped. After a complete one only news are asked
    for, with some overlap, unless `since` is earlier than it was, or `is_full`. `limit` ends a run
    with the page that reaches so many records. `progress` is told records read, and of how many.
    A service's failure is in the report, not raised.

    Raises:
        Conflict: another process is writing to this library.
    """
    clock = clock or Clock()
    state = _plan(feed_state(library.catalogue, service.name), service, since, is_full, clock)

    def keep(place: Place) -> None:
        if place.cursor is not None:  # the end is for `_concluded` to say
            save_state(library.catalogue, replace(state, cursor=place.cursor, n_done=place.n_done))

    with Client(contact=contact, interval_s=service.interval_s, clock=clock) as client:
        feed = Feed(
            service,
            client,
            Window(state.since, state.changed),
            start=Place(state.cursor, state.n_done),
            limit=limit,
            keep=keep,
            progress=progress,
        )
        report = ingest(library, [feed], progress=feed.committed)
    return _concluded(library, state, feed, report)


def _plan(
    state: FeedState | None, service: Service, since: date | None, is_full: bool, clock: Clock
) -> FeedState:
    """The state that this run works under."""
    now = clock.now().astimezone(UTC)
    last_synced = state.last_synced if state else None
    fresh = FeedState(service.name, since, last_synced, started_at=now)
    if state is None or is_full or not _covers(state.since, since):
        return fresh
    if state.cursor is not None:
        return state
    if state.last_synced is None:
        return fresh
    changed = (state.last_synced - service.overlap).date()
    return FeedState(service.name, state.since, state.last_synced, None, 0, now, changed)


def _covers(known: date | None, asked: date | None) -> bool:
    """Whether papers since `asked` are among those since `known`; None is the beginning of time."""
    return known is None or (asked is not None and known <= asked)


def _concluded(library: Library, state: FeedState, feed: Feed, report: Report) -> FeedReport:
    is_complete = feed.is_at_end and feed.failure is None
    if is_complete:
        state = FeedState(state.name, state.since, last_synced=state.started_at)
        save_state(library.catalogue, state)
    elif feed.is_at_end:  # the end was reached, but not well: the next run begins anew
        last_synced = state.last_synced if state.changed else None
        state = replace(state, cursor=None, n_done=0, last_synced=last_synced)
        save_state(library.catalogue, state)
    return FeedReport(
        state.name,
        report,
        feed.n_read,
        feed.n_without_abstract,
        feed.n_deleted,
        is_complete,
        state.last_synced,
        feed.failure,
    )
