"""JSON and JSON Lines, whatever program wrote them: each record is told by its own keys."""

import json
from collections.abc import Iterator, Mapping

import orjson

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.columns import Columns, check_map, record_of
from ingest.sources.decode import encoding_by_mark
from ingest.sources.shapes import shape_of

MAX_LINE = 64 << 20  # bytes; the longest genuine line known has 1.3 MB
MAX_RAW = 200_000  # characters of a damaged line that are kept as received
# Where services and tools keep their records, most telling first.
_WRAPPERS = (
    "message",
    "results",
    "items",
    "data",
    "papers",
    "records",
    "works",
    "recommendedPapers",
    "articles",
    "documents",
    "entries",
)
_N_KEYS = 1000  # sets of keys to remember; the records of one source share few


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
                yield reader.line(line, f"line {number}")


def read_json(blob: Blob, field_map: Mapping[str, str]) -> Iterator[Record | Rejection]:
    """The records of one JSON document: an array, one record, or an API's answer around them.

    Raises:
        InvalidInput: it is no JSON, holds no records, or is a service's error message.
    """
    check_map(field_map)
    data = blob.read()
    if encoding := encoding_by_mark(data):
        data = data.decode(encoding, "replace").encode()
    try:
        value = loads(data)
    except ValueError as error:
        raise InvalidInput(
            f"{blob.name} is not valid JSON: {_reason(error)}. It may be cut: export it again."
        ) from error
    del data
    reader = _Reader(field_map)
    for number, item in enumerate(_records_in(value, blob.name), start=1):
        yield reader.item(item, f"record {number}", None)


def loads(data: bytes) -> object:
    """The value in the data; NaN and lone surrogates, which some programs write, are let pass.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if b"NaN" not in data and b"\\ud" not in data and b"Infinity" not in data:
            raise
        try:
            return json.loads(data)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


def _records_in(value: object, name: str) -> list[object]:
    """The list of records in a document: the document, or what its wrapper holds.

    Raises:
        InvalidInput: there is none.
    """
    for _ in range(4):
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            break
        if shape_of(value) or "title" in value or "abstract" in value:
            return [value]
        inner = next((value[k] for k in _WRAPPERS if isinstance(value.get(k), list | dict)), None)
        if inner is None:
            return _keyed(value) or _refuse(value, name)
        value = inner
    return _refuse(value, name)


def _keyed(value: Mapping[str, object]) -> list[object]:
    """The records of an object that holds them under their ids, alone or in lists of one."""
    found: list[object] = []
    for key, item in value.items():
        for record in item if isinstance(item, list) else [item]:
            if not isinstance(record, dict):
                return []
            found.append(record if record.keys() & {"id", "DOI"} else {"id": key, **record})
    return found


def _refuse(value: object, name: str) -> list[object]:
    error = value.get("error") or value.get("message") if isinstance(value, dict) else None
    if isinstance(error, str):
        raise InvalidInput(f"{name} is a service's error message: {error[:200]}. Ask it again.")
    raise InvalidInput(
        f"{name} is JSON, but holds no records. Expected are an array of objects, or one object a"
        " line, with fields such as title and abstract."
    )


class _Reader:
    """Makes records of parsed JSON; remembers which keys mean what."""

    def __init__(self, field_map: Mapping[str, str]) -> None:
        self._field_map = field_map
        self._columns: dict[tuple[str, ...], Columns] = {}

    def line(self, line: bytes, locator: str) -> Record | Rejection:
        raw = line.decode("utf-8", "replace")
        try:
            item = loads(line)
        except ValueError as error:
            return Rejection(locator, f"not valid JSON: {_reason(error)}", raw[:MAX_RAW])
        return self.item(item, locator, raw)

    def item(self, item: object, locator: str, raw: str | None) -> Record | Rejection:
        if raw is None:
            raw = _dump(item)
        if item is None:
            return Rejection(locator, "null: the service did not know this paper", raw)
        if not isinstance(item, dict):
            return Rejection(locator, "not a JSON object with named fields", raw)
        shape = None if self._field_map else shape_of(item)
        if shape:
            return shape(item, locator, raw)
        return record_of(item, self._columns_of(tuple(item)), locator=locator, raw=raw)

    def _columns_of(self, names: tuple[str, ...]) -> Columns:
        columns = self._columns.get(names)
        if columns is None:
            columns = Columns.of(names, self._field_map)
            if len(self._columns) < _N_KEYS:
                self._columns[names] = columns
        return columns


def _dump(item: object) -> str:
    try:
        return orjson.dumps(item).decode()
    except TypeError:  # a lone surrogate, which only the slower module writes, as an escape
        return json.dumps(item)


def _reason(error: ValueError) -> str:
    return str(error).split(": line 1 column")[0][:200]
