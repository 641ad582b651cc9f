"""Writing so that it lasts, and saying clearly why a disk would not have it."""

import errno
import fcntl
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.errors import Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_NEXT_TO_NONE = 4 << 20  # bytes; engines give up before the last one is taken
FULL = (
    "The disk is full. Free some space and run this again: what was stored before is intact, and "
    "the run goes on from there."
)
FORBIDDEN = (
    "The library's folder cannot be written to. Give this user the right to write there, or "
    "choose another folder with CITELIGHT_HOME."
)


@contextmanager
def explained() -> Iterator[None]:
    """Turns what the operating system says about files into words for the user.

    Raises:
        Unavailable: the disk is full, may not be written, or failed.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL or any(f"[Errno {n}]" in str(error) for n in _FULL):
            raise Unavailable(FULL) from error  # the latter from shutil, which has no errno
        if error.errno in _FORBIDDEN:
            raise Unavailable(FORBIDDEN) from error
        raise Unavailable(
            f"The library's folder cannot be used ({error.strerror or error}). Check it with: "
            f"citelight doctor"
        ) from error


def is_full(path: Path) -> bool:
    """Whether the disk that holds `path` has next to no space left."""
    return shutil.disk_usage(path).free < _NEXT_TO_NONE


def takes_writes(path: Path) -> bool:
    """Whether this process may write to `path`, and the disk has space for it."""
    return os.access(path, os.W_OK) and not is_full(path)


class InUse:
    """Says that a folder is in use, to every process, until it is closed or this process ends.

    Where the file system knows no locks nobody is told.
    """

    def __init__(self, folder: Path) -> None:
        self._opened = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(self._opened, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def close(self) -> None:
        """Gives the folder free; to be called once."""
        os.close(self._opened)


def is_in_use(folder: Path) -> bool:
    """Whether somebody holds an `InUse` of this folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(opened)
    return False


@contextmanager
def mirrored(folder: Path) -> Iterator[Path]:
    """A temporary folder of links to the files of one that may not be written to.

    Locks are left out: who opens the files makes its own.
    """
    with TemporaryDirectory(prefix="citelight-") as place:
        for file in folder.iterdir():
            if file.suffix != ".lock":
                Path(place, file.name).symlink_to(file.absolute())
        yield Path(place)


def empty(folder: Path) -> None:
    """Deletes what is in a folder, as far as that can be done."""
    for part in folder.iterdir():
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file; on return it is on the disk, not only in memory."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Puts the names in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Puts everything below a folder on the disk."""
    for folder, _, names in os.walk(path):
        for name in names:
            descriptor = os.open(Path(folder, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(folder))


def checksums(path: Path, *, but: frozenset[str] = frozenset()) -> dict[str, int]:
    """The CRC-32 of every file below a folder whose name is not in `but`, by relative path.

    About a second a gigabyte.
    """
    files = sorted(f for f in path.rglob("*") if f.is_file() and f.name not in but)
    return {f.relative_to(path).as_posix(): _checksum(f) for f in files}


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value
