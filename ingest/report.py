"""What a run did, in numbers and in the records it could not take."""

import json
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, overload

import orjson

_IN_MEMORY = 1000  # rejected records; a file may hold millions
_OURS = frozenset({"_file", "_record", "_reason", "_raw"})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not taken: where it stood, why, and what it was."""

    file: str
    record: str
    reason: str
    raw: str = field(default="", repr=False)

    def line(self) -> bytes:
        """One line of JSON that can be corrected and fed again, newline included.

        A record that came as JSON keeps its fields; another one gets empty ones to fill in. What
        begins with an underscore is for the person who corrects it.
        """
        try:
            fields = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            fields = None
        told = {"_file": self.file, "_record": self.record, "_reason": self.reason}
        if isinstance(fields, Mapping):
            kept = {k: v for k, v in fields.items() if k not in _OURS}
        else:
            kept, told["_raw"] = {"title": "", "abstract": ""}, self.raw
        return orjson.dumps({**kept, **told}, option=orjson.OPT_APPEND_NEWLINE)


class Rejections(Sequence[Rejected]):
    """Rejected records in their order: the first in memory, the others on disk."""

    def __init__(self) -> None:
        self._first: list[Rejected] = []
        self._rest: IO[bytes] | None = None
        self._n = 0

    def append(self, rejected: Rejected) -> None:
        self._n += 1
        if len(self._first) < _IN_MEMORY:
            self._first.append(rejected)
            return
        if self._rest is None:
            self._rest = TemporaryFile(prefix="citelight-")  # noqa: SIM115 - closed with this
            weakref.finalize(self, self._rest.close)
        line = json.dumps(astuple(rejected))  # orjson has no half characters
        self._rest.seek(0, 2)  # whoever read it left it anywhere
        self._rest.write(line.encode() + b"\n")

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Rejected]:
        yield from self._first
        if self._rest is not None:
            self._rest.seek(0)
            for _ in range(self._n - len(self._first)):
                yield Rejected(*json.loads(self._rest.readline()))

    @overload
    def __getitem__(self, at: int) -> Rejected: ...

    @overload
    def __getitem__(self, at: slice) -> list[Rejected]: ...

    def __getitem__(self, at: int | slice) -> Rejected | list[Rejected]:
        if isinstance(at, int):
            return list(self)[at]
        start, stop, step = at.indices(self._n)
        return list(islice(self, start, stop, step))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list


@dataclass(slots=True)
class Report:
    """What a run did. `found` is the sum of the five counts of records after it.

    `joined` counts papers of the library that turned out to be one and were made one.
    """

    found: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    rejected: Rejections = field(default_factory=Rejections)
    papers: int = 0
    snapshot: str = ""

    def as_dict(self, n_rejected: int | None = None) -> dict[str, object]:
        """The report as plain values, `rejected` as a list of {file, record, reason}.

        Of that many rejected records, or of all.
        """
        return {
            "found": self.found,
            "new": self.new,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "duplicates": self.duplicates,
            "rejected": [
                {"file": r.file, "record": r.record, "reason": r.reason}
                for r in islice(self.rejected, n_rejected)
            ],
            "papers": self.papers,
            "snapshot": self.snapshot,
        }


class Tally:
    """Counts papers while records go by, so that every record is counted exactly once."""

    def __init__(self) -> None:
        self.report = Report()
        self._seen: set[str] = set()
        self._new: set[str] = set()
        self._updated: set[str] = set()

    def reject(self, rejected: Rejected) -> None:
        self.report.rejected.append(rejected)

    def see(self, paper_id: str) -> None:
        """A record of this paper went by."""
        if paper_id in self._seen:
            self.report.duplicates += 1
        self._seen.add(paper_id)

    def change(self, paper_id: str, *, is_new: bool) -> None:
        """The paper is not what it was before the run."""
        if is_new:
            self._new.add(paper_id)
        elif paper_id not in self._new:
            self._updated.add(paper_id)

    def absorb(self, gone: str) -> None:
        """The paper became part of another one, whose duplicate its record is now."""
        if gone in self._seen:
            self._seen.remove(gone)
            self.report.duplicates += 1
        self._new.discard(gone)
        self._updated.discard(gone)

    def settle(self) -> Report:
        """The report with its counts of papers."""
        report = self.report
        new, updated = self._new & self._seen, self._updated & self._seen
        report.new, report.updated = len(new), len(updated)
        report.unchanged = len(self._seen) - report.new - report.updated
        return report
