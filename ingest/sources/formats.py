"""The formats that can be read, and how a file's first bytes tell which one it is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import N_HEAD, Blob
from ingest.sources.decode import encoding_by_mark
from ingest.sources.json_records import read_json, read_json_lines
from ingest.sources.listing import is_listing, read_listing
from ingest.sources.result_page import is_result_page, read_result_page

Items = Iterator[Record | Rejection]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name for users, the test on a text's start, and the reader.

    The reader takes a blob and a field map (our field name to the source's), which formats with
    fixed field names ignore.
    """

    name: str
    matches: Callable[[str], bool]
    read: Callable[[Blob, Mapping[str, str]], Items]


def _is_json_lines(head: str) -> bool:
    """Two objects on two lines, or a first line that is an object and ends the file."""
    first, newline, rest = head.lstrip().partition("\n")
    if not first.startswith("{"):
        return False
    if not newline:  # one line longer than the head can be either; only lines stay in memory
        return len(head) > N_HEAD // 8 or first.rstrip().endswith("}")
    return first.rstrip().endswith("}") and (not rest.strip() or rest.lstrip()[0] == "{")


def _is_json(head: str) -> bool:
    return re.match(r"\s*(?:\[\s*(?:[\[{\"\]]|null)|\{\s*[\"}])", head) is not None


# In this order: the stricter test first.
FORMATS: tuple[Format, ...] = (
    Format("JSON Lines", _is_json_lines, read_json_lines),
    Format("JSON", _is_json, read_json),
    Format("Daily Papers page", is_listing, lambda blob, _: read_listing(blob)),
    Format("public-access result page", is_result_page, lambda blob, _: read_result_page(blob)),
)
_FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
    (b"(\xb5/\xfd", "a zstd archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a rar archive: unpack it first"),
    (b"\x1f\x8b", "an archive within an archive: unpack it first"),
    (b"PK\x03\x04", "an archive within an archive: unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Office file: save it as CSV or XLSX"),
    (b"SQLite format 3", "a database"),
)


def sniff(head: bytes) -> Format:
    """The format of a file that starts with these bytes, by content alone.

    Raises:
        InvalidInput: the file is empty, binary, or of no known format; the message completes the
            sentence "<file> is ...".
    """
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InvalidInput("empty. Check that the export or download was complete")
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise InvalidInput(f"{what}. {_known()}")
    encoding = encoding_by_mark(head)
    if encoding is None and b"\0" in head:
        raise InvalidInput(f"binary. {_known()}")
    text = head.decode(encoding or "utf-8", "replace").removeprefix("\ufeff")
    for known in FORMATS:
        if known.matches(text):
            return known
    if re.match(r"\s*<(?:!doctype html|html)", text, re.IGNORECASE):
        raise InvalidInput(
            "a saved web page (HTML). Open it in a browser, copy all its text, and save that as a"
            f" text file. {_known()}"
        )
    raise InvalidInput(f"of no known format. {_known()}")


def _known() -> str:
    return "Known formats are: " + ", ".join(known.name for known in FORMATS)
