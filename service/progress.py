"""The bar of an ingestion: records done, rate, and the time left."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from ingest.errors import CitelightError
from ingest.sources import Source

Advance = Callable[[int], None]  # is told how many records are done


@contextmanager
def progress(sources: Sequence[Source]) -> Iterator[Advance | None]:
    """A bar over the records of `sources` on a terminal; None elsewhere.

    The records are counted while the work goes on (parsing costs a thousandth of embedding), so
    the time left appears a moment later than the bar.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (rich.SpinnerColumn(), rich.BarColumn(), rich.TextColumn("{task.description}"))
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def advance(done: int) -> None:
            own = bar.tasks[task]
            bar.update(task, completed=done, description=told(done, own.total, own.elapsed or 0))

        def tell(total: int) -> None:
            bar.update(task, total=total)

        with counting(sources, tell):
            yield advance


def told(done: int, total: float | None, seconds: float) -> str:
    """What stands beside the bar: "12,000 of 40,000 records, 40/s, 0:11:40 left"."""
    rate = done / max(seconds, 1e-9)
    if not total or not done:
        return f"{done:,} records, {rate:,.0f}/s"
    left = timedelta(seconds=round(max(total - done, 0) / rate))
    return f"{done:,} of {total:,.0f} records, {rate:,.0f}/s, {left} left"


@contextmanager
def counting(sources: Sequence[Source], tell: Advance) -> Iterator[None]:
    """Counts the records of all `sources` beside the work within, and `tell`s the sum once.

    A source that cannot be read ends the counting unheard: the work itself will say so.
    """
    is_over = threading.Event()

    def count() -> None:
        total = 0
        try:
            for source in sources:
                for _ in source.records():
                    total += 1
                    if is_over.is_set():
                        return
        except CitelightError:
            return
        tell(total)

    thread = threading.Thread(target=count, name="citelight-count", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
