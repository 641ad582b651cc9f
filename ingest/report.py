"""What a run did, in numbers and in the records it could not take."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

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
    rejected: list[Rejected] = field(default_factory=list)
    papers: int = 0
    snapshot: str = ""

    def as_dict(self) -> dict[str, object]:
        """The report as plain values, `rejected` as a list of {file, record, reason}."""
        return {
            "found": self.found,
            "new": self.new,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "duplicates": self.duplicates,
            "rejected": [
                {"file": r.file, "record": r.record, "reason": r.reason} for r in self.rejected
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
