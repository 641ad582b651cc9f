"""The formats that can be read, and how a file's first bytes tell which one it is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.atom import is_atom, read_atom
from ingest.sources.blobs import N_HEAD, Blob
from ingest.sources.decode import encoding_by_mark
from ingest.sources.json_records import read_json, read_json_lines
from ingest.sources.listing import is_listing, read_listing
from ingest.sources.markdown import is_markdown, read_markdown
from ingest.sources.oai import is_oai, read_oai
from ingest.sources.pubmed import is_pubmed, read_pubmed
from ingest.sources.result_page import is_result_page, read_result_page
from ingest.sources.tables import is_table, read_table
from ingest.sources.tagged import ISI, MEDLINE, REFER, RIS, read_tagged
from ingest.sources.xlsx import read_workbook

FieldMap = Mapping[str, str]
Items = Iterator[Record | Rejection]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name for users, the test on a text's start, and the reader.

    Both take a field map (our field's name to the source's), which only the formats whose fields
    have no fixed names look at.
    """

    name: str
    matches: Callable[[str, FieldMap], bool]
    read: Callable[[Blob, FieldMap], Items]


def _fixed(name: str, matches: Callable[[str], bool], read: Callable[[Blob], Items]) -> Format:
    """A format whose field names are fixed."""
    return Format(name, lambda head, _: matches(head), lambda blob, _: read(blob))


def _begins(pattern: str) -> Callable[[str], bool]:
    """Whether a line of the text begins with the pattern."""
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda head: compiled.search(head) is not None


def _read_bibtex(blob: Blob) -> Items:
    from ingest.sources.bibtex import read_bibtex  # its parsers take 0.2 s to import

    return read_bibtex(blob)


def _is_json_lines(head: str, _: FieldMap) -> bool:
    """Two objects on two lines, or a first line that is an object and ends the file."""
    first, newline, rest = head.lstrip().partition("\n")
    if not first.startswith("{"):
        return False
    if not newline:  # one line longer than the head can be either; only lines stay in memory
        return len(head) > N_HEAD // 8 and not _WRAPPED.match(first)
    return first.rstrip().endswith("}") and rest.lstrip()[:1] == "{"


def _is_json(head: str, _: FieldMap) -> bool:
    return re.match(r"\s*(?:\[\s*(?:[\[{\"\]]|null)|\{\s*[\"}])", head) is not None


# An object whose first keys are not those of a record but of a service's answer.
_WRAPPED = re.compile(
    r"\{\s*\"(?:status|message|meta|results|total|offset|data|items|papers|records|recommendedPapers"
    r"|next|token|count)\""
)
_BIBTEX = (
    r"(?i)^[ \t]*@[ \t]*(?:article|book|booklet|conference|inbook|incollection|inproceedings|manual"
    r"|mastersthesis|masterthesis|phdthesis|thesis|misc|proceedings|collection|techreport|report"
    r"|unpublished|online|electronic|www|dataset|software|patent|standard|periodical|suppbook"
    r"|string|preamble|comment)\s*[{(]"
)
# The stricter test stands first.
FORMATS: tuple[Format, ...] = (
    _fixed("PubMed XML", is_pubmed, read_pubmed),
    _fixed("OAI-PMH", is_oai, read_oai),
    _fixed("Atom feed", is_atom, read_atom),
    Format("JSON Lines", _is_json_lines, read_json_lines),
    Format("JSON", _is_json, read_json),
    _fixed("MEDLINE", _begins(r"^PMID ?-"), lambda blob: read_tagged(blob, MEDLINE)),
    _fixed("RIS", _begins(r"^\ufeff?TY {1,2}- "), lambda blob: read_tagged(blob, RIS)),
    _fixed(
        "ISI", _begins(r"^\ufeff?(?:FN .*\r?\nVR|PT [A-Z]$)"), lambda blob: read_tagged(blob, ISI)
    ),
    _fixed("EndNote refer", _begins(r"^%0 \w"), lambda blob: read_tagged(blob, REFER)),
    _fixed("BibTeX", _begins(_BIBTEX), _read_bibtex),
    _fixed("Daily Papers page", is_listing, read_listing),
    _fixed("public-access result page", is_result_page, read_result_page),
    _fixed("Markdown", is_markdown, read_markdown),
    Format("CSV or TSV", is_table, read_table),
)
WORKBOOK = Format("Excel workbook", lambda head, _: False, read_workbook)  # told by its bytes
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
    (b"\xd0\xcf\x11\xe0", "an old Office file: save it as CSV or XLSX"),
    (b"SQLite format 3", "a database"),
)


def sniff(head: bytes, field_map: FieldMap | None = None) -> Format:
    """The format of a file that starts with these bytes, by content alone.

    Raises:
        InvalidInput: the file is empty, binary, or of no known format; the message completes the
            sentence "<file> is ...".
    """
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InvalidInput("empty. Check that the export or download was complete")
    if head.startswith(b"PK\x03\x04"):
        return WORKBOOK
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise InvalidInput(f"{what}. {_known()}")
    encoding = encoding_by_mark(head)
    if encoding is None and b"\0" in head:
        raise InvalidInput(f"binary. {_known()}")
    text = head.decode(encoding or "utf-8", "replace").removeprefix("\ufeff")
    for known in FORMATS:
        if known.matches(text, field_map or {}):
            return known
    if re.match(r"\s*<(?:!doctype html|html)", text, re.IGNORECASE):
        raise InvalidInput(
            "a saved web page (HTML). Open it in a browser, copy all its text, and save that as a"
            f" text file. {_known()}"
        )
    raise InvalidInput(f"of no known format. {_known()}")


def _known() -> str:
    names = ", ".join(known.name for known in (*FORMATS, WORKBOOK))
    return f"Known formats are: {names}; each also in .gz or .zip"
