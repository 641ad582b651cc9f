"""Runs feeds and tells what came of it."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import click

from ingest.errors import Unavailable
from ingest.feeds.client import Clock
from ingest.feeds.config import FeedSpec, Keys, make_service, read_feeds
from ingest.feeds.sync import FeedReport, sync
from ingest.library import Library
from service.settings import Settings
from service.terminal import print_json, say

FEEDS_FILE = "feeds.toml"
_SHOWN_REJECTIONS = 10
_Progress = Callable[[int, int | None], None]


def run_feed(
    library: Library,
    settings: Settings,
    asked: Mapping[str, str | int | date | None],
    *,
    is_full: bool,
    as_json: bool,
) -> int:
    """Runs one feed and prints its report; how many records were rejected.

    Raises:
        CitelightError: the feed is wrong, or failed; what came before is in the library.
    """
    report = _run(library, settings, FeedSpec(**asked), is_full=is_full)  # type: ignore[arg-type]  # click has checked the types
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report)
        _show_library(report)
    if report.failure:
        raise report.failure
    return len(report.report.rejected)


def run_feeds(library: Library, settings: Settings, file: Path, *, as_json: bool) -> int:
    """Runs the feeds of a file one after another and prints the reports; how many failed.

    Raises:
        CitelightError: the file is wrong, or another process is writing to this library.
    """
    reports = []
    for spec in read_feeds(file):
        report = _run(library, settings, spec)
        reports.append(report)
        if not as_json:
            _show(report)
        if report.failure:
            say(f"Error: {report.name}: {report.failure}")
    if as_json:
        print_json({"feeds": [report.as_dict() for report in reports]})
    elif reports:
        _show_library(reports[-1])
    return sum(report.failure is not None for report in reports)


def _run(
    library: Library, settings: Settings, spec: FeedSpec, *, is_full: bool = False
) -> FeedReport:
    service = make_service(spec, _keys(settings))
    with _progress(service.name) as advance, _interruptible() as clock:
        return sync(
            library,
            service,
            since=spec.since,
            limit=spec.limit,
            is_full=is_full,
            contact=settings.contact,
            clock=clock,
            progress=advance,
        )


@contextmanager
def _interruptible() -> Iterator[Clock]:
    """A clock whose sleeps end at Ctrl-C; feeds are read in a thread, which does not see it."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        signal.default_int_handler(number, frame)

    def sleep(seconds: float) -> None:
        if stopped.wait(seconds):
            raise Unavailable("The run was stopped. Run this again; it goes on from here.")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield Clock(sleep=sleep)
    finally:
        signal.signal(signal.SIGINT, before)


def _keys(settings: Settings) -> Keys:
    return Keys(
        openalex=settings.openalex_api_key.get_secret_value(),
        ncbi=settings.ncbi_api_key.get_secret_value(),
        semantic_scholar=settings.semantic_scholar_api_key.get_secret_value(),
    )


def _show(feed: FeedReport) -> None:
    report = feed.report
    for rejected in report.rejected[:_SHOWN_REJECTIONS]:
        say(f"rejected: {rejected.file}, {rejected.record}: {rejected.reason}")
    if (more := len(report.rejected) - _SHOWN_REJECTIONS) > 0:
        say(f"rejected: and {more:,} more; --json lists them all")
    counts = ("new", "updated", "unchanged", "duplicates")
    parts = [f"{getattr(report, name):,} {name}" for name in counts]
    parts += [f"{feed.n_without_abstract:,} without abstract", f"{len(report.rejected):,} rejected"]
    if feed.n_deleted:
        parts.append(f"{feed.n_deleted:,} deleted there")
    click.echo(f"{feed.name}: {feed.n_read:,} read, {', '.join(parts)}")
    if not feed.is_complete:
        say(f"{feed.name} is not complete: run it again to go on.")


def _show_library(feed: FeedReport) -> None:
    report = feed.report
    click.echo(f"The library holds {report.papers:,} papers, snapshot {report.snapshot or '-'}.")


@contextmanager
def _progress(name: str) -> Iterator[_Progress]:
    """A bar with count, rate and time left on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda n, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns: Sequence[Any] = (  # rich types its columns as strings or columns
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def advance(n: int, total: int | None) -> None:
            elapsed = bar.tasks[task].elapsed or 1e-9
            of = f" of {total:,}" if total else ""
            text = f"{name}: {n:,}{of} records, {n / elapsed:,.0f}/s"
            bar.update(task, description=text, completed=n, total=total or None)

        yield advance
