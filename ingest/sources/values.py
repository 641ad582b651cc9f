"""Bibliographic values in one form, whatever a source writes: names, years, ids, addresses."""

import re
from html import unescape
from urllib.parse import unquote

MAX_NAME = 300  # characters; what is longer is no name that could be turned around
_SPACES = re.compile(r"[^\S\n]+")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
# A serial item's (ANSI/NISO Z39.56) holds <...>, as in (1990)41:6<391::A>3.0.CO;2-9.
_SICI = r"<[^\s\"<>]+>\d\.\d\.[A-Z]{2};\d(?:-[A-Z0-9#])?"
_DOI = re.compile(rf"10\.\d{{4,9}}/[^\s\"<>]+(?:{_SICI})?", re.IGNORECASE)
_ESCAPED = re.compile(r"%(?:2[389F]|3[ABCE]|5[BD])|&[lg]t;", re.IGNORECASE)  # #()/:;<>[]
_ARXIV_NEW = r"\d{4}\.\d{4,5}"
_ARXIV_OLD = r"[a-z][a-z-]+(?:\.[A-Za-z]{2})?/\d{7}"
_ARXIV = re.compile(rf"(?<![\w./-])({_ARXIV_NEW}|{_ARXIV_OLD})(?:v\d+)?(?![\w/])")
_ARXIV_URL = re.compile(
    rf"arxiv\.org/(?:abs|pdf|html)/({_ARXIV_NEW}|{_ARXIV_OLD})(?!\d)", re.IGNORECASE
)
_ARXIV_DATE = re.compile(r"(?:^|/)(\d\d)(\d\d)")
_ARXIV_PREFIX = re.compile(r"^.*arxiv[:. ]\s*", re.IGNORECASE)
_PMID = re.compile(r"(?:pmid:?\s*)?([1-9]\d{0,8})(?:\.0)?", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_PUBMED_URL = re.compile(r"(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,9})")
_SUFFIX = re.compile(r"(?:Jr|Sr|I{1,3}|IV|Ph\.?D|M\.?D)\.?", re.IGNORECASE)
_INITIALS = re.compile(r"(?:[A-Z]\.?[ -]?){1,4}")
_FAMILY_FIRST = re.compile(r"(.*[a-z].*) ((?:[A-Z]\.?-?){1,4})")
_NAME_NOISE = re.compile(r"\s*\(\d{5,}\)$|[\s,;*]+$|^\W*\bnull\b|,\s*null$|(?<=[a-z]{2})\.$")
_LEADING_AND = re.compile(r"^(?:and|&)\s+", re.IGNORECASE)
_LISTED = re.compile(r"\s*[;|\n]\s*")


def parse_year(value: object) -> int | None:
    """The first year 1500-2099 in a number or a date."""
    if isinstance(value, int):
        return value if 1500 <= value < 2100 else None
    if isinstance(value, float):
        return parse_year(int(value)) if value == value and abs(value) < 1e4 else None
    match = _YEAR.search(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def parse_doi(value: object) -> str | None:
    """The first DOI in the value, without resolver and closing punctuation, in lower case."""
    if not isinstance(value, str):
        return None
    match = _DOI.search(_ESCAPED.sub(lambda found: unescape(unquote(found[0])), value))
    if match is None:
        return None
    doi = match[0].rstrip(".,;:'”")
    for opening, closing in ("()", "[]", "{}"):
        if doi.endswith(closing) and doi.count(opening) < doi.count(closing):
            doi = doi[:-1]
    return doi.casefold()


def parse_arxiv_id(value: object) -> str | None:
    """The arXiv id in an id, DOI or address, without its version."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    match = _ARXIV_URL.search(text) or _ARXIV.search(_ARXIV_PREFIX.sub("", text))
    return match[1] if match else None


def parse_pubmed_id(value: object) -> str | None:
    """The PubMed id in a number, a string of digits or a PubMed address."""
    if isinstance(value, float) and value == value and value < 1e9:
        value = int(value)
    text = str(value).strip() if isinstance(value, int | str) and value is not True else ""
    match = _PMID.fullmatch(text) or _PUBMED_URL.search(text)
    return match[1] if match else None


def parse_url(value: object) -> str | None:
    """The web address that the value starts with."""
    text = value.strip().partition(" ")[0] if isinstance(value, str) else ""
    return text if _URL.fullmatch(text) else None


def arxiv_of(url: str | None) -> str | None:
    """The arXiv id in an arXiv address or DOI."""
    return parse_arxiv_id(url) if url and "arxiv." in url.casefold() else None


def year_of_arxiv(arxiv_id: str | None) -> int | None:
    """The year in which arXiv gave out the id: its first four digits are year and month."""
    match = _ARXIV_DATE.search(arxiv_id) if arxiv_id else None
    if match is None or not 1 <= int(match[2]) <= 12:
        return None
    return (1900 if match[1] >= "91" else 2000) + int(match[1])


def flip_name(name: str) -> str:
    """`Given Family` from `Family, Given` and from `Family GN`; anything else as it is.

    Identity compares an author's last word, so that one order must hold for all sources.
    """
    is_plain = name[:1].isupper() and name[-1:].islower() and "," not in name
    if is_plain or len(name) > MAX_NAME:  # nearly all names, and they come by the million
        return name.strip()
    name = _NAME_NOISE.sub("", _LEADING_AND.sub("", name.strip()))
    family, comma, given = name.partition(",")
    family, given = family.strip(), given.strip()
    if not comma:
        match = _FAMILY_FIRST.fullmatch(family)
        return f"{match[2]} {match[1]}" if match else family
    if not family or not given:
        return family or given
    if "," in given:  # Family, Jr, Given
        suffix, _, first = given.partition(",")
        return f"{first.strip()} {family} {suffix.strip()}".strip()
    return f"{family} {given}" if _SUFFIX.fullmatch(given) else f"{given} {family}"


def split_list(text: str) -> list[str]:
    """Keywords from one string: parted by semicolons, bars or line breaks, else by commas."""
    parts = _LISTED.split(text)
    parts = parts if len(parts) > 1 else text.split(", " if ", " in text else ",")
    return [part for part in parts if part and part.casefold() != "n/a"]


def split_authors(text: str) -> list[str]:
    """Names in `Given Family` order from one string of names.

    Separators are, in this order: line breaks, semicolons, pipes, " and ", commas. A comma parts
    names only where it cannot part a family name from its given names.
    """
    text = _SPACES.sub(" ", text)
    for separator in (r"\n", r";", r"\|"):
        if re.search(separator, text.strip(" ;|\n")):
            return [name for part in re.split(separator, text) if (name := flip_name(part))]
    parts = [part for part in re.split(r",?\s+(?:and|&)\s+", text.strip()) if part.strip()]
    if len(parts) > 1 and not any("," in part for part in parts[1:]):
        return _split_commas(parts[0]) + [flip_name(part) for part in parts[1:]]
    if len(parts) > 1:
        return [flip_name(part) for part in parts]
    return [name for part in parts for name in _split_commas(part)]


def _split_commas(text: str) -> list[str]:
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    if len(pieces) % 2 == 0 and all(_INITIALS.fullmatch(piece) for piece in pieces[1::2]):
        return [f"{given} {family}" for family, given in zip(*[iter(pieces)] * 2, strict=True)]
    if len(pieces) == 2 and " " not in pieces[0]:  # one name, "Comaromi, John"
        return [flip_name(text)]
    if len(pieces) == 3 and _SUFFIX.fullmatch(pieces[1]):  # "King, Jr., Martin"
        return [flip_name(text)]
    return [flip_name(piece) for piece in pieces]
