"""Markdown lists of papers: tables under a header, and headings that link to a paper."""

import re
from collections.abc import Generator, Iterator, Mapping
from itertools import pairwise

from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.columns import Columns, field_of, plain, record_of
from ingest.sources.decode import page_text
from ingest.sources.text import make_record, untag
from ingest.sources.values import arxiv_of, parse_doi, split_authors

_RULE_CELL = re.compile(r":?-{2,}:?")
_PIPE = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s]{1,2000})(?:\s+\"[^\"()]*\")?\)")
_READ_MORE = re.compile(
    r"\(\s*(?:read more|more|see|links?|paper|pdf|code)\b[^()]*\)", re.IGNORECASE
)
_EMPHASIS = re.compile(r"(\*\*|__|(?<!\w)[*_](?=\S))(.+?)\1")
_HEADING = re.compile(
    r"#{1,6}\s+(?:\[?\d+[\].:]\s*)?\[(?P<title>.+)\]\((?P<url>https?://[^)\s]+)\).*"
)
_ABSTRACT = re.compile(r"\W*abstract\W*?[:.]\W*?\s*(?P<text>\S.*)", re.IGNORECASE | re.DOTALL)
_MAX_ROW_LINES = 50  # a cell may hold line breaks, but a row that goes on longer is none
# What a table calls a text that is not the authors' abstract.
_SUMMARIES = frozenset(("summary", "tldr", "summaries"))

Items = Generator[Record | Rejection, None, int]  # that returns the number of the line after it


def is_markdown(head: str) -> bool:
    """Whether the text has a table of papers or headings that link to papers with abstracts."""
    lines = head.splitlines()
    has_table = any(
        _is_rule(rule) and _is_header(_cells(header)) for header, rule in pairwise(lines)
    )
    return has_table or (
        any(map(_heading, lines)) and any(_ABSTRACT.fullmatch(line) for line in lines)
    )


def read_markdown(blob: Blob) -> Iterator[Record | Rejection]:
    """The papers of the tables, and those under headings that link to a paper.

    A column called "Summary" holds somebody's summary, not the authors' abstract, and is marked
    as such.

    Raises:
        InvalidInput: the bytes are no text.
    """
    lines = page_text(blob).splitlines()
    number = 0
    while number < len(lines):
        if number + 1 < len(lines) and _is_rule(lines[number + 1]):
            header = _cells(lines[number])
            if _is_header(header):
                number = yield from _table(lines, number + 2, header)
                continue
        match = _heading(lines[number])
        if match:
            number = yield from _section(lines, number, match)
            continue
        number += 1


def _table(lines: list[str], start: int, header: list[str]) -> Items:
    """The rows from line `start`; returns the number of the first line after the table."""
    columns = Columns.of(tuple(header))
    names = columns.names.get("abstract", ())
    is_summary = bool(names) and plain(names[0]) in _SUMMARIES
    number = start
    while number < len(lines) and lines[number].strip():
        row, end = _row(lines, number, len(header))
        cells = dict(zip(header, _cells(row), strict=False))
        yield _from_row(cells, columns, f"line {number + 1}", row, is_summary)
        number = end
    return number


def _row(lines: list[str], start: int, n_cells: int) -> tuple[str, int]:
    """A row that may hold line breaks, and the number of the line after it."""
    row = lines[start]
    for end in range(start + 1, min(start + _MAX_ROW_LINES, len(lines) + 1)):
        if len(_cells(row)) >= n_cells and row.rstrip().endswith("|"):
            return row, end
        if end == len(lines) or not lines[end].strip() or lines[end].lstrip().startswith("|"):
            return row, end
        row = f"{row}\n{lines[end]}"
    return row, start + 1


def _from_row(
    cells: Mapping[str, str], columns: Columns, locator: str, raw: str, is_summary: bool
) -> Record | Rejection:
    urls = [match[2] for cell in cells.values() for match in _LINK.finditer(cell)]
    url = next(filter(arxiv_of, urls), next(iter(urls), ""))
    row: dict[str, object] = {name: _plain_cell(cell) for name, cell in cells.items()}
    extra = {"url": url, "is_summary": is_summary}
    return record_of(
        row | extra,
        Columns({**columns.names, "url": ("url",), "is_summary": ("is_summary",)}),
        locator=locator,
        raw=raw,
    )


def _section(lines: list[str], start: int, heading: re.Match[str]) -> Items:
    """The paper under a heading; returns the number of the next heading's line."""
    end = start + 1
    while end < len(lines) and not lines[end].startswith("#"):
        end += 1
    body = lines[start + 1 : end]
    names = next((_emphasised(line) for line in body if _emphasised(line)), "")
    abstract = next(filter(None, (_ABSTRACT.fullmatch(line) for line in body)), None)
    yield make_record(
        title=_plain_cell(heading["title"]),
        abstract=_plain_cell(abstract["text"]) if abstract else "",
        locator=f"line {start + 1}",
        raw="\n".join(lines[start:end]),
        authors=split_authors(names.replace(",", ", ")),
        url=heading["url"],
        doi=parse_doi(heading["url"]),
        arxiv_id=arxiv_of(heading["url"]),
    )
    return end


def _emphasised(line: str) -> str:
    """The text of a line that is emphasised as a whole, as authors are set."""
    text = line.strip()
    is_whole = len(text) > 2 and text[0] == text[-1] and text[0] in "*_"
    return text.strip("*_ ") if is_whole else ""


def _is_header(cells: list[str]) -> bool:
    fields = {field_of(cell) for cell in cells if len(cell) < 60}
    return "title" in fields and len(cells) > 1


def _is_rule(line: str) -> bool:
    """Whether the line parts a table's header from its rows."""
    cells = _cells(line) if "--" in line and "|" in line else []
    return len(cells) > 1 and all(_RULE_CELL.fullmatch(cell) for cell in cells)


def _heading(line: str) -> re.Match[str] | None:
    """The match of a heading that links to a paper; its pattern is slow on endless lines."""
    return _HEADING.fullmatch(line.strip()) if line[:1] == "#" and len(line) < 2000 else None


def _cells(row: str) -> list[str]:
    cells = [cell.strip() for cell in _PIPE.split(row.strip())]
    if cells and not cells[0] and row.lstrip().startswith("|"):
        cells = cells[1:]
    return cells[:-1] if cells and not cells[-1] and row.rstrip().endswith("|") else cells


def _plain_cell(cell: str) -> str:
    text = _READ_MORE.sub("", _LINK.sub(r"\1", cell))
    return untag(_EMPHASIS.sub(r"\2", text).replace("\\|", "|"))
