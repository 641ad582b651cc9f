"""What a service is to a feed: pages of records behind cursors; and the parsing they share."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import orjson
from lxml import etree

from ingest.errors import InvalidInput
from ingest.feeds.client import Client, Garbled
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.json_records import read_json
from ingest.sources.markup import Element, local_name


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: papers published `since`, and of these the ones `changed` since.

    Both days are included; None is no bound. `changed` is set when only news are wanted.
    """

    since: date | None = None
    changed: date | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, the cursor of the next page (None: this was the last one), and how many
    records there are in all, where the service says so."""

    items: Sequence[Record | Rejection]
    cursor: str | None
    total: int | None = None


class Service(Protocol):
    """A place that papers can be fetched from, with the question it is asked.

    A cursor is a string that leads to the same page for as long as the service keeps it; None is
    the first page.
    """

    @property
    def name(self) -> str:
        """Service and question, `arxiv:cat:cs.IR`: the name of the source in the library."""

    @property
    def label(self) -> str:
        """The service's name for people."""

    @property
    def interval_s(self) -> float:
        """Seconds between requests, by the service's own rule."""

    @property
    def overlap(self) -> timedelta:
        """How far before the last sync news are looked for: how late the service may list them."""

    @property
    def is_total_exact(self) -> bool:
        """Whether a run that got fewer records than announced has missed some."""

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        """The page at the cursor, of at most `size` records where the service lets one choose.

        Raises:
            InvalidInput: the service refuses the question or no longer knows the cursor.
            Unavailable: it does not answer.
        """


def parse_xml(data: bytes, roots: frozenset[str]) -> Element:
    """The document's root, if its local name is among `roots`.

    Raises:
        Garbled: it is not, or the XML is cut or malformed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Garbled("its XML is cut or malformed") from error
    if local_name(root) not in roots:
        raise Garbled(f"it is <{local_name(root)}> instead of <{min(roots)}>")
    return root


def parse_json(data: bytes) -> Mapping[str, object]:
    """The JSON object in the data.

    Raises:
        Garbled: there is none.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Garbled("its JSON is cut or malformed") from error
    if not isinstance(value, dict):
        raise Garbled("it is not a JSON object")
    return value


def json_items(items: object) -> list[Record | Rejection]:
    """The records in a list of JSON objects.

    Raises:
        Garbled: it is no list.
    """
    if not isinstance(items, list):
        raise Garbled("it holds no list of records")
    data = orjson.dumps(items)
    return read_items(lambda blob: read_json(blob, {}), data) if items else []


def read_items(
    read: Callable[[Blob], Iterator[Record | Rejection]], data: bytes
) -> list[Record | Rejection]:
    """What a format's reader makes of the data.

    Raises:
        Garbled: it cannot be read.
    """
    try:
        return list(read(Blob("the answer", lambda: io.BytesIO(data))))
    except InvalidInput as error:
        raise Garbled(str(error)) from error


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def count(value: object) -> int | None:
    """A number of records, as a number or as digits."""
    if isinstance(value, int) and value >= 0:
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def text(value: object) -> str | None:
    """The value if it is a string that says something."""
    return value if isinstance(value, str) and value else None
