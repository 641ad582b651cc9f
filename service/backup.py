"""The whole state of a library in one file, taken while it is used, and put back.

A backup is a tar archive of the databases, the vectors and the lists of feeds. Indexes are left
out: they are made anew from these. Its last member says what it holds, so that an archive that was
cut off, even between two members, is not taken for a whole one.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import orjson

from ingest.disk import explained
from ingest.errors import Conflict, InvalidInput, NotFound
from ingest.library import Library

_CONTENTS = "contents.json"
_BEFORE = "before-"  # folders in a home with what stood there before a restore
_FORMAT = 1
_BLOCK = 1 << 20  # bytes copied at once
_UNREADABLE = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, KeyError, TypeError)
_CUT_OFF = (
    "This backup cannot be restored: it is cut off or damaged ({why}). Nothing was changed. Take "
    "another one."
)


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: the library's snapshot id, its papers, and the bytes before packing."""

    file: str
    snapshot: str
    papers: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup held. `aside` is where the state that was there before is kept."""

    home: str
    snapshot: str
    papers: int
    aside: str | None


def back_up(library: Library, file: Path) -> Backup:
    """Writes the state of a library to `file`, packed if its name ends with `.gz`.

    A service may go on answering; only ingestion has to wait. The file appears when it is whole.

    Raises:
        Conflict: an ingestion is running.
        NotFound: the library is empty, or there is no folder for the file.
        Unavailable: the disk is full or cannot be written.
    """
    if library.is_empty:
        raise NotFound("The library is empty: there is nothing to back up.")
    if not file.absolute().parent.is_dir():
        raise NotFound(f"There is no folder {file.parent}. Make it first.")
    part = file.with_name(f".{file.name}.part")
    with explained(), library.writing():
        try:
            with _created(part) as raw, _written(raw, is_packed=file.suffix == ".gz") as archive:
                contents = _fill(archive, library)
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)
    size = sum(entry["bytes"] for entry in contents["files"].values())
    return Backup(str(file), contents["snapshot"], contents["papers"], size)


@contextmanager
def _created(part: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner reads, on the disk when the block ends."""
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as raw:
        yield raw
        raw.flush()
        os.fsync(raw.fileno())


@contextmanager
def _written(raw: IO[bytes], *, is_packed: bool) -> Iterator[tarfile.TarFile]:
    # level 1: vectors hardly shrink, whatever the effort
    how: dict[str, Any] = {"mode": "w:gz", "compresslevel": 1} if is_packed else {"mode": "w"}
    with tarfile.open(fileobj=raw, **how) as archive:
        yield archive


def _fill(archive: tarfile.TarFile, library: Library) -> dict[str, Any]:
    files = {}
    with tempfile.TemporaryDirectory(prefix="citelight-backup-") as scratch:
        for name, path in _copies(library.home, Path(scratch)):
            archive.add(path, name, recursive=False, filter=_anonymous)
            files[name] = {"bytes": path.stat().st_size, "sha256": _hash_of(path)}
        contents = {
            "format": _FORMAT,
            "snapshot": library.snapshot,
            "papers": library.catalogue.n_papers(),
            "embedder": library.embedder.name,
            "files": files,
        }
        last = Path(scratch) / _CONTENTS
        last.write_bytes(orjson.dumps(contents))
        archive.add(last, _CONTENTS, filter=_anonymous)
    return contents


def _copies(home: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Every file to keep, as (name in the archive, where it can be read)."""
    for path in sorted(home.glob("*.sqlite")):
        yield path.name, _database(path, scratch / path.name)
        (scratch / path.name).unlink()
    kept = [*home.glob("*.toml"), *(home / "vectors").rglob("*")]
    for path in sorted(p for p in kept if p.is_file() and not p.is_symlink()):
        yield path.relative_to(home).as_posix(), path


def _database(path: Path, copy: Path) -> Path:
    """A copy of a SQLite file as of one moment, whoever writes to it meanwhile."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.execute("PRAGMA busy_timeout = 10000")
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # all in one file
    return copy


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(file: Path, home: Path, *, is_forced: bool = False) -> Restored:
    """Puts the files of a backup into `home`, whose indexes have to be built then.

    What stands in `home` is only replaced if `is_forced`, and then kept in a folder there.

    Raises:
        Conflict: there is a library in `home`, or an ingestion is running on it.
        InvalidInput: the archive is none, is cut off, or holds what no backup holds. `home` is
            as it was.
        NotFound: there is no such file.
        Unavailable: the disk is full or cannot be written.
    """
    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    with explained():
        home.mkdir(parents=True, exist_ok=True)
        before = [path for path in home.iterdir() if not path.name.startswith(_BEFORE)]
        if before and not is_forced:
            raise Conflict(
                f"There is a library in {home}. Set CITELIGHT_HOME to another folder, or give "
                f"--force: what is there is then kept in a folder of its own."
            )
        with _fresh(home) as fresh:
            contents = _extract(file, fresh)
            _rename_library(fresh / "catalogue.sqlite")
            _check_unwritten(home)
            aside = _set_aside(home, before) if before else None
            for path in sorted(fresh.iterdir()):
                path.rename(home / path.name)
    return Restored(str(home), contents["snapshot"], contents["papers"], aside)


@contextmanager
def _fresh(home: Path) -> Iterator[Path]:
    """A folder on the same disk, even where `home` itself is where a disk begins."""
    path = Path(tempfile.mkdtemp(prefix=_BEFORE, dir=home))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _check_unwritten(home: Path) -> None:
    """Raises `Conflict` if some process is writing to the library."""
    with suppress(FileNotFoundError), (home / "ingest.lock").open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("An ingestion is running on this library. Wait for its end.") from error


def _set_aside(home: Path, before: Iterable[Path]) -> str:
    """Moves what stands in `home` into a folder of its own; which one."""
    place = home / f"{_BEFORE}{time.strftime('%Y%m%d-%H%M%S')}"
    place.mkdir()
    for path in before:
        path.rename(place / path.name)
    return str(place)


def _extract(file: Path, fresh: Path) -> dict[str, Any]:
    """Writes the files of the archive and checks them against its last member."""
    found: dict[str, str] = {}
    contents: dict[str, Any] = {}
    try:
        with tarfile.open(file, "r:*") as archive:
            for member in archive:
                stream = archive.extractfile(member) if _is_known(member) else None
                if stream is None:
                    raise InvalidInput(f"This is no backup of a library: it holds {member.name!r}.")
                if member.name == _CONTENTS:
                    contents = orjson.loads(stream.read())
                else:
                    found[member.name] = _copy(stream, fresh / member.name)
        listed = {name: entry["sha256"] for name, entry in contents["files"].items()}
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk, not the archive
        raise InvalidInput(_CUT_OFF.format(why=_reason(error))) from error
    if contents["format"] != _FORMAT or "catalogue.sqlite" not in found:
        raise InvalidInput("This backup is of another version of Citelight.")
    if wrong := sorted(n for n in {*found, *listed} if found.get(n) != listed.get(n)):
        raise InvalidInput(_CUT_OFF.format(why=f"{wrong[0]} is not what was written"))
    return contents


def _reason(error: Exception) -> str:
    return "its end is missing" if isinstance(error, KeyError) else str(error) or "it ends early"


def _is_known(member: tarfile.TarInfo) -> bool:
    """Whether a backup has such members: plain files at the few places where ours are."""
    parts = PurePosixPath(member.name).parts
    is_plain = member.isreg() and not {"..", "/"}.intersection(parts)
    return is_plain and (
        (len(parts) == 1 and member.name.endswith((".sqlite", ".toml", _CONTENTS)))
        or (len(parts) == 3 and parts[0] == "vectors")
    )


def _copy(stream: IO[bytes], target: Path) -> str:
    """Writes a file to the disk; its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with _created(target) as out:
        for block in _blocks(stream):
            digest.update(block)
            out.write(block)
    return digest.hexdigest()


def _blocks(stream: IO[bytes]) -> Iterable[bytes]:
    return iter(lambda: stream.read(_BLOCK), b"")


def _rename_library(catalogue: Path) -> None:
    """A name of its own on a Chroma server, where the library it was taken from may go on."""
    with closing(sqlite3.connect(catalogue)) as database, database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'library'", (secrets.token_hex(4),))
