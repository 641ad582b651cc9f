"""Papers and their identity: what makes two records the same paper."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

_NO_WORD = re.compile(r"[\W_]+")
_ARXIV_VERSION = re.compile(r"v\d+$")
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
    decomposed = unicodedata.normalize("NFKD", title)
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _NO_WORD.sub(" ", letters.casefold()).strip()


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

    def identities(self) -> Iterator[str]:
        """Keys that name this paper, strongest first; two records sharing one are one paper.

        The last is always there: the title with the first author's last name and the year where
        they are known, else, for untitled papers, the abstract itself.
        """
        if self.doi:
            yield f"doi:{self.doi.casefold()}"
        if self.arxiv_id:
            yield f"arxiv:{_ARXIV_VERSION.sub('', self.arxiv_id.casefold())}"
        if self.pubmed_id:
            yield f"pubmed:{self.pubmed_id}"
        if self.openalex_id:
            yield f"openalex:{self.openalex_id.casefold()}"
        if self.s2_id:
            yield f"s2:{self.s2_id.casefold()}"
        title = normalised(self.title)
        if self.is_title_derived or not title:
            yield f"text:{digest(normalised(self.abstract))}"
        else:
            author = normalised(self.authors[0].split()[-1]) if self.authors else ""
            yield f"title:{title}|{author}|{self.year or ''}"


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


def merge(papers: Sequence[Paper]) -> Paper:
    """One paper out of what several records say of it, whatever order they come in.

    Each field is taken from the best record that has it: an authors' abstract before a summary
    of ours, a real title before a derived one, then the longer abstract; the rest is settled by
    the revision, so that the result depends on nothing else.
    """

    def rank(paper: Paper) -> tuple[bool, bool, int, str]:
        return paper.is_summary, paper.is_title_derived, -len(paper.abstract), paper.revision

    best, *others = sorted(papers, key=rank)
    filled = {
        f.name: getattr(other, f.name)
        for other in reversed(others)
        for f in fields(Paper)
        if getattr(best, f.name) in (None, ()) and getattr(other, f.name) not in (None, ())
    }
    return replace(best, **filled)
