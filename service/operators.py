"""Questions as they are meant: what they ask for, without how they ask, and filters named in them.

"Are there any papers on late interaction since 2022" searches for "late interaction" among papers
of 2022 and later. What was read as a filter is told, so that a reader can take it back.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from service.filters import Facets, Filters, plain

Kind = Literal["year", "author", "venue", "phrase"]

_YEAR = r"(?P<{}>(?:19|20)\d\d)"
_YEARS = [
    (re.compile(rf"\b{before}{_YEAR.format('a')}{between}", re.IGNORECASE), low, high)
    for before, between, low, high in (
        (r"(?:from|between)\s", rf"\s(?:to|and|until|-|–)\s{_YEAR.format('b')}\b", 0, 0),
        (r"since\s", r"\b", 0, None),
        (r"(?:after|later\sthan|newer\sthan)\s", r"\b", 1, None),
        (r"(?:before|prior\sto|older\sthan|earlier\sthan)\s", r"\b", None, -1),
        (r"(?:until|up\sto)\s", r"\b", None, 0),
        (r"(?:published|appeared|written|papers?|studies|work)\s(?:in|from|of)\s", r"\b", 0, 0),
    )
]
# A year in a claim ("mortality has fallen since 1990") is what it is about. It limits the papers
# only where papers are spoken of, or a question or bare words end with it.
_ABOUT_PAPERS = re.compile(
    r"\b(?:papers?|stud(?:y|ies)|publications?|published|articles?|literature|works?|research"
    r"|proposed|introduced|methods?|approaches|advances|progress)\b",
    re.IGNORECASE,
)
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|does|do|did|can|will)\b", re.IGNORECASE)
_PHRASE = re.compile(r"[\"“„«](?P<phrase>[^\"”“»]{3,120})[\"”“»]")
_AUTHOR = re.compile(
    r"\b(?:written\s|authored\s|published\s|proposed\s|introduced\s)?by\s"
    r"(?P<name>(?:[^\W\d_a-z][\w.’'-]*\s){0,3}[^\W\d_a-z][\w’'-]+)(?:\set\sal\.?)?"
)
_VENUE = re.compile(
    r"\b(?:published\s|presented\s)?(?:in|at)\s(?:the\s)?(?P<name>[^\W\d_a-z][^?.,;]*)"
)
_MAX_VENUE_WORDS = 6

_ASKING = re.compile(
    r"""^\W*(?:
      (?:are|is)\sthere\s(?:any\s|an?\s|some\s)?
    | (?:could|can|would|will)\syou\s(?:please\s|kindly\s)?
      (?:recommend|suggest|point\sme\sto|provide|show|direct\sme\sto|list|name|give|find|share
        |help\sme\sfind|tell\sme\sabout)\s(?:me\s|us\s)?(?:any\s|some\s|an?\s|the\s)?
    | (?:please\s)?(?:recommend|suggest|show\sme|find\sme|give\sme|list|find)\s
      (?:any\s|some\s|an?\s|the\s)?
    | (?:what|which)\s(?:are\s|is\s)?(?:some\s|the\s|an?\s|any\s)?
    | (?:i'm|i\sam)\s(?:looking\sfor|seeking|searching\sfor|interested\sin)\s(?:any\s|some\s|an?\s)?
    | where\scan\si\s(?:find|read)\s(?:any\s|some\s|an?\s)?
    | do\syou\s(?:know|have)\s(?:of\s)?(?:any\s|some\s|an?\s)?
    | ha(?:s|ve)\sthere\sbeen\s(?:any\s|some\s|an?\s)?
    )?
    (?:(?:recent|relevant|notable|research|scholarly|academic|scientific|existing|specific|good
        |key|important|seminal)\s)*
    (?:papers?|stud(?:y|ies)|research|works?|literature|articles?|publications?|resources?
        |investigations?)
    (?:\s(?:papers?|articles?|studies|works?|literature))?
    (?:\s(?:that|which|on|of|about|regarding|concerning|into|first|has|have|are|is|was|were|been
        |exploring|investigating|examining|focus(?:ing|ed|es)?\son|proposing|discuss(?:es|ed|ing)?
        |explor(?:es?|ed)|investigat(?:es?|ed)|examin(?:es?|ed)|address(?:es|ed|ing)?
        |propos(?:es?|ed)|introduc(?:es?|ed|ing)|deal(?:s|ing|t)?\swith|available))*\s+""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Operator:
    """A filter read out of a question: `text` are the words of it, `value` what they stand for."""

    kind: Kind
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question taken apart: the words to search for, and the filters it names."""

    text: str
    filters: Filters = field(default_factory=Filters)
    operators: tuple[Operator, ...] = ()


def read(question: str, facets: Callable[[], Facets]) -> Asked:
    """Takes a question apart; `facets` is called where it may name an author or a venue."""
    asked = _with_phrases(_with_years(Asked(question)))
    asked = _with_venue(_with_author(asked, facets), facets)
    bare = stripped(asked.text)
    return replace(asked, text=bare if sum(c.isalnum() for c in bare) > 1 else question)


def stripped(question: str) -> str:
    """The question without the phrase that says that papers are asked for."""
    rest = _ASKING.sub("", question, count=1).strip(" ?")
    return rest or question


def joined(one: Filters, other: Filters) -> Filters:
    """Both filters; where both set a field, the first one's value stands."""
    values: dict[str, Any] = {
        f.name: getattr(one, f.name) or getattr(other, f.name) for f in fields(Filters)
    }
    return Filters(**values)


def _without(asked: Asked, match: re.Match[str], operator: Operator, **values: Any) -> Asked:
    """The question after the words of `match` were read as a filter."""
    rest = asked.text[: match.start()] + " " + asked.text[match.end() :]
    return Asked(
        " ".join(rest.split()).strip(" ,;"),
        replace(asked.filters, **values),
        (*asked.operators, operator),
    )


def _with_years(asked: Asked) -> Asked:
    for pattern, low, high in _YEARS:
        match = pattern.search(asked.text)
        if not match or not _limits_papers(asked.text, match):
            continue
        first = int(match["a"])
        last = int(match.groupdict().get("b") or first)
        start = None if low is None else first + low
        end = None if high is None else last + high
        operator = Operator("year", match[0], f"{start or ''}–{end or ''}")
        return _without(asked, match, operator, year_from=start, year_to=end)
    return asked


def _limits_papers(question: str, match: re.Match[str]) -> bool:
    is_last = not question[match.end() :].strip(" ?.!")
    return bool(_ABOUT_PAPERS.search(question)) or (
        is_last and ("?" in question or not _VERB.search(question))
    )


def _with_phrases(asked: Asked) -> Asked:
    """Quoted phrases of at least two words; their words are searched for as well."""
    for match in _PHRASE.finditer(asked.text):
        phrase = match["phrase"].strip()
        if len(phrase.split()) > 1:
            found = (*asked.filters.phrases, phrase)
            asked = replace(
                asked,
                filters=replace(asked.filters, phrases=found),
                operators=(*asked.operators, Operator("phrase", match[0], phrase)),
            )
    return asked


def _with_author(asked: Asked, facets: Callable[[], Facets]) -> Asked:
    match = _AUTHOR.search(asked.text)
    if match and len(facets().by_author(match["name"])):
        name = match["name"]
        operator = Operator("author", match[0], name)
        return _without(asked, match, operator, authors=(name,))
    return asked


def _with_venue(asked: Asked, facets: Callable[[], Facets]) -> Asked:
    for match in _VENUE.finditer(asked.text):
        for name in _shorter(match["name"]):
            if plain(name) in facets().venues:
                end = match.start("name") + len(name)
                words = asked.text[match.start() : end]
                exact = re.compile(re.escape(words)).search(asked.text, match.start())
                if exact:
                    operator = Operator("venue", words, name)
                    return _without(asked, exact, operator, venues=(name,))
    return asked


def _shorter(name: str) -> Iterator[str]:
    """The words of the name, then all but the last, and so on."""
    words = name.split()[:_MAX_VENUE_WORDS]
    for n in range(len(words), 0, -1):
        yield " ".join(words[:n])
