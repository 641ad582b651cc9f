"""Tables of papers: CSV, TSV and whatever else gives rows under a header."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.columns import Columns, check_map, field_of, record_of
from ingest.sources.decode import MAX_LINE, open_text

N_PREAMBLE = 20  # rows that may stand above the header (search terms, rules)
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")
_LIST = re.compile(rf"\[(?:\s*(?:{_QUOTED.pattern})\s*,?)*\s*\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells, where it stood, and the text as received."""

    cells: list[str]
    locator: str
    raw: str


def is_table(head: str, field_map: Mapping[str, str] | None = None) -> bool:
    """Whether the text starts with a delimited table that has a header we know."""
    return _delimiter(head, field_map or {}) is not None


def read_table(blob: Blob, field_map: Mapping[str, str]) -> Iterator[Record | Rejection]:
    """The rows of a delimited text under its header, in constant memory.

    The delimiter is the one under which the header has most known columns.

    Raises:
        InvalidInput: there is no header with a title or an abstract.
    """
    check_map(field_map)
    delimiter = _delimiter(_start_of(blob), field_map)
    if delimiter is None:
        raise InvalidInput(
            f"{blob.name} has no header with a title or abstract column. Add one, or name the"
            " columns with --map title=… --map abstract=…"
        )
    yield from read_rows(_rows(blob, delimiter), field_map)


def read_rows(
    rows: Iterable[Row | Rejection], field_map: Mapping[str, str]
) -> Iterator[Record | Rejection]:
    """The papers in the rows below the first row that is a header."""
    header: list[str] | None = None
    columns = Columns({})
    for row in rows:
        if isinstance(row, Rejection):
            yield row
        elif header is None:
            if _known_columns(row.cells, field_map):
                header = [name.strip() for name in row.cells]
                columns = Columns.of(tuple(header), field_map)
        elif any(cell.strip() for cell in row.cells):
            yield _record(header, columns, row)


def _record(header: list[str], columns: Columns, row: Row) -> Record | Rejection:
    if any(cell.strip() for cell in row.cells[len(header) :]):
        reason = (
            f"{len(row.cells)} cells under a header of {len(header)}: a delimiter or quote in it"
            " is not escaped"
        )
        return Rejection(row.locator, reason, row.raw)
    cells: dict[str, object] = {}
    for name, cell in zip(header, row.cells, strict=False):
        cells.setdefault(name, _value(cell))
    return record_of(cells, columns, locator=row.locator, raw=row.raw)


def _value(cell: str) -> object:
    """The cell, or the list of strings that it spells out ("['Marx, Karl', 'Marx, Groucho']")."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]") and _LIST.fullmatch(text)):
        return text
    return [piece[0] or piece[1] for piece in _QUOTED.findall(text)]


def _known_columns(cells: list[str], field_map: Mapping[str, str]) -> int:
    """How many cells name one of our fields; 0 unless a title or abstract is among them."""
    ours = {theirs: field for field, theirs in field_map.items()}
    fields = [ours.get(cell.strip()) or field_of(cell) for cell in cells if len(cell) < 100]
    known = [field for field in fields if field]
    return len(known) if {"title", "abstract"} & set(known) and len(cells) > 1 else 0


def _delimiter(head: str, field_map: Mapping[str, str]) -> str | None:
    best, most = None, 0
    for delimiter in _DELIMITERS:
        rows = csv.reader(head.splitlines()[:N_PREAMBLE], delimiter=delimiter)
        try:
            n = max((_known_columns(row, field_map) for row in rows), default=0)
        except csv.Error:
            continue
        if n > most:
            best, most = delimiter, n
    return best


def _start_of(blob: Blob) -> str:
    with open_text(blob) as stream:
        return "".join(stream.readline(MAX_LINE) for _ in range(N_PREAMBLE)).lstrip("\ufeff")


def _rows(blob: Blob, delimiter: str) -> Iterator[Row | Rejection]:
    with open_text(blob, newline="") as stream:
        taken: list[str] = []

        def lines() -> Iterator[str]:
            while line := stream.readline(MAX_LINE):
                taken.append(line)
                yield line.lstrip("\ufeff") if reader.line_num == 0 else line

        reader = csv.reader(lines(), delimiter=delimiter)
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejection(f"line {start}", f"not readable as a row: {error}", _join(taken))
            else:
                yield Row(cells, f"line {start}", _join(taken))
            taken.clear()


def _join(lines: list[str]) -> str:
    return "".join(lines).rstrip("\r\n")
