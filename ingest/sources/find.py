"""From a path to its sources: files, folders, archives, standard input."""

import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import UNPACK_ERRORS, Blob, blobs_in, blobs_of_stream
from ingest.sources.columns import check_map
from ingest.sources.formats import Format, sniff

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of records.

    `name` is the file's name relative to what was given, `kind` the name of its format, "" for a
    file that cannot be read. `is_only` says that nothing else was given, so that a problem with
    this file is a problem with the whole input.
    """

    name: str
    kind: str
    is_only: bool
    _blob: Blob | None = field(repr=False)
    _format: Format | None = field(repr=False)
    _field_map: Mapping[str, str] = field(repr=False, default_factory=dict)
    _reason: str = field(repr=False, default="")

    def records(self) -> Iterator[Record | Rejection]:
        """The records in the file's order, in constant memory where the format allows it.

        A file that turns out unreadable after its first record, or is one of several, ends with
        a rejection that says so.

        Raises:
            InvalidInput: the only file given cannot be read at all; raised before any record.
        """
        n = 0
        try:
            for item in self._items():
                n += 1
                yield item
        except InvalidInput as error:
            if self.is_only and n == 0:
                raise
            yield Rejection(f"after record {n}" if n else "file", str(error))

    def _items(self) -> Iterator[Record | Rejection]:
        if self._blob is None or self._format is None:
            raise InvalidInput(self._reason)
        try:
            yield from self._format.read(self._blob, self._field_map)
        except UNPACK_ERRORS as error:
            raise InvalidInput(_damaged(self.name, error)) from error


@dataclass(frozen=True, slots=True)
class _Unread:
    """A file that does not open, and why."""

    name: str
    reason: str


def discover(path: Path, field_map: Mapping[str, str] | None = None) -> Iterator[Source]:
    """The sources at a path: a file, each member of an archive, all files of a folder.

    Folders are searched recursively in the order of names; hidden files are passed over. `-` is
    standard input. A file of no known format among others becomes a source whose only record is
    a rejection. `field_map` gives the source's own name for a field of ours ({"title":
    "headline"}).

    Raises:
        InvalidInput: there is nothing at the path, or nothing of it can be read; the message says
            why. Raised before the first source.
    """
    check_map(field_map)
    blobs = list(_blobs(path))
    if not blobs:
        raise InvalidInput(f"{path} holds no files. Give a file or folder of exports.")
    is_only = len(blobs) == 1
    sources = [_source(item, is_only, field_map or {}) for item in blobs]
    if not any(source.kind for source in sources):
        reasons = "; ".join(source._reason for source in sources[:3])
        raise InvalidInput(reasons if is_only else f"no file in {path} can be read: {reasons}")
    return iter(sources)


def source_of(name: str, data: bytes, field_map: Mapping[str, str] | None = None) -> Source:
    """The source in bytes that are already in memory, such as a service's answer.

    Raises:
        InvalidInput: the bytes are empty or of no known format.
    """
    check_map(field_map)
    source = _source(Blob(name, lambda: io.BytesIO(data)), True, field_map or {})
    if not source.kind:
        raise InvalidInput(source._reason)
    return source


def _blobs(path: Path) -> Iterator[Blob | _Unread]:
    """Blobs at the path, or for a file that does not open the error."""
    if path == STDIN:
        yield from blobs_of_stream(sys.stdin.buffer, "standard input")
    elif not path.exists():
        raise InvalidInput(f"{path} does not exist. Check the spelling and the current folder.")
    elif path.is_dir():
        for file in _files_in(path):
            yield from _opened(file, file.relative_to(path).as_posix())
    elif path.is_file():
        yield from _opened(path, path.name)
    else:  # a pipe
        with path.open("rb") as stream:
            yield from blobs_of_stream(stream, path.name)


def _files_in(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(parent, name)


def _opened(file: Path, name: str) -> Iterator[Blob | _Unread]:
    if not file.is_file():
        yield _Unread(name, f"{name} is no readable file but a broken link, pipe or device.")
        return
    try:
        yield from blobs_in(file, name)
    except InvalidInput as error:
        yield _Unread(name, str(error))
    except OSError as error:
        yield _Unread(name, f"{name} cannot be read ({error.strerror}). Check its permissions.")


def _source(item: Blob | _Unread, is_only: bool, field_map: Mapping[str, str]) -> Source:
    if isinstance(item, _Unread):
        return Source(item.name, "", is_only, None, None, field_map, item.reason)
    try:
        form = sniff(item.head(), field_map)
    except InvalidInput as error:
        reason = str(error) if str(error).startswith(item.name) else f"{item.name} is {error}"
        return Source(item.name, "", is_only, None, None, field_map, reason)
    except UNPACK_ERRORS as error:
        return Source(item.name, "", is_only, None, None, field_map, _damaged(item.name, error))
    return Source(item.name, form.name, is_only, item, form, field_map)


def _damaged(name: str, error: Exception) -> str:
    return f"{name} ends early or is damaged ({error}). Download or export it again."
