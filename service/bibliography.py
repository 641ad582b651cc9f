"""Papers as references: BibTeX, RIS, CSL-JSON, and a line of text.

Papers come as the plain values of a `PaperCard`, as they are stored with an answer.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from service.inert import visible

Card = Mapping[str, Any]

_NO_KEY = re.compile(r"[^a-z0-9]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TEX = str.maketrans(
    {
        "\\": "{\\textbackslash}",
        "{": "{\\textbraceleft}",
        "}": "{\\textbraceright}",
        "~": "{\\textasciitilde}",
        "^": "{\\textasciicircum}",
        **{sign: f"\\{sign}" for sign in "&%$#_"},
    }
)


def bibtex(papers: Sequence[Card]) -> str:
    """An entry a paper; keys are author, year and a word of the title, told apart by letters."""
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.model import Block, Entry, Field

    entries: list[Block] = []
    taken: set[str] = set()
    for paper in papers:
        key = _key(paper, taken)
        fields = [Field(name, f"{{{value}}}") for name, value in _bibtex_fields(paper)]
        kind = "article" if paper["venue"] else "misc"
        entries.append(Entry(kind, key, fields))
    text: str = write_string(Library(entries), unparse_stack=[])
    return text


def _bibtex_fields(paper: Card) -> list[tuple[str, str]]:
    authors = " and ".join(_bibtex_name(name) for name in paper["authors"])
    fields = [
        ("title", f"{{{_tex(paper['title'])}}}"),
        ("author", authors),
        ("year", str(paper["year"] or "")),
        ("journal", _tex(paper["venue"] or "")),
        ("doi", _tex(paper["doi"] or "")),
        ("eprint", _tex(paper["arxiv_id"] or "")),
        ("archiveprefix", "arXiv" if paper["arxiv_id"] else ""),
        ("url", _tex(paper["url"] or "")),
    ]
    return [(name, value) for name, value in fields if value]


def _bibtex_name(name: str) -> str:
    """A name as BibTeX takes it; one with "and" or many commas is kept whole by braces."""
    plain = _tex(name)
    is_odd = re.search(r"\band\b", plain, re.IGNORECASE) or plain.count(",") > 1
    return f"{{{plain}}}" if is_odd else plain


def _tex(text: str) -> str:
    return _line(text).translate(_TEX)


def _key(paper: Card, taken: set[str]) -> str:
    names = paper["authors"][0].split() if paper["authors"] else []
    author = _ascii(names[-1]) if names else "anonymous"
    words = [w for w in map(_ascii, paper["title"].split()) if len(w) > 3]
    key = base = f"{author[:30]}{paper['year'] or ''}{words[0][:30] if words else ''}" or "paper"
    n = 0
    while key in taken:
        n += 1
        key = f"{base}-{n}"
    taken.add(key)
    return key


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NO_KEY.sub("", plain.casefold())


def ris(papers: Sequence[Card]) -> str:
    """A record a paper, in the tagged lines of RIS."""
    return "\r\n".join(line for paper in papers for line in [*_ris_lines(paper), ""])


def _ris_lines(paper: Card) -> list[str]:
    values = [
        ("TI", paper["title"]),
        *(("AU", _inverted(name)) for name in paper["authors"]),
        ("PY", str(paper["year"] or "")),
        ("JO", paper["venue"] or ""),
        ("DO", paper["doi"] or ""),
        ("UR", paper["url"] or ""),
        ("AN", f"arXiv:{paper['arxiv_id']}" if paper["arxiv_id"] else ""),
    ]
    kind = "JOUR" if paper["venue"] else "GEN"
    told = [f"{tag}  - {_line(value)}" for tag, value in values if _line(value)]
    return [f"TY  - {kind}", *told, "ER  - "]


def _inverted(name: str) -> str:
    """ "Ada Lovelace" as "Lovelace, Ada", which RIS asks for."""
    words = name.split()
    return name if "," in name or len(words) < 2 else f"{words[-1]}, {' '.join(words[:-1])}"


def csl_json(papers: Sequence[Card]) -> str:
    """The papers as an array of CSL items."""
    return orjson.dumps([_csl(paper) for paper in papers], option=orjson.OPT_INDENT_2).decode()


def _csl(paper: Card) -> dict[str, Any]:
    item = {
        "id": paper["id"],
        "type": "article-journal" if paper["venue"] else "article",
        "title": _line(paper["title"]),
        "author": [_csl_name(name) for name in paper["authors"]],
        "issued": {"date-parts": [[paper["year"]]]} if paper["year"] else None,
        "container-title": _line(paper["venue"] or ""),
        "DOI": _line(paper["doi"] or ""),
        "URL": _line(paper["url"] or ""),
        "number": f"arXiv:{paper['arxiv_id']}" if paper["arxiv_id"] else "",
    }
    return {name: value for name, value in item.items() if value}


def _csl_name(name: str) -> dict[str, str]:
    family, _, given = (part.strip() for part in _inverted(_line(name)).partition(","))
    return {"family": family, "given": given} if given else {"literal": family or name}


def plain_reference(paper: Card) -> str:
    """One line: authors (year). Title. Venue. Address."""
    by = ", ".join(paper["authors"])
    year = f"({paper['year']})" if paper["year"] else ""
    facts = [" ".join(f for f in (by, year) if f), paper["title"], paper["venue"], paper["url"]]
    return ". ".join(_line(fact) for fact in facts if fact)


def _line(text: str) -> str:
    """Text on one line, without characters that break or turn lines."""
    return " ".join(_CONTROL.sub(" ", visible(text)).split())
