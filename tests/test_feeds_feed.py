"""A feed by itself: what it gives, what it counts, and which places it keeps."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from ingest.errors import Unavailable
from ingest.feeds.client import Client
from ingest.feeds.feed import Feed, Place
from ingest.feeds.pages import Page, Window
from ingest.papers import Paper, Record, Rejection


@dataclass(frozen=True, slots=True)
class Scripted:
    """A service of fixed pages, whose cursors are their numbers."""

    pages: list[Page] = field(default_factory=list)
    name: ClassVar[str] = "scripted:x"
    label: ClassVar[str] = "Scripted"
    interval_s: ClassVar[float] = 0.0
    overlap: ClassVar[timedelta] = timedelta()
    is_total_exact: ClassVar[bool] = False

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        return self.pages[int(cursor or 0)]


def record(name: str) -> Record:
    return Record(Paper(title=name, abstract=f"About {name}."), "record 1", f"raw {name}", name)


def walked(*pages: Page) -> tuple[list[str], list[Place], Feed]:
    """The locators a feed gave, the places it has kept, and the feed."""
    kept: list[Place] = []
    with Client() as client:
        feed = Feed(Scripted(list(pages)), client, Window(), keep=kept.append)
        given = [item.locator for item in feed.records()]
    return given, kept, feed


def test_records_are_numbered_through() -> None:
    bare = Rejection("record 1", "no abstract of “T”", "raw")
    given, _, feed = walked(
        Page([record("a"), bare], "1"), Page([record("b"), Rejection("x", "no JSON", "y")], None)
    )

    assert (given, feed.n_without_abstract) == (["record 1", "record 3", "record 4"], 1)


def test_a_record_sent_twice_is_given_once() -> None:
    given, _, _ = walked(Page([record("a"), record("b")], "1"), Page([record("b")], None))

    assert given == ["record 1", "record 2"]


def test_no_place_is_kept_before_its_records_are_in() -> None:
    _, kept, feed = walked(Page([record("a")], "1"), Page([record("b")], None))
    before = list(kept)
    feed.committed(1)
    middle = list(kept)
    feed.committed(2)

    assert (before, middle, kept) == ([], [Place("1", 1)], [Place("1", 1), Place(None, 2)])


def test_a_page_without_papers_is_passed_at_once_if_nothing_waits() -> None:
    bare = Rejection("record 1", "no abstract", "raw")
    _, kept, _ = walked(Page([bare], "1"), Page([record("b")], None))

    assert kept == [Place("1", 1)]


def test_a_page_that_comes_again_fails_after_what_is_known() -> None:
    given, _, feed = walked(Page([record("a")], "1"), Page([record("a")], "0"))

    assert given == ["record 1"]
    assert isinstance(feed.failure, Unavailable)
