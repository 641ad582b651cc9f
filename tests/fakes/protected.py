"""A library's folder that this process may read and not write, whoever runs the tests."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def protected(home: Path) -> Iterator[Path]:
    """Where `home` can be read but not written to, until the block ends.

    Rights do not stop root, for whom the folder is mounted read-only at another place.
    """
    if os.geteuid() == 0:
        with _mounted(home, home.with_name(home.name + "-protected")) as place:
            yield place
        return
    parts = [home, *home.rglob("*")]
    for part in parts:
        part.chmod(part.stat().st_mode & ~0o222)
    try:
        yield home
    finally:
        for part in parts:
            part.chmod(part.stat().st_mode | 0o200)


@contextmanager
def _mounted(home: Path, place: Path) -> Iterator[Path]:
    place.mkdir()
    if _mount("--bind", str(home), str(place)):
        pytest.skip("root is stopped by a read-only mount alone, and nothing can be mounted here")
    try:
        if _mount("-o", "remount,ro,bind", str(place)):
            pytest.skip("a read-only mount cannot be made here")
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # Chroma may still be in it


def _mount(*options: str) -> int:
    """The exit code of `mount`; 127 where there is none."""
    try:
        return subprocess.run(["mount", *options], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 127
