"""Copied "Daily Papers" pages: titles and abstracts in turn, one line each, among page chrome.

Two layouts are known, with and without blank lines; the second glues buttons to the first title.
"""

import re
from collections.abc import Iterable, Iterator

from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.decode import CUT, ends_well, page_text, refuse_empty
from ingest.sources.text import make_record

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_MARK = re.compile(
    r"^[^\w\n]*(?:get trending papers in your email inbox.*|daily papers"
    r"|by\s?\w+ and the research community)[^\w\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_CHROME = re.compile(
    rf"""new | get\ trending\ papers\ in\ your\ email\ inbox.* | subscribe | submitted\ by.{{0,40}}
    | (?:daily|trending|weekly|monthly)\ papers | by\s?\w+\ and\ the\ research\ community
    | {_MONTH}\ \d{{1,2}}(?:,?\ \d{{4}})? | \d{{1,2}}\ {_MONTH}(?:\ \d{{4}})?
    | published\ on\ {_MONTH}\ \d{{1,2}}.{{0,8}} | [\d.,]+[km]? | \W* | [·•-]?\s?\d+\ authors?
    | previous | next | daily | weekly | monthly | log\ in | sign\ up | hugging\ face | models
    | datasets | spaces | community | docs | enterprise | pricing | tos | privacy | about | careers
    | website | company | system\ theme | view\ all(?:\ papers)? | load\ more | upvote
    | ©.{{0,40}}""",
    re.IGNORECASE | re.VERBOSE,
)
# A button glued to the first title; no English word goes on after it with such a character.
_GLUED = re.compile(r"^Subscribe(?=[^a-z\s.,:;'’-])")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]}]*(?:\s|$)")
_N_LONG = 400  # characters; the longest title among 353 genuine ones has 136
_N_TAIL_WORDS = 5


def is_listing(head: str) -> bool:
    """Whether the text is the start of a "Daily Papers" page."""
    return _MARK.search(head) is not None


def read_listing(blob: Blob) -> Iterator[Record | Rejection]:
    """The papers of the page, in its order.

    Rejected are a title without abstract, an abstract without title, and a last abstract that
    breaks off within a sentence, where the page was cut.

    Raises:
        InvalidInput: nothing on the page is a paper, or its bytes are no text.
    """
    groups = _join_cut_end(list(_grouped(_content(page_text(blob)))))
    items = [_item(n, *group, is_last=n == len(groups)) for n, group in enumerate(groups, start=1)]
    return refuse_empty(blob, items)


def _content(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor chrome, with their numbers from 1."""
    is_first = True
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if is_first:
            line = _GLUED.sub("", line)
        if not _CHROME.fullmatch(line):
            is_first = False
            yield number, line


def _grouped(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, title and paragraphs of each entry; a cut page may lack either."""
    start, title, body = 0, "", list[str]()
    for number, text in lines:
        if _goes_on(text) if body else _is_abstract(text, has_title=bool(title)):
            body.append(text)
            start = start or number
            continue
        if title or body:
            yield start, title, body
        start, title, body = number, text, []
    if title or body:
        yield start, title, body


def _join_cut_end(
    groups: list[tuple[int, str, list[str]]],
) -> list[tuple[int, str, list[str]]]:
    """Two titles at the end are a title and the first words of its abstract."""
    if len(groups) > 1 and not groups[-1][2] and not groups[-2][2]:
        (line, title, _), (_, start, _) = groups[-2:]
        return [*groups[:-2], (line, title, [start])]
    return groups


def _is_abstract(text: str, *, has_title: bool) -> bool:
    """After a title any prose is its abstract; without one only what is too long for a title."""
    if len(text) >= _N_LONG:
        return True
    return (
        has_title
        and len(text.split()) >= 8
        and _SENTENCE_END.search(text) is not None
        and (text.rstrip("\"'”’)").endswith(".") or len(_SENTENCE_END.findall(text)) > 1)
    )


def _goes_on(text: str) -> bool:
    """Whether a line after an abstract is its next paragraph ("Code is at https://…")."""
    is_tail = "://" in text or (text.endswith(".") and len(text.split()) >= _N_TAIL_WORDS)
    return len(text) >= _N_LONG or is_tail


def _item(n: int, line: int, title: str, body: list[str], *, is_last: bool) -> Record | Rejection:
    locator = f"record {n}, line {line}"
    raw = "\n".join([title, *body] if title else body)
    if not title:
        return Rejection(locator, "an abstract without a title: the page is cut before it", raw)
    if is_last and body and not ends_well(body[-1]):
        return Rejection(locator, CUT, raw)
    return make_record(title=title, abstract=" ".join(body), locator=locator, raw=raw)
