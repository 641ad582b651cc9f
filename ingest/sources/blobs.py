"""Bytes of one file: found, unpacked under limits, and opened as often as a parser needs."""

import atexit
import gzip
import io
import lzma
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
MAX_WHOLE = 256 << 20  # bytes of a format that has to be read as a whole
MAX_KEPT = 64 << 20  # bytes of a stream that stay in memory
# What damaged or unsupported archives raise while they are read.
UNPACK_ERRORS = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
)


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


Stream = IO[bytes] | gzip.GzipFile | zipfile.ZipFile


class _Limited(io.RawIOBase):
    """A stream of unpacked bytes that stops when they grow out of proportion to the packed ones.

    It owns the streams that it is given: the unpacked one first, then those beneath it.
    """

    def __init__(
        self, name: str, packed: int, unpacked: IO[bytes] | gzip.GzipFile, *beneath: Stream
    ) -> None:
        self._name, self._unpacked = name, unpacked
        self._streams: tuple[Stream, ...] = (unpacked, *beneath)
        self._limit = _limit(packed)
        self._n = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase's own
        data = self._unpacked.read(len(buffer))
        self._n += len(data)
        if self._n > self._limit:
            raise _bomb(self._name, self._limit)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        super().close()


def blobs_in(path: Path, name: str) -> Iterator[Blob]:
    """The blobs of one file: itself, its unpacked content, or each member of a zip archive."""
    blob = Blob(name, lambda: path.open("rb"))
    with path.open("rb") as stream:
        magic = stream.read(4)
    yield from _unpacked(blob, magic, path.stat().st_size)


def blobs_of_stream(stream: BinaryIO, name: str) -> Iterator[Blob]:
    """The same for a stream that can be read once only, such as standard input.

    Up to `MAX_KEPT` bytes stay in memory; more go to a temporary file that the process removes at
    its end.
    """
    data = _read_up_to(stream, MAX_KEPT)
    if len(data) < MAX_KEPT:
        yield from _unpacked(Blob(name, lambda: io.BytesIO(data)), data[:4], len(data))
        return
    handle, kept = tempfile.mkstemp(prefix="citelight-")
    atexit.register(Path(kept).unlink, missing_ok=True)
    with open(handle, "wb") as copy:
        copy.write(data)
        while block := stream.read(1 << 20):
            copy.write(block)
    yield from blobs_in(Path(kept), name)


def _unpacked(blob: Blob, magic: bytes, packed: int) -> Iterator[Blob]:
    if magic[:2] == b"\x1f\x8b":
        yield Blob(blob.name, lambda: _open_gzip(blob, packed))
    elif magic in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _members(blob, packed)
    else:
        yield blob


def _open_gzip(blob: Blob, packed: int) -> BinaryIO:
    stream = blob.open()
    return _limited(blob.name, packed, gzip.GzipFile(fileobj=stream), stream)


def _members(archive: Blob, packed: int) -> Iterator[Blob]:
    """The files in a zip archive; an office document is one file, not an archive."""
    try:
        with archive.open() as stream, zipfile.ZipFile(stream) as opened:
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
    # No member yields more than the size it declares, so that the sum bounds the archive.
    if sum(member.file_size for member in members) > _limit(packed):
        raise _bomb(archive.name, _limit(packed))
    for member in sorted(members, key=lambda member: member.filename):
        if not _is_hidden(member.filename):
            yield _member(archive, member)


def _member(archive: Blob, member: zipfile.ZipInfo) -> Blob:
    name = f"{archive.name}/{member.filename}"

    def open_member() -> BinaryIO:
        stream = archive.open()
        opened = zipfile.ZipFile(stream)
        return limited_member(opened, member, name, opened, stream)

    return Blob(name, open_member)


def limited_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, *beneath: Stream
) -> BinaryIO:
    """A member of an archive as a stream that refuses to grow out of proportion.

    Closing it closes the streams `beneath` it too.

    Raises:
        InvalidInput: the member is encrypted.
    """
    if member.flag_bits & 1:
        raise InvalidInput(f"{name} is encrypted. Unpack it with its password first.")
    return _limited(name, member.compress_size, archive.open(member), *beneath)


def _limited(
    name: str, packed: int, unpacked: IO[bytes] | gzip.GzipFile, *beneath: Stream
) -> BinaryIO:
    return io.BufferedReader(_Limited(name, packed, unpacked, *beneath), 1 << 18)


def _limit(packed: int) -> int:
    """Bytes to which so many packed ones may unpack."""
    return min(MAX_UNPACKED, max(RATIO_FREE, packed * MAX_RATIO))


def _bomb(name: str, limit: int) -> InvalidInput:
    return InvalidInput(
        f"{name} unpacks to more than {limit >> 20} MB, far more than its size allows: refused as"
        " a possible decompression bomb. Unpack it yourself if you trust it."
    )


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _read_up_to(stream: BinaryIO, n: int) -> bytes:
    parts = []
    while n > 0 and (part := stream.read(n)):
        parts.append(part)
        n -= len(part)
    return b"".join(parts)
