"""Bytes of one file: found, unpacked under limits, and opened as often as a parser needs."""

import gzip
import io
import lzma
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from ingest.errors import InvalidInput

N_HEAD = 65_536  # bytes that recognising a format may look at
MAX_UNPACKED = 64 << 30  # bytes; the largest genuine file known (a Semantic Scholar shard) has 5 GB
MAX_RATIO = 250  # genuine exports pack 3 to 40 times; a bomb of zeros 1,000 times
RATIO_FREE = 32 << 20  # bytes that may be unpacked at any ratio: they fit in memory
MAX_MEMBERS = 20_000  # files in one archive
MAX_WHOLE = 512 << 20  # bytes of a format that has to be read as a whole
UNPACK_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class Blob:
    """A named stream of unpacked bytes; `open` starts it anew each time."""

    name: str
    open: Callable[[], BinaryIO]

    def head(self) -> bytes:
        """The first `N_HEAD` bytes."""
        with self.open() as stream:
            return _read_up_to(stream, N_HEAD)

    def read(self, limit: int = MAX_WHOLE) -> bytes:
        """All bytes.

        Raises:
            InvalidInput: there are more than `limit`.
        """
        with self.open() as stream:
            data = _read_up_to(stream, limit + 1)
        if len(data) > limit:
            raise InvalidInput(
                f"{self.name} is larger than {limit >> 20} MB, too large for a format that must be"
                " read as a whole. Split it, or convert it to JSON Lines (one record a line)."
            )
        return data


class _Limited(io.RawIOBase):
    """A stream of unpacked bytes that stops when they grow out of proportion to the packed ones."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, name: str, packed: int) -> None:
        self._stream, self._name = stream, name
        self._limit = min(MAX_UNPACKED, max(RATIO_FREE, packed * MAX_RATIO))
        self._n = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase's own
        data = self._stream.read(len(buffer))
        self._n += len(data)
        if self._n > self._limit:
            raise InvalidInput(
                f"{self._name} unpacks to more than {self._limit >> 20} MB, far more than its size"
                " allows: refused as a possible decompression bomb. Unpack it yourself if you"
                " trust it."
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def blobs_in(path: Path, name: str) -> Iterator[Blob]:
    """The blobs of one file: itself, its unpacked content, or each member of a zip archive."""
    blob = Blob(name, lambda: path.open("rb"))
    with path.open("rb") as stream:
        magic = stream.read(4)
    yield from _unpacked(blob, magic, path.stat().st_size)


def blobs_of_stdin() -> Iterator[Blob]:
    """The same for standard input, which is kept in a temporary file so that it can be re-read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as copy:
            while block := sys.stdin.buffer.read(1 << 20):
                copy.write(block)
        yield from blobs_in(path, "standard input")


def _unpacked(blob: Blob, magic: bytes, packed: int) -> Iterator[Blob]:
    if magic[:2] == b"\x1f\x8b":
        yield Blob(
            blob.name, lambda: _limited(gzip.GzipFile(fileobj=blob.open()), blob.name, packed)
        )
    elif magic == b"PK\x03\x04" or magic == b"PK\x05\x06":
        yield from _members(blob)
    else:
        yield blob


def _members(archive: Blob) -> Iterator[Blob]:
    """The files in a zip archive; an office document is one file, not an archive."""
    try:
        with zipfile.ZipFile(archive.open()) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InvalidInput(
            f"{archive.name} is a damaged zip archive. Download it again, or unpack it yourself."
        ) from error
    if any(member.filename == "[Content_Types].xml" for member in members):
        yield archive
        return
    if len(members) > MAX_MEMBERS:
        raise InvalidInput(
            f"{archive.name} holds more than {MAX_MEMBERS:,} files. Unpack it first."
        )
    for member in sorted(members, key=lambda member: member.filename):
        if not _is_hidden(member.filename):
            yield _member(archive, member)


def _member(archive: Blob, member: zipfile.ZipInfo) -> Blob:
    name = f"{archive.name}/{member.filename}"

    def open_member() -> BinaryIO:
        return limited_member(zipfile.ZipFile(archive.open()), member, name)

    return Blob(name, open_member)


def limited_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> BinaryIO:
    """A member of an archive as a stream that refuses to grow out of proportion."""
    if member.flag_bits & 1:
        raise InvalidInput(f"{name} is encrypted. Unpack it with its password first.")
    return _limited(archive.open(member), name, member.compress_size)


def _limited(stream: IO[bytes] | gzip.GzipFile, name: str, packed: int) -> BinaryIO:
    return io.BufferedReader(_Limited(stream, name, packed), 1 << 18)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _read_up_to(stream: BinaryIO, n: int) -> bytes:
    parts = []
    while n > 0 and (part := stream.read(n)):
        parts.append(part)
        n -= len(part)
    return b"".join(parts)
