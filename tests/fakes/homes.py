"""Copies of a library that is in use, for tests that change one."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path


def copy_home(home: Path, to: Path) -> Path:
    """Copies a library without what other tests asked of it; returns `to`.

    SQLite's own files are copied by SQLite. Opening and closing one by hand would drop the locks
    that this process holds on it; another process that closes it then takes the write-ahead log
    away from under the open connections.
    """
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("*.sqlite", "*.sqlite-*"))
    with (
        closing(sqlite3.connect(home / "catalogue.sqlite")) as whole,
        closing(sqlite3.connect(to / "catalogue.sqlite")) as copy,
    ):
        whole.backup(copy)
    return to
