"""Excel workbooks (.xlsx): the rows of their sheets, as text."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping

from lxml import etree

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import MAX_WHOLE, Blob, limited_member
from ingest.sources.markup import Element, local_name
from ingest.sources.tables import Row, read_rows

MAX_COLUMNS = 16_384  # Excel's own limit
_SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
_REFERENCE = re.compile(r"([A-Z]{1,3})\d+")


def read_workbook(blob: Blob, field_map: Mapping[str, str]) -> Iterator[Record | Rejection]:
    """The papers in every sheet that has a header with a title or abstract.

    Raises:
        InvalidInput: the file is no workbook, or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(blob.read())) as book:
            if sum(part.file_size for part in book.infolist()) > MAX_WHOLE:
                raise InvalidInput(
                    f"{blob.name} unpacks to more than {MAX_WHOLE >> 20} MB. Save its table as CSV."
                )
            sheets = {name: int(m[1]) for name in book.namelist() if (m := _SHEET.fullmatch(name))}
            if not sheets:
                raise InvalidInput(
                    f"{blob.name} is an archive or Office file, but no workbook. Unpack it, or save"
                    " its table as CSV or XLSX."
                )
            strings = list(_shared_strings(book, blob.name))
            for name in sorted(sheets, key=sheets.__getitem__):
                yield from read_rows(_rows(book, name, strings, blob.name), field_map)
    except (zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, NotImplementedError) as error:
        raise InvalidInput(
            f"{blob.name} is a damaged workbook ({str(error)[:100]}). Save it again, or as CSV."
        ) from error


def _shared_strings(book: zipfile.ZipFile, name: str) -> Iterator[str]:
    """The strings that cells refer to by number."""
    if "xl/sharedStrings.xml" in book.namelist():
        for element in _elements(book, "xl/sharedStrings.xml", "si", name):
            yield _text(element)


def _rows(book: zipfile.ZipFile, sheet: str, strings: list[str], name: str) -> Iterator[Row]:
    for number, row in enumerate(_elements(book, sheet, "row", name), start=1):
        cells: list[str] = []
        for cell in row:
            index = _column(cell.get("r", ""), len(cells))
            if len(cells) <= index < MAX_COLUMNS:
                cells.extend([""] * (index - len(cells)))
                cells.append(_cell(cell, strings))
        locator = f"{sheet.rpartition('/')[2].removesuffix('.xml')}, row {row.get('r', number)}"
        yield Row(cells, locator, "\t".join(cells))


def _elements(book: zipfile.ZipFile, part: str, tag: str, name: str) -> Iterator[Element]:
    with limited_member(book, book.getinfo(part), name) as stream:
        events = etree.iterparse(
            stream, ("end",), resolve_entities=False, no_network=True, load_dtd=False
        )
        for _, element in events:
            if local_name(element) == tag:
                yield element
                element.clear()


def _cell(cell: Element, strings: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _text(cell)
    value = next((child.text or "" for child in cell if local_name(child) == "v"), "")
    if kind != "s":
        return value
    return strings[int(value)] if value.isdecimal() and int(value) < len(strings) else ""


def _text(element: Element) -> str:
    """The runs of a string, without the phonetic guides of East Asian text."""
    return "".join(
        found.text or ""
        for found in element.iter()
        if local_name(found) == "t" and not _is_phonetic(found)
    )


def _is_phonetic(element: Element) -> bool:
    parent = element.getparent()
    return parent is not None and local_name(parent) == "rPh"


def _column(reference: str, default: int) -> int:
    """The column's number from 0: A1 is 0, AB7 is 27."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return default
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - 64
    return number - 1
