"""The bar of an ingestion, on a real pseudo-terminal, and the counting behind its time left."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from queue import Queue
from typing import cast

from ingest.papers import Rejection
from ingest.sources import Source, discover
from service.progress import counting, progress, told

LINES = "".join(f'{{"title": "Paper {n}", "abstract": "About {n}."}}\n' for n in range(30))


def sources(folder: Path, text: str = LINES) -> list[Source]:
    (folder / "papers.jsonl").write_text(text)
    return list(discover(folder / "papers.jsonl"))


class Endless:
    """A source that never ends."""

    def records(self) -> Iterator[Rejection]:
        return repeat(Rejection("record", "reason"))


def test_all_records_are_counted(tmp_path: Path) -> None:
    told: Queue[int] = Queue()
    with counting(sources(tmp_path) * 2, told.put):
        assert told.get(timeout=20) == 60


def test_work_that_ends_first_ends_the_counting() -> None:
    told: list[int] = []
    with counting([cast(Source, Endless())], told.append):
        pass

    assert told == []


def test_a_source_that_breaks_ends_the_counting_unheard(tmp_path: Path) -> None:
    own = sources(tmp_path)
    (tmp_path / "papers.jsonl").unlink()
    told: list[int] = []
    with counting(own, told.append):
        for thread in threading.enumerate():
            if thread.name == "citelight-count":
                thread.join(20)

    assert told == []


def test_the_time_left_is_told_by_the_rate_so_far() -> None:
    assert told(12_000, 40_000, 300.0) == "12,000 of 40,000 records, 40/s, 0:11:40 left"


def test_without_a_sum_only_the_rate_is_told() -> None:
    assert told(120, None, 3.0) == "120 records, 40/s"


def test_there_is_no_bar_where_nobody_watches(tmp_path: Path) -> None:
    with progress(sources(tmp_path)) as advance:
        assert advance is None


def test_a_terminal_shows_what_is_done_of_all(tmp_path: Path) -> None:
    sources(tmp_path)
    script = """
import sys, threading
from pathlib import Path
from ingest.sources import discover
from service import progress
counted = threading.Event()
own = progress.counting
def counting(sources, tell):
    return own(sources, lambda n: (tell(n), counted.set()))
progress.counting = counting
with progress.progress(list(discover(Path(sys.argv[1])))) as advance:
    counted.wait(20)
    advance(12)
"""
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    arguments = [sys.executable, "-c", script, str(tmp_path / "papers.jsonl")]
    run = subprocess.run(arguments, stderr=child, env=environment, timeout=60)
    os.close(child)
    shown = os.read(parent, 65_536).decode()
    os.close(parent)

    assert run.returncode == 0
    assert "12 of 30 records" in shown
