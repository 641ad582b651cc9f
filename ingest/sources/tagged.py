"""Tagged lines: RIS, MEDLINE (.nbib), ISI / Web of Science and EndNote's refer format.

One streaming reader serves the four, because they differ in the form of a tag, in what begins and
ends a record, and in which tag means what, and in nothing else. Reference managers bend each of
them (two or three spaces, lost end tags, wrapped lines without indent, counters and banners between
records), so the reader takes what it can read and passes over what stands between records.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.decode import lines_of
from ingest.sources.text import make_record, untag
from ingest.sources.values import (
    arxiv_of,
    flip_name,
    parse_doi,
    parse_pubmed_id,
    parse_url,
    parse_year,
)

MAX_ENTRY = 8 << 20  # characters of one record; one that goes on longer has lost its end
_ANY_LINE = re.compile(r".*\S.*")
_BANNER = re.compile(r"\s*\d{1,7}\.\s*")  # counters before records


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one of the formats writes records.

    `tag` matches a line that begins a value, with groups for tag and value; `wrapped` a line that
    goes on with the last one. `fields` gives our field's tags, best first.
    """

    tag: re.Pattern[str]
    wrapped: re.Pattern[str]
    start: str
    end: str
    ends_at_blank: bool
    fields: Mapping[str, tuple[str, ...]]


RIS = Dialect(
    tag=re.compile(r"([A-Z][A-Z0-9]) {1,2}-(?:\s+(.*))?"),
    wrapped=_ANY_LINE,
    start="TY",
    end="ER",
    ends_at_blank=False,
    fields={
        "title": ("TI", "T1", "CT", "ST", "BT"),
        "abstract": ("AB", "N2"),
        "authors": ("AU", "A1"),
        "year": ("PY", "Y1", "DA"),
        "venue": ("JF", "T2", "JO", "JA", "J2", "BT"),
        "doi": ("DO", "DI", "M3", "L3", "UR", "N1"),
        "url": ("UR", "L2"),
        "pubmed_id": ("PM", "C3", "UR"),
        "categories": ("KW",),
        "key": ("ID", "AN"),
    },
)
MEDLINE = Dialect(
    tag=re.compile(r"([A-Z]{2,4}) {0,2}-\s?(.*)"),
    wrapped=re.compile(r"\s{2,}\S.*"),
    start="PMID",
    end="",
    ends_at_blank=True,
    fields={
        "title": ("TI", "TT", "BTI"),
        "abstract": ("AB", "OAB"),
        "authors": ("FAU", "AU", "CN"),
        "year": ("DP", "DEP"),
        "venue": ("JT", "TA"),
        "doi": ("LID", "AID"),
        "url": (),
        "pubmed_id": ("PMID",),
        "categories": ("OT", "MH"),
        "key": ("PMID",),
    },
)
ISI = Dialect(
    tag=re.compile(r"([A-Z][A-Z0-9])(?: (.*))?"),
    wrapped=re.compile(r"\s{2,}\S.*"),
    start="PT",
    end="ER",
    ends_at_blank=False,
    fields={
        "title": ("TI",),
        "abstract": ("AB",),
        "authors": ("AF", "AU", "CA"),
        "year": ("PY", "PD"),
        "venue": ("SO", "JI"),
        "doi": ("DI", "D2", "ID"),
        "url": (),
        "pubmed_id": ("PM",),
        "categories": ("DE",),
        "key": ("UT",),
    },
)
REFER = Dialect(
    tag=re.compile(r"%([0-9A-Z@!$&(~^?<>\[|=*+#]) (.*)"),
    wrapped=_ANY_LINE,
    start="0",
    end="",
    ends_at_blank=True,
    fields={
        "title": ("T",),
        "abstract": ("X",),
        "authors": ("A",),
        "year": ("D", "8"),
        "venue": ("J", "B"),
        "doi": ("R", "U"),
        "url": ("U",),
        "pubmed_id": ("M",),
        "categories": ("K",),
        "key": ("F", "M"),
    },
)


@dataclass(slots=True)
class _Entry:
    """A record while its lines come in."""

    line: int
    values: list[tuple[str, list[str]]]  # tag, lines
    raw: list[str]
    size: int = 0
    has_abstract: bool = False

    def get(self, tags: tuple[str, ...]) -> list[str]:
        """The values of the first tag that has one that is not empty."""
        for tag in tags:
            found = [value for value in self.every((tag,)) if value]
            if found:
                return found
        return []

    def every(self, tags: tuple[str, ...]) -> Iterator[str]:
        """All values of all the tags, the best tag's first."""
        for tag in tags:
            for name, lines in self.values:
                if name == tag:
                    yield "\n".join(lines).strip()


def read_tagged(blob: Blob, dialect: Dialect) -> Iterator[Record | Rejection]:
    """The records of a file, in its order."""
    for number, entry in enumerate(_entries(blob, dialect), start=1):
        locator = f"record {number}, line {entry.line}"
        if entry.size > MAX_ENTRY:
            reason = f"more than {MAX_ENTRY >> 20} MB without the end of a record"
            yield Rejection(locator, reason, "\n".join(entry.raw[:100]))
        else:
            yield _record(entry, dialect, locator)


def _entries(blob: Blob, dialect: Dialect) -> Iterator[_Entry]:
    entry: _Entry | None = None
    is_after_blank = True
    for number, line in lines_of(blob):
        match = dialect.tag.fullmatch(line)
        tag = match[1] if match else ""
        if entry and _begins_anew(entry, tag, dialect, is_after_blank):
            yield entry
            entry = None
        is_after_blank = not line.strip()
        if entry is None:
            if tag != dialect.start and not (tag and dialect.ends_at_blank):
                continue
            entry = _Entry(number, [], [])
        if tag == dialect.end and tag:
            yield entry
            entry = None
            continue
        _take(entry, match, line, dialect)
        if entry.size > MAX_ENTRY:
            yield entry
            entry = None
    if entry:
        yield entry


def _begins_anew(entry: _Entry, tag: str, dialect: Dialect, is_after_blank: bool) -> bool:
    """Whether a tag begins a new record although the open one has not been ended."""
    if dialect.ends_at_blank:
        return bool(tag) and (is_after_blank or tag == dialect.start)
    if tag != dialect.start:
        return False
    return is_after_blank or entry.has_abstract


def _take(entry: _Entry, match: re.Match[str] | None, line: str, dialect: Dialect) -> None:
    entry.raw.append(line)
    entry.size += len(line) + 1
    if match:
        entry.values.append((match[1], [(match[2] or "").strip()]))
        entry.has_abstract |= match[1] in dialect.fields["abstract"]
    elif entry.values and dialect.wrapped.fullmatch(line) and not _BANNER.fullmatch(line):
        entry.values[-1][1].append(line.strip())


def _record(entry: _Entry, dialect: Dialect, locator: str) -> Record | Rejection:
    fields = dialect.fields
    urls = [url for text in entry.get(fields["url"]) for url in text.split()]
    url = next(filter(None, map(parse_url, urls)), None)
    names = [name for value in entry.get(fields["authors"]) for name in value.split("\n")]
    return make_record(
        title=untag(next(iter(entry.get(fields["title"])), "")),
        abstract=untag(" ".join(entry.get(fields["abstract"]))),
        locator=locator,
        raw="\n".join(entry.raw),
        key=next(iter(entry.get(fields["key"])), None),
        authors=[flip_name(name) for name in names],
        year=next(filter(None, map(parse_year, entry.every(fields["year"]))), None),
        venue=next(iter(entry.get(fields["venue"])), None),
        url=url,
        doi=next(filter(None, map(parse_doi, entry.every(fields["doi"]))), None),
        arxiv_id=arxiv_of(url),
        pubmed_id=_pubmed_id(entry, fields["pubmed_id"]),
        categories=_words(entry.get(fields["categories"]), dialect),
    )


def _words(values: list[str], dialect: Dialect) -> list[str]:
    """Keywords: one a value or line, or parted by semicolons; never by commas."""
    if dialect.wrapped is not _ANY_LINE:  # an indented line is the rest of a value
        values = [value.replace("\n", " ") for value in values]
    return [word.strip() for value in values for word in re.split(r"[;\n]", value)]


def _pubmed_id(entry: _Entry, tags: tuple[str, ...]) -> str | None:
    """A PubMed id; bare digits count only under the tags that hold nothing else."""
    for tag in tags:
        for value in entry.every((tag,)):
            is_sure = tag in ("PMID", "PM") or "pubmed" in value.casefold()
            if is_sure and (found := parse_pubmed_id(value)):
                return found
    return None
