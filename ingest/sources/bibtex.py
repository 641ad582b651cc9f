"""BibTeX: entries with strings, cross-references and LaTeX resolved."""

import logging
import re
from collections.abc import Iterator, Mapping

from bibtexparser import model
from bibtexparser.entrypoint import parse_string

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.decode import open_text
from ingest.sources.latex import Latex
from ingest.sources.text import make_record, untag
from ingest.sources.values import (
    arxiv_of,
    flip_name,
    parse_arxiv_id,
    parse_doi,
    parse_pubmed_id,
    parse_url,
    parse_year,
    split_list,
)

# What it cannot parse it logs as a warning; here it becomes a rejection.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)

MAX_FILE = 256 << 20  # characters; the ACL Anthology with all abstracts has 150 MB
_BRACE_OR_AND = re.compile(r"\\.|[{}]|\s+and\s+", re.IGNORECASE)
_PIECE = r"(?:\"[^\"]*\"|\{[^{}]*\}|[\w.:-]+)"
_JOINED = re.compile(rf"{_PIECE}(?:\s*#\s*{_PIECE})+")
_INHERITED = ("journal", "journaltitle", "booktitle", "year", "date")
_VENUES = ("journal", "journaltitle", "booktitle", "school", "institution", "howpublished")
Fields = Mapping[str, str]


def read_bibtex(blob: Blob) -> Iterator[Record | Rejection]:
    """The entries of the file; one that cannot be read is rejected alone.

    An entry takes venue and year, never title or abstract, from the one that its `crossref`
    names.

    Raises:
        InvalidInput: the file is too large to be read as a whole.
    """
    with open_text(blob) as stream:
        text = stream.read(MAX_FILE + 1).removeprefix("\ufeff")
    if len(text) > MAX_FILE:
        raise InvalidInput(f"{blob.name} is larger than {MAX_FILE >> 20} MB. Split it.")
    try:
        library = parse_string(text)
    except (ValueError, IndexError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            f"{blob.name} is too damaged to be read as BibTeX ({error}). Export it again."
        ) from error
    strings = {name.casefold(): str(item.value) for name, item in library.strings_dict.items()}
    entries = [(block, _fields(block, strings)) for block in library.blocks]
    by_key = {_key(block).casefold(): fields for block, fields in entries if fields is not None}
    latex, number = Latex(), 0
    for block, fields in entries:
        if fields is None and not isinstance(block, model.ParsingFailedBlock):
            continue  # a comment, string or preamble
        number += 1
        locator = f"record {number}, line {(block.start_line or 0) + 1}"
        if fields is None:
            reason = "not readable as a BibTeX entry: a brace, quote or comma is missing"
            yield Rejection(locator, reason, block.raw or "")
        else:
            parent = by_key.get(fields.get("crossref", "").casefold(), {})
            inherited = {name: parent[name] for name in _INHERITED if name in parent}
            yield _record(inherited | fields, latex, locator, block.raw or "", _key(block))


def _entry_of(block: model.Block) -> model.Entry | None:
    """The entry in a block, also where its key or one of its fields stands there twice."""
    if isinstance(block, model.Entry):
        return block
    inner = block.ignore_error_block if isinstance(block, model.ParsingFailedBlock) else None
    return inner if isinstance(inner, model.Entry) else None


def _key(block: model.Block) -> str:
    entry = _entry_of(block)
    return entry.key if entry else ""


def _fields(block: model.Block, strings: Fields) -> dict[str, str] | None:
    """The entry's fields under lower-case names, the first where one stands twice; None if none."""
    entry = _entry_of(block)
    if entry is None:
        return None
    fields: dict[str, str] = {}
    for field in entry.fields:
        fields.setdefault(field.key.casefold(), _value(str(field.value), strings))
    return fields


def _value(value: str, strings: Fields) -> str:
    """A value without its quotes or braces, strings and joins (`a # "b"`) resolved."""
    value = value.strip()
    if _JOINED.fullmatch(value):
        return "".join(_value(piece, strings) for piece in re.findall(_PIECE, value))
    if len(value) > 1 and (value[0], value[-1]) in (("{", "}"), ('"', '"')):
        return value[1:-1] if value.count("{") == value.count("}") else value
    return strings.get(value.casefold(), value)


def _record(fields: Fields, latex: Latex, locator: str, raw: str, key: str) -> Record | Rejection:
    def text(*names: str) -> str:
        return next((untag(latex.text(fields[name])) for name in names if fields.get(name)), "")

    url = parse_url(fields.get("url", "")) or parse_url(text("url", "howpublished"))
    doi = parse_doi(fields.get("doi", "").replace("\\", "")) or parse_doi(url)
    return make_record(
        title=text("title"),
        abstract=text("abstract"),
        locator=locator,
        raw=raw,
        key=key,
        authors=_authors(fields.get("author", ""), latex),
        year=parse_year(fields.get("year", "")) or parse_year(fields.get("date", "")),
        venue=text(*_VENUES),
        url=url,
        doi=doi,
        arxiv_id=_arxiv_id(fields) or arxiv_of(url) or arxiv_of(doi),
        pubmed_id=parse_pubmed_id(fields.get("pmid", "")),
        categories=split_list(text("keywords")),
    )


def _arxiv_id(fields: Fields) -> str | None:
    """The eprint, where the entry says that it is arXiv's."""
    says = " ".join(fields.get(name, "") for name in ("archiveprefix", "eprinttype", "journal"))
    eprint = fields.get("eprint", "") or fields.get("journal", "")
    return parse_arxiv_id(eprint) if "arxiv" in says.casefold() else None


def _authors(names: str, latex: Latex) -> list[str]:
    """Names in `Given Family` order; what stands in braces as a whole is one name as it is."""
    parts, depth, start = list[str](), 0, 0
    for match in _BRACE_OR_AND.finditer(names):
        if match[0] in "{}":
            depth += 1 if match[0] == "{" else -1
        elif match[0][0] != "\\" and depth <= 0:
            parts.append(names[start : match.start()])
            start = match.end()
    parts = [part.strip() for part in (*parts, names[start:])]
    return [_name(part, latex) for part in parts if part and part.casefold() != "others"]


def _name(part: str, latex: Latex) -> str:
    is_whole = part.startswith("{") and part.endswith("}") and part.find("}") == len(part) - 1
    text = " ".join(latex.text(part).split())
    return text if is_whole else flip_name(text)
