"""Copied result pages of public-access repositories: one bullet an abstract, among notices."""

import re
from collections.abc import Iterator

from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.decode import CUT, ends_well, page_text, refuse_empty
from ingest.sources.hyphens import dehyphenate, whole_words
from ingest.sources.text import make_record
from ingest.sources.values import parse_doi, parse_url

_NOTICE = r"free,? publicly[- ]accessible full text available(?:\s+[A-Z][a-z]+ \d{1,2}, \d{4})?"
_MORE_LESS = r"more\s*»\s*«\s*less"
_MARK = re.compile(rf"{_MORE_LESS}|{_NOTICE}", re.IGNORECASE)
_CHROME = re.compile(
    r"""an\ official\ website\ of\ the\ united\ states\ government | full\ text\ available
    | what\ is\ a\ doi\ number\? | note:\ when\ clicking\ on\ a\ digital\ object\ identifier.*
    | some\ full\ text\ articles\ may\ not\ yet\ be\ available.*
    | some\ links\ on\ this\ page\ may\ take\ you\ to\ non-federal.*
    | (?:award\ id\(s\)|sponsoring\ org\.?|publication\ date|(?:nsf-)?par\ id|editor\(s\)
    |   date\ published|journal\ name|medium|accepted\ manuscript)\b.* | \W*""",
    re.IGNORECASE | re.VERBOSE,
)
_BULLET = re.compile(r"\s*[-•*–]\s*")
_N_PROSE_WORDS = 25  # an abstract has more, a title or a line of authors fewer


def is_result_page(head: str) -> bool:
    """Whether the text is the start of a result page."""
    return _MARK.search(head) is not None


def read_result_page(blob: Blob) -> Iterator[Record | Rejection]:
    """The abstracts of the page, in its order; bullets that hold only notices are passed over.

    Untitled ones get a label. Words broken at line ends are joined (see `hyphens`); a first word
    that the page itself cut stays cut. A last abstract without the page's own end mark that
    breaks off within a sentence is rejected.

    Raises:
        InvalidInput: nothing on the page is an abstract, or its bytes are no text.
    """
    text = page_text(blob)
    words = whole_words(text)
    blocks = [(line, block) for line, block in _blocks(text) if _content(block)]
    items = [
        _item(n, line, block, words, is_last=n == len(blocks))
        for n, (line, block) in enumerate(blocks, start=1)
    ]
    return refuse_empty(blob, items)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """What stands between two bullets, with the number of its first line."""
    start, block = 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if _BULLET.fullmatch(line):
            yield start, "\n".join(block)
            start, block = number + 1, []
        else:
            block.append(line)
    yield start, "\n".join(block)


def _content(block: str) -> list[str]:
    """The lines of a block without notices and chrome."""
    lines = (line.strip() for line in _MARK.sub("\n", block).split("\n"))
    return [line for line in lines if not _CHROME.fullmatch(line)]


def _item(
    n: int, line: int, block: str, words: frozenset[str], *, is_last: bool
) -> Record | Rejection:
    locator = f"record {n}, line {line}"
    lines = _content(block)
    body = [text for text in lines if len(text.split()) >= _N_PROSE_WORDS]
    facts = lines[: lines.index(body[0])] if body else lines
    # A short line after the abstract that is no sentence is a piece of chrome, cut or unknown.
    body = [text for text in lines[len(facts) :] if text in body or ends_well(text)]
    is_cut = (
        is_last and not re.search(_MORE_LESS, block) and not ends_well(body[-1] if body else "")
    )
    if is_cut:
        return Rejection(locator, CUT, block)
    title = next((fact for fact in facts if not parse_doi(fact) and not parse_url(fact)), None)
    return make_record(
        title=title,
        abstract=dehyphenate(" ".join(body), words),
        doi=next(filter(None, map(parse_doi, facts)), None),
        locator=locator,
        raw=block,
    )
