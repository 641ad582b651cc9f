"""Bytes to text: encodings, lines, and what the readers of copied pages share."""

import codecs
import io
import re
from collections.abc import Iterator, Sequence

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob

MAX_PAGE = 64 << 20  # bytes; a page of 1,000 abstracts has 1.5 MB
MAX_LINE = 1 << 20  # characters; a longer line comes in pieces
CUT = "the page ends within this abstract: it was cut. Copy the whole page again."
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENDS_WELL = re.compile(r"(?:[.!?…][\"'”’)\]}*]*|https?://\S{6,}|\w[)\]}]+)\s*$")


def encoding_by_mark(head: bytes) -> str | None:
    """The encoding that a byte-order mark names, if there is one."""
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def open_text(blob: Blob, *, newline: str | None = None) -> io.TextIOWrapper:
    """The blob as text, for formats whose programs write old encodings too.

    UTF-8 where the bytes are UTF-8, also with some damage (U+FFFD stands for it); Windows-1252
    where fewer letters make sense as UTF-8 than do not. `newline` as for `open`.
    """
    encoding = encoding_by_mark(blob.head()) or _encoding_of(blob)
    return io.TextIOWrapper(blob.open(), encoding, "replace", newline)


def lines_of(blob: Blob) -> Iterator[tuple[int, str]]:
    """The lines of the text without their ends, numbered from 1."""
    number = 0
    with open_text(blob) as stream:
        while line := stream.readline(MAX_LINE):
            number += 1
            yield number, line.rstrip("\n").removeprefix("\ufeff")


def page_text(blob: Blob) -> str:
    """The whole text, UTF-8 or by its byte-order mark.

    Bytes that end within a character are a page that was cut, and end with U+FFFD.

    Raises:
        InvalidInput: the bytes are no such text; the message names the first wrong byte.
    """
    data = blob.read(MAX_PAGE)
    encoding = encoding_by_mark(data) or "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.end == len(data):
            return data.decode(encoding, "replace")  # the mark makes the last record end badly
        raise InvalidInput(
            f"{blob.name} is not valid {encoding.removesuffix('-sig').upper()}: byte"
            f" {error.start:,} (0x{data[error.start]:02x}) cannot be read. Save the page as UTF-8"
            " text and try again."
        ) from error


def ends_well(text: str) -> bool:
    """Whether the text ends as abstracts do: with a sentence, a bracket or an address."""
    return _ENDS_WELL.search(text[-400:]) is not None


def refuse_empty(blob: Blob, items: Sequence[Record | Rejection]) -> Iterator[Record | Rejection]:
    """The items, if there is a paper among them.

    Raises:
        InvalidInput: there is none.
    """
    if not any(isinstance(item, Record) for item in items):
        rejected = next((item for item in items if isinstance(item, Rejection)), None)
        reason = f" ({rejected.locator}: {rejected.reason})" if rejected else ""
        raise InvalidInput(f"{blob.name} holds no whole paper{reason}. Copy the whole page again.")
    return iter(items)


def _encoding_of(blob: Blob) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    n_good = n_bad = 0
    with blob.open() as stream:
        while block := stream.read(1 << 20):
            text = decoder.decode(block)
            if not text.isascii():
                n_bad += (wrong := text.count("\ufffd"))
                n_good += sum(1 for c in text if c > "\x7f") - wrong
    return "utf-8" if n_good >= n_bad else "cp1252"
