"""The forms in which models write citations: `[1, 2]`, `【1】`, `[^1]`, `(Smith et al., 2020)`.

Grammar over one candidate, a string that begins with an opening bracket (`marks` feeds it), and
the passages that the candidates point at.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingest.papers import normalised

LONGEST = 160  # characters of a candidate; a citation list longer than that is prose
WIDEST_RANGE = 50  # "[1-900]" is no list of passages

CLOSERS = {"[": "]", "［": "］", "【": "】", "(": ")"}

_LABELS = (
    *("passage", "passages", "source", "sources", "paper", "papers", "abstract", "abstracts"),
    *("ref", "refs", "reference", "references", "doc", "docs", "document", "documents"),
    *("citation", "citations", "cite"),
)
_JOINERS = ("and", "to")
_NAME_WORDS = (
    *("et", "al", "and", "see", "also", "cf", "e", "g", "i", "in", "as", "p", "pp"),
    *("van", "von", "de", "der", "den", "del", "della", "di", "da", "dos", "du", "la", "le", "el"),
    *("al", "bin", "ibn", "ten", "ter", "zu"),
)
# Words that stand before a year without being anybody's name.
_NO_SURNAME = frozenset(
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec spring summer autumn fall winter early "
    "late mid since until in by from before after circa figure table section appendix chapter "
    "version equation theorem lemma algorithm".split()
)

_NUMBER = r"[1-9]\d{0,5}"
_LABEL = rf"(?:(?:{'|'.join(sorted(_LABELS, key=len, reverse=True))})\b\s*[:#.]?\s*)"
_ITEM = rf"\^?{_LABEL}?[#^]?{_NUMBER}\^?"
_JOIN = r"(?:\s*(?:[,;，、&–—-]|\band\b|\bto\b)\s*|\s+)"
_LIST = rf"\s*{_ITEM}(?:{_JOIN}{_ITEM})*\s*"
_NUMBERED = re.compile(
    rf"\[{_LIST}\]|\[\[{_LIST}\]\]|［{_LIST}］|【{_LIST}(?:†[^】\n]*)?】|\\\[{_LIST}\\\]", re.I
)
_IN_PARENTHESES = re.compile(rf"\((?:\[{_LIST}\])(?:[,;]?\s*\[{_LIST}\])*\)", re.I)
_FOREIGN = re.compile(r"【\d[^】\n]*】")  # "【4:0†source】": nobody's prose, whatever it points at
_RANGE = re.compile(rf"({_NUMBER})\^?\s*(?:[–—-]|\bto\b)\s*\^?({_NUMBER})|({_NUMBER})")
_PAIR = re.compile(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\]")
_RANGE_WORD = re.compile(
    r"(?:\b(?:ranges?|intervals?|between|within|scale|domain|values|scores|scaled|clipped|"
    r"normali[sz]ed)(?:\s+(?:of|from|to|in|is|are))?|∈|\bin the set)\s*$",
    re.I,
)
# No capitals ("vitamin D[1]") and no genitives ("Parkinson's[1]").
_INDEXED = re.compile(r"(?:^|[^\w\\'’.-])(?:[a-z]\d?|\w*_\w*)\Z")

_NUMBERED_SO_FAR = re.compile(r"[\s\d\w,;，、&^#:.–—-]*")
_NAMED_SO_FAR = re.compile(r"[\w\s,;.&'’-]*")
_MARKS_SO_FAR = re.compile(r"\[[\s\d\w,;，、&^#:.–—\[\]-]*")
_WORDS = re.compile(r"[^\W\d_]+")

_SURNAME = r"(?:(?:[a-z]+ ){0,3}[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*)"
_NAMES = (
    rf"(?P<first>{_SURNAME}(?: {_SURNAME})?)"
    rf"(?P<more>,? et al\.?|(?:, {_SURNAME})*,? (?:and|&) (?P<second>{_SURNAME}))?"
)
_PAGES = r"(?:, ?pp?\. ?\d+(?:[–-]\d+)?)?"
_WORK = re.compile(rf"{_NAMES}(?P<comma>,)? ?(?P<year>1[89]\d\d|20\d\d)[a-z]?{_PAGES}")
_BEFORE_WORKS = re.compile(r"(?:(?:see|cf\.?|e\.g\.?|i\.e\.?|also|as in),?\s+)*", re.I)
_YEAR = re.compile(r"\((1[89]\d\d|20\d\d)[a-z]?\)")
_YEAR_SO_FAR = re.compile(r"\(\d{0,4}[a-z]?")
_NARRATIVE = re.compile(rf"{_NAMES}\Z")


@dataclass(frozen=True, slots=True)
class Work:
    """A work named by its author and year; `is_certain` when the form is nothing but a citation."""

    surname: str
    second: str | None
    year: int
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What one citation claims to point at: passage keys as written, and works by name."""

    numbers: tuple[int, ...] = ()
    works: tuple[Work, ...] = ()
    has_parentheses: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """A passage that a mark may point at: its key in the prompt, and its paper."""

    key: int
    paper_id: str
    authors: Sequence[str] = ()
    year: int | None = None


Reading = Claim | Literal["wait", "plain"]


def is_indexed(before: str) -> bool:
    """Whether a bracket right after `before` is an index: after a variable such as `x` or `a_b`."""
    return bool(_INDEXED.search(before))


def read(candidate: str, before: str) -> Reading:
    """What `candidate` is, given the text `before` it: a claim, plain text, or not known yet.

    `candidate` grows by a character a call; "plain" is final.
    """
    if len(candidate) > LONGEST or "\n" in candidate:
        return "plain"
    if candidate[0] == "(":
        return _read_parenthesis(candidate, before)
    return _read_bracket(candidate, before)


def _read_bracket(candidate: str, before: str) -> Reading:
    opener = "\\[" if candidate[0] == "\\" else candidate[0]
    if _is_open(candidate):
        body = candidate[len(opener) :].removesuffix("\\")
        if opener == "[" and body.startswith("["):
            body = body[1:].removesuffix("]")
        is_possible = _may_be_numbers(body) or (opener == "[" and _may_be_names(body))
        return "wait" if is_possible or (opener == "【" and body[:1].isdigit()) else "plain"
    if _NUMBERED.fullmatch(candidate):
        return "plain" if _is_interval(candidate, before) else Claim(numbers=_numbers(candidate))
    if _FOREIGN.fullmatch(candidate):
        return Claim(numbers=(0,))
    works = _works(candidate[1:-1])
    return Claim(works=works) if works else "plain"


def _is_open(candidate: str) -> bool:
    if candidate.startswith("[["):
        return not candidate.endswith("]]") and not re.search(r"\][^\]]", candidate)
    if candidate[0] == "\\":
        return not candidate.endswith("\\]")
    return not candidate.endswith(CLOSERS[candidate[0]])


def _read_parenthesis(candidate: str, before: str) -> Reading:
    body = candidate[1:]
    if body.startswith("["):
        if _IN_PARENTHESES.fullmatch(candidate):
            return Claim(numbers=_numbers(candidate), has_parentheses=True)
        return "wait" if _MARKS_SO_FAR.fullmatch(body) else "plain"
    if body[:1].isdigit():
        return _read_year(candidate, before)
    if not body.endswith(")"):
        return "wait" if _may_be_names(body) else "plain"
    works = _works(body[:-1])
    return Claim(works=works) if works else "plain"


def _read_year(candidate: str, before: str) -> Reading:
    """The year of "Smith et al. (2020)"."""
    names = _NARRATIVE.search(before.rstrip())
    if not names:
        return "plain"
    if year := _YEAR.fullmatch(candidate):
        return Claim(works=(_work(names, int(year[1]), is_certain=False),))
    return "wait" if _YEAR_SO_FAR.fullmatch(candidate) else "plain"


def _is_interval(candidate: str, before: str) -> bool:
    pair = _PAIR.fullmatch(candidate)
    return bool(pair and int(pair[1]) < int(pair[2]) and _RANGE_WORD.search(before))


def _numbers(candidate: str) -> tuple[int, ...]:
    found: list[int] = []
    for first, last, single in _RANGE.findall(candidate.split("†")[0]):
        if single:
            found.append(int(single))
        elif int(last) - int(first) in range(WIDEST_RANGE):
            found.extend(range(int(first), int(last) + 1))
        else:
            found.extend((int(first), int(last)))
    return tuple(found)


def _works(text: str) -> tuple[Work, ...]:
    """The works of "Smith et al., 2020; Lee, 2019"; empty when a part is anything else."""
    works: list[Work] = []
    for part in text[_match_end(_BEFORE_WORKS, text.lstrip()) :].split(";"):
        match = _WORK.fullmatch(part.strip())
        if not match or _last_word(match["first"]).casefold() in _NO_SURNAME:
            return ()
        is_certain = bool(match["comma"]) or "et al" in part or "&" in part
        works.append(_work(match, int(match["year"]), is_certain=is_certain))
    return tuple(works)


def _work(names: re.Match[str], year: int, *, is_certain: bool) -> Work:
    second = surname_of(names["second"]) if names["second"] else None
    return Work(surname_of(names["first"]), second, year, is_certain)


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _may_be_numbers(body: str) -> bool:
    if not _NUMBERED_SO_FAR.fullmatch(body):
        return False
    return _words_fit(body.casefold(), (*_LABELS, *_JOINERS), may_name=False)


def _may_be_names(body: str) -> bool:
    return bool(_NAMED_SO_FAR.fullmatch(body)) and _words_fit(body, _NAME_WORDS, may_name=True)


def _words_fit(body: str, known: Sequence[str], *, may_name: bool) -> bool:
    """Whether all words are `known` (or capitalised names); the last may still be growing."""
    words = list(_WORDS.finditer(body))
    for word in words:
        is_growing = word.end() == len(body)
        if (may_name and word[0][0].isupper()) or word[0] in known:
            continue
        if not (is_growing and any(k.startswith(word[0]) for k in known)):
            return False
    return not may_name or not body.strip()[:1].isdigit()


def _last_word(name: str) -> str:
    return name.split()[-1]


def surname_of(author: str) -> str:
    """The last word of an author's family name, comparable: "van den Oord, Aäron" gives "oord"."""
    family = author.split(",")[0] if "," in author else author
    words = normalised(family).split()
    return words[-1] if words else ""


class Passages:
    """The passages of the prompt, found by key or by author and year."""

    def __init__(self, passages: Sequence[Marked]) -> None:
        self._by_key = {passage.key: passage for passage in passages}
        self._by_surname: defaultdict[str, list[Marked]] = defaultdict(list)
        for passage in passages:
            if passage.authors:
                self._by_surname[surname_of(passage.authors[0])].append(passage)

    def is_ambiguous(self, number: int) -> bool:
        """Whether more digits could have made another key of this number."""
        return any(key != number and str(key).startswith(str(number)) for key in self._by_key)

    def resolve(self, claim: Claim) -> tuple[list[Marked], int]:
        """The passages that the claim points at, and how many of its targets there are not."""
        targets = [self._by_key.get(number) for number in claim.numbers]
        targets += [self._named(work) for work in claim.works]
        found = [target for target in targets if target]
        return found, len(targets) - len(found)

    def _named(self, work: Work) -> Marked | None:
        """The first passage, in the prompt's order, whose known facts all agree."""
        for passage in self._by_surname.get(work.surname, ()):
            second = surname_of(passage.authors[1]) if len(passage.authors) > 1 else None
            if passage.year in (None, work.year) and (not work.second or work.second == second):
                return passage
        return None
