"""Disks that take no writes: folders that this process may only read, and a disk that is full."""

import os
import shutil
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
def small_disk(place: Path, n_bytes: int) -> Iterator[Path]:
    """A disk of this size, mounted at `place` until the block ends."""
    place.mkdir()
    if _mount("-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(place)):
        pytest.skip("a full disk needs a disk that can be filled: only root can mount one")
    try:
        yield place
    finally:
        _unmount(place)


def fill(disk: Path, n_left: int) -> Path:
    """A file that leaves `n_left` bytes of space."""
    filler = disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - n_left))
    return filler


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
        _unmount(place)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=True)  # Chroma may still be in it


def _mount(*options: str) -> int:
    """The exit code of `mount`; 127 where there is none."""
    try:
        return subprocess.run(["mount", *options], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 127
