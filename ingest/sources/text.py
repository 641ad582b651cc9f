"""Text clean-up shared by all formats, and the one place where a record is made.

What a source gives is changed as little as possible, because answers quote it: white space is
collapsed, known markup is taken off, and the two kinds of repair below are safe by construction.
"""

import html
import re
from collections.abc import Sequence
from unicodedata import is_normalized

from ingest.papers import Paper, Record, Rejection, clean
from ingest.sources.values import year_of_arxiv

N_LABEL_WORDS = 9  # about as long as a short title
# Only tags that publishers use inside titles and abstracts: "x<y and y>z" is not a tag.
_TAG = re.compile(
    r"</?(?:jats:|mml:|ns\d+:)?(?:i|b|u|em|strong|sub|sup|inf|sc|italic|bold|underline|p|br|div|span"
    r"|title|sec|list|list-item|label|xref|ext-link|math|m[a-z]+|tex-math|inline-formula"
    r"|alternatives|abstract|scp|monospace|roman|h[1-6]|ul|ol|li|a|named-content)\b[^<>]{0,300}/?>",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"</?(?:jats:)?(?:p|br|div|sec|title|list|list-item|li|h[1-6])\b", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# What exports write where an abstract is missing.
_NOTHING = re.compile(
    r"\W*(?:(?:there is )?no abstract(?: is)?(?: available| provided| found)?"
    r"|(?:abstract )?not available|n/?a|null|none|nan|abstract)?\W*",
    re.IGNORECASE,
)
# "Abstract" in front of an abstract, where a heading lost its mark-up. The exceptions are terms
# that an abstract may begin with.
_HEADING = re.compile(
    r"(?i:abstract|summary)\s*[:.—–-]+\s+(?=\S)"
    r"|A(?:bstract|BSTRACT) (?!Interp|Argum|Mean|Synta|Algebr|Dialec|State|Data|Wiener)(?=[A-Z])"
)
_HIGH = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"  # what bytes 0x80-0xBF look like when misread
_MISREAD = re.compile(f"(?:[ÂÃÎÏ][{_HIGH}]|â[{_HIGH}]{{2}})+|â€(?![{_HIGH}\\w])")
_COPYRIGHT_MARKS = ("©", "(c)", "(C)", "Copyright", "All rights reserved")
_DATABASE = re.compile(r"\s*\(Psyc\w+ Database Record \(c\)[^()]*\)")
_COPYRIGHT = re.compile(
    r"\s*(?:(?:Copyright\s*)?(?:©|\([cC]\))\s*(?:Copyright\s*)?(?:by\s)?[^.©]{0,80}(?:19|20)\d\d\b"
    r"|Copyright (?:19|20)\d\d\b|Copyright of .{2,200} is the property of "
    r"|(?:19|20)\d\d Elsevier\b.{0,40}All rights reserved).{0,600}$",
    re.DOTALL,
)


def squash(text: str) -> str:
    """The text cleaned, every run of white space made one space."""
    if not text.isascii():
        text = _decode_again(text)
    if text.isprintable() and "  " not in text and is_normalized("NFC", text):
        return text.strip()  # nothing to clean, which is seen much faster than it is done
    return " ".join(clean(text).split())


def _decode_again(text: str) -> str:
    """Text that some program took for Latin-1 or Windows-1252 although it was UTF-8, set right.

    "JosÃ©" and "donâ€™t" are such. Either the whole text fits, or pairs and triples of letters do
    that no language writes.
    """
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return _MISREAD.sub(_reread, text)


def _reread(misread: re.Match[str]) -> str:
    if misread[0] == "â€":  # Windows-1252 has no third character for a closing quotation mark
        return "”"
    try:
        return b"".join(
            char.encode("latin-1" if char < "\u0100" else "cp1252") for char in misread[0]
        ).decode("utf-8")
    except UnicodeError:
        return misread[0]


def unsign(abstract: str) -> str:
    """The abstract without a heading that says "Abstract" and without its copyright notice.

    Publishers and databases put the notice at the end; only the end is searched.
    """
    if abstract[:1] in "AaSs" and (heading := _HEADING.match(abstract)):
        abstract = abstract[heading.end() :]
    if "Database Record" in abstract:
        abstract = _DATABASE.sub("", abstract)
    tail = abstract[-700:]
    if not any(mark in tail for mark in _COPYRIGHT_MARKS):  # much faster than the pattern
        return abstract
    notice = _COPYRIGHT.search(abstract, max(len(abstract) - 700, 80))
    return abstract[: notice.start()].rstrip() if notice else abstract


def untag(text: str) -> str:
    """The text without the mark-up that publishers put into titles and abstracts.

    Entities are resolved twice at most, since some exports escape them twice.
    """
    for _ in range(2):
        if "&" not in text or not _ENTITY.search(text):
            break
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if "<" not in text:
        return text
    return _TAG.sub(lambda tag: " " if _BLOCK.match(tag[0]) else "", text)


def label(abstract: str) -> str:
    """A name for an untitled paper: its first words, quoted, so that nobody takes it for a title.

    An abstract that starts in the middle of a word or sentence is quoted as it is, after an
    ellipsis.
    """
    words = abstract.split(" ")
    start = "…" if abstract[:1].islower() else ""
    end = " …" if len(words) > N_LABEL_WORDS else ""
    return f"Untitled: “{start}{' '.join(words[:N_LABEL_WORDS])}{end}”"


def is_missing(abstract: str) -> bool:
    """Whether the text is empty or one of the phrases that stand for "there is no abstract"."""
    return len(abstract) < 80 and _NOTHING.fullmatch(abstract) is not None


def make_record(
    *,
    title: str | None,
    abstract: str | None,
    locator: str,
    raw: str,
    key: str | None = None,
    authors: Sequence[str] = (),
    year: int | None = None,
    venue: str | None = None,
    url: str | None = None,
    doi: str | None = None,
    arxiv_id: str | None = None,
    pubmed_id: str | None = None,
    openalex_id: str | None = None,
    s2_id: str | None = None,
    categories: Sequence[str] = (),
    is_summary: bool = False,
) -> Record | Rejection:
    """The record, its texts squashed; or the reason why it cannot be taken.

    Ids, year and authors are expected in the forms that `values` gives.
    """
    title, abstract = squash(title or ""), unsign(squash(abstract or ""))
    if is_missing(abstract):
        name = f" of “{title[:120]}”" if title else ""
        return Rejection(locator, f"no abstract{name}", raw)
    paper = Paper(
        title=title or label(abstract),
        abstract=abstract,
        authors=tuple(name for name in map(squash, authors) if name),
        year=year or year_of_arxiv(arxiv_id),
        venue=squash(venue) or None if venue else None,
        url=squash(url) if url else None,
        doi=squash(doi) if doi else None,
        arxiv_id=arxiv_id,
        pubmed_id=pubmed_id,
        openalex_id=openalex_id,
        s2_id=squash(s2_id) or None if s2_id else None,
        categories=tuple(name for name in map(squash, categories) if name),
        is_title_derived=not title,
        is_summary=is_summary,
    )
    return Record(paper=paper, locator=locator, raw=raw, key=squash(key) or None if key else None)
