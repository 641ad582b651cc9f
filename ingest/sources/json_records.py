"""JSON and JSON Lines, whatever program wrote them: each record is told by its own keys."""

import json
from collections.abc import Iterator, Mapping

import orjson

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.columns import Columns, check_map, record_of
from ingest.sources.decode import encoding_by_mark

MAX_LINE = 64 << 20  # bytes; the longest genuine line known has 1.3 MB
MAX_RAW = 200_000  # characters of a damaged line that are kept as received
# Where answers of search services keep their records, outermost first.
_WRAPPERS = (
    "message",
    "results",
    "items",
    "data",
    "papers",
    "records",
    "works",
    "recommendedPapers",
)


def read_json_lines(blob: Blob, field_map: Mapping[str, str]) -> Iterator[Record | Rejection]:
    """One record a line, read one by one; a damaged line is rejected, not the file."""
    check_map(field_map)
    reader = _Reader(field_map)
    with blob.open() as stream:
        number = 0
        while line := stream.readline(MAX_LINE):
            number += 1
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if line:
                yield from reader.line(line, f"line {number}")


def read_json(blob: Blob, field_map: Mapping[str, str]) -> Iterator[Record | Rejection]:
    """The records of one JSON document: an array, one record, or an API's answer around them.

    Raises:
        InvalidInput: it is no JSON, or holds no records.
    """
    check_map(field_map)
    data = blob.read()
    if encoding := encoding_by_mark(data):
        data = data.decode(encoding, "replace").encode()
    try:
        items = _records_in(loads(data))
    except ValueError as error:
        raise InvalidInput(
            f"{blob.name} is not valid JSON: {_reason(error)}. It may be cut: export it again."
        ) from error
    if items is None:
        raise InvalidInput(
            f"{blob.name} is JSON, but holds no records. Expected are an array of objects, or one"
            " object a line, with fields such as title and abstract."
        )
    reader = _Reader(field_map)
    for number, item in enumerate(items, start=1):
        yield from reader.item(item, f"record {number}", None)


def loads(data: bytes) -> object:
    """The value in the data; NaN and lone surrogates, which some programs write, are let pass.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as first:
        if b"NaN" not in data and b"\\ud" not in data and b"Infinity" not in data:
            raise
        try:
            return json.loads(data)
        except (RecursionError, ValueError):
            raise first from None


def _records_in(value: object) -> list[object] | None:
    """The list of records in a document, or None where there is none."""
    for _ in range(4):
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            return None
        inner = next((value[k] for k in _WRAPPERS if isinstance(value.get(k), list | dict)), None)
        if inner is None or "title" in value:
            return [value]
        value = inner
    return None


class _Reader:
    """Makes records of parsed JSON; remembers which keys mean what."""

    def __init__(self, field_map: Mapping[str, str]) -> None:
        self._field_map = field_map
        self._columns: dict[tuple[str, ...], Columns] = {}

    def line(self, line: bytes, locator: str) -> Iterator[Record | Rejection]:
        raw = line.decode("utf-8", "replace")
        try:
            item = loads(line)
        except ValueError as error:
            yield Rejection(locator, f"not valid JSON: {_reason(error)}", raw[:MAX_RAW])
        else:
            yield from self.item(item, locator, raw)

    def item(self, item: object, locator: str, raw: str | None) -> Iterator[Record | Rejection]:
        if raw is None:
            raw = orjson.dumps(item, option=orjson.OPT_NON_STR_KEYS).decode()
        if not isinstance(item, dict):
            yield Rejection(locator, "not a JSON object with named fields", raw)
            return
        names = tuple(item)
        columns = self._columns.get(names)
        if columns is None:
            columns = Columns.of(names, self._field_map)
            if len(self._columns) < 1000:  # records of one source share few sets of keys
                self._columns[names] = columns
        yield record_of(item, columns, locator=locator, raw=raw)


def _reason(error: ValueError) -> str:
    return str(error).split(": line 1 column")[0][:200]
