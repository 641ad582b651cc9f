"""Papers and their identity: what makes two records the same paper."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields

_NO_WORD = re.compile(r"[\W_]+")
_ARXIV_VERSION = re.compile(r"v\d+$")
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(\S+)", re.IGNORECASE)
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean(text: str) -> str:
    """The text in NFC without control characters and lone surrogates, ends stripped.

    Neither SQLite nor Chroma nor a browser takes those characters; nothing else is changed, so
    that a quote of the result is a quote of the paper.
    """
    return unicodedata.normalize("NFC", _UNSAFE.sub("", text)).strip()


def digest(*parts: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 over the parts, their borders included."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def normalised(title: str) -> str:
    """A title reduced to lower-case words without accents, for comparing titles."""
    if not title.isascii():  # seven times dearer
        decomposed = unicodedata.normalize("NFKD", title)
        title = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _NO_WORD.sub(" ", title.casefold()).strip()


def arxiv_key(arxiv_id: str) -> str:
    """The identity that an arXiv id names, whatever version it shows."""
    return f"arxiv:{_ARXIV_VERSION.sub('', arxiv_id.casefold().removeprefix('arxiv:'))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper: an abstract with its bibliographic facts. Texts have passed `clean`.

    `arxiv_id` carries no version. `is_title_derived` says that the source gave no title and
    `title` is a label made from the abstract's first words; `is_summary` says that `abstract`
    was written by us and is not the authors'.
    """

    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    venue: str | None = None
    url: str | None = None
    doi: str | None = None
    arxiv_id: str | None = None
    pubmed_id: str | None = None
    openalex_id: str | None = None
    s2_id: str | None = None
    categories: tuple[str, ...] = ()
    is_title_derived: bool = False
    is_summary: bool = False

    @property
    def revision(self) -> str:
        """A hash over every field: two papers of the same revision are the same bytes."""
        return digest(*(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)))

    def strong_keys(self) -> Iterator[str]:
        """Keys of identifiers that somebody gave out, strongest first; none may be known."""
        arxiv_id = self.arxiv_id
        if self.doi:
            yield f"doi:{self.doi.casefold()}"
            if found := _ARXIV_DOI.fullmatch(self.doi):
                arxiv_id = arxiv_id or found[1]
        if arxiv_id:
            yield arxiv_key(arxiv_id)
        if self.pubmed_id:
            yield f"pubmed:{self.pubmed_id}"
        if self.openalex_id:
            yield f"openalex:{self.openalex_id.casefold()}"
        if self.s2_id:
            yield f"s2:{self.s2_id.casefold()}"

    def identities(self) -> Iterator[str]:
        """Keys that name this paper, strongest first.

        The last is always there: the title with the first author's last name and the year where
        they are known, else, for untitled papers, the abstract itself.
        """
        yield from self.strong_keys()
        title = normalised(self.title)
        if self.is_title_derived or not title:
            yield f"text:{digest(normalised(self.abstract))}"
        else:
            yield f"title:{title}|{self.first_author}|{self.year or ''}"

    @property
    def first_author(self) -> str:
        """The first author's last name, normalised; empty where unknown."""
        return normalised(self.authors[0].split()[-1]) if self.authors else ""


@dataclass(frozen=True, slots=True)
class Record:
    """A paper as one source gave it.

    `locator` says where in the source it stood ("record 12", "line 40"), `key` is the source's
    own name for it if it has one (a BEIR document id, a BibTeX key), `raw` the text as received.
    """

    paper: Paper
    locator: str
    raw: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not be taken, with the reason in words for the person who sent it."""

    locator: str
    reason: str
    raw: str = ""
