"""Sentences: where each one of a text begins and ends. The unit of evidence and of quoting.

Written here because a quote needs exact offsets and scientific abstracts need their own care:
abbreviations, decimals, formulas, section labels, species names, full stops without a space.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

Span = tuple[int, int]  # [start, end) in code points

_CJK_STOPS = "。！？｡"
_STOPS = re.compile(
    # a run of stops,
    rf"""(?:[{_CJK_STOPS}]+ | (?<![.!?…])[.!?…]++ (?= [\s"'”’»)\]\[*] | $ | [^\W\d_] ))"""
    r"""(?:\s["”](?=\s))?["'”’»」』）)\]*]*"""  # what closes with it,
    r"""(?:\[\d+(?:\s?[,–-]\s?\d+)*\])?""",  # and a reference number glued to it
    re.VERBOSE,
)
_PARAGRAPH = re.compile(
    r"\n[^\S\n]*\n\s*|\n\s*(?=(?:[-*•‣·]|\(?\d{1,2}[.)]|\([a-z]\))\s)|\s(?=[•‣]\s)"
)
_MATH = re.compile(r"\$\$?(?![\s$])[^$\n]{1,400}?(?<!\s)\$\$?(?!\d)")
_SOLID = re.compile(r"\S")
_BRACKETS = re.compile(r"[()\[\]{}]")
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_LONG_WORD = 48  # code points looked at on each side of a stop: what keeps the time linear
_CONTINUING = ",;:.!?%=<>±+×·/|&)]}~^_"
_SHORT_GAP = 300  # code points; a bracket open for longer was never closed


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")  # i.v, U.S, w.r.t, Ph.D
_JOINTS = re.compile(r"[(\[/–—-]")
_NUMBER = re.compile(r"[(\[]?(?:\d|[IVX]+\b|[A-Z]\d?\b)")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{2,4})\)?")
_ADDRESS = re.compile(r"//|@|www\.|[/_\\]|\.\w+\.")
_NAME_IN_LOWER_CASE = re.compile(r"[a-z]+-?[A-Z0-9]|[a-z]-\w|[α-ω]|tf-idf")  # mRNA, p53, k-means
_NUMBER_CUT = re.compile(r"(?:[=<>≤≥±~≈]\s?-?\d{1,3}|(?<!\S)-?0)\Z")  # "p = 0. 05"

# A stop after these never ends a sentence.
_NEVER = _words("e.g i.e eg ie cf vs viz approx ca w.r.t a.k.a s.t incl esp")
_TITLES = _words("Dr Mr Mrs Ms Prof St Proc Natl Acad Sci Eur Assoc Lett Univ Dept Inst")
# A stop after these ends none if a number follows: "Fig. 2", "Eq. (3)", "Sec. IV".
_NUMBERED = _words(
    """fig figs eq eqs eqn eqns sec secs sect ref refs thm lem prop def cor alg tab no nos nr vol pp
    p ch art app suppl col
    """
)
# A stop after these ends one only if a word follows with which sentences like to begin.
_SELDOM = _words(
    """al etc inc ltd co corp resp sp spp subsp ssp var jr sr ed eds st av avg jan feb mar apr jun
    jul aug sept oct nov dec gen lt biol chem med res
    """
)
_STARTERS = _words(
    """a about accordingly additionally after all also although among an analyses analysis and
    another as at based because before besides both but by compared consequently conversely
    current despite due during each empirical evaluation evidence existing experimental experiments
    extensive finally findings first five following for four from further furthermore given here
    hence how however i if importantly in indeed instead interestingly is it its last later many
    methods more moreover most motivated much my nevertheless new no nonetheless notably now of
    on once one only other our overall participants patients previous prior recent recently
    results second secondly several similarly since six so some specifically still studies
    subsequently such surprisingly taken ten that the their then there therefore these they third
    this those three through thus to together two under unfortunately unlike until using we were
    what when where whereas whether which while with without yet you
    """
)
_LABELS = _words(
    """aim aims approach availability background conclusion conclusions contact context contribution
    contributions design discussion findings funding goal implications importance interpretation
    interventions introduction limitations measurements methodology method methods motivation
    objective objectives participants patients purpose rationale result results setting
    significance subjects summary originality/value inquiry knowledge grounding
    """
) | {
    "aims and objectives",
    "background and aims",
    "background and objectives",
    "background and purpose",
    "design and methods",
    "main outcome measures",
    "main results",
    "materials and methods",
    "methods and results",
    "methods and findings",
    "patients and methods",
    "results and conclusions",
    "results and discussion",
    "study design",
    "supplementary information",
}


def split_sentences(text: str) -> list[Span]:
    """The sentences of the text in order: disjoint, covering all but white space.

    No span begins or ends with white space; an empty or blank text has none. Blank lines and
    bullets end a sentence, a single line break does not. Takes linear time.
    """
    return [
        span
        for start, end in _paragraphs(text)
        for span in _stripped(text, [start, *_ends(text, start, end), end])
    ]


def _paragraphs(text: str) -> Iterator[Span]:
    start = 0
    for gap in _PARAGRAPH.finditer(text):
        yield start, gap.start()
        start = gap.end()
    yield start, len(text)


def _stripped(text: str, cuts: list[int]) -> Iterator[Span]:
    for start, end in pairwise(cuts):
        piece = text[start:end]
        bare = piece.strip()
        if bare:
            first = start + len(piece) - len(piece.lstrip())
            yield first, first + len(bare)


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where a sentence ends inside the paragraph `text[start:end]`, its last end left out."""
    shelters = iter(_shelters(text, start, end))
    shelter = next(shelters, None)
    for stop in _STOPS.finditer(text, start, end):
        after = _SOLID.search(text, stop.end(), end)
        if not after:
            return
        while shelter and shelter[1] <= stop.start():
            shelter = next(shelters, None)
        if shelter and start < shelter[0] < stop.start() and stop.end() < shelter[1]:
            continue
        if _is_end(text, start, stop, after.start()):
            yield stop.end()
            start = after.start()


def _shelters(text: str, start: int, end: int) -> list[Span]:
    """Formulas and short brackets, in order and merged: a stop inside them ends nothing."""
    open_at: dict[str, list[int]] = {")": [], "]": [], "}": []}
    spans = [m.span() for m in _MATH.finditer(text, start, end)]
    for bracket in _BRACKETS.finditer(text, start, end):
        if bracket[0] in _CLOSER:
            open_at[_CLOSER[bracket[0]]].append(bracket.start())
        elif open_at[bracket[0]]:
            opened = open_at[bracket[0]].pop()
            if bracket.end() - opened <= _SHORT_GAP:
                spans.append((opened, bracket.end()))
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first < merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _is_end(text: str, start: int, stop: re.Match[str], after: int) -> bool:
    """Whether the stop ends the sentence begun at `start`, when `text[after:]` comes next."""
    if stop[0][0] in _CJK_STOPS:
        return True
    tail = text[max(start, stop.start() - _LONG_WORD) : stop.start()]
    last = tail.split()[-1] if tail.strip() else ""
    following = text[after : after + _LONG_WORD]
    if after == stop.end():
        return _is_end_without_space(last, stop[0], following)
    if not stop[0].startswith(".") or stop[0].startswith(".."):
        return _begins(following) and not following[0].islower()
    if _is_prefix(text, start, stop.start()):
        return False
    if following[0].isdigit() and _NUMBER_CUT.search(tail[-8:]):
        return False
    return _ends_after(last, following) and _begins(following)


def _is_end_without_space(last: str, stop: str, following: str) -> bool:
    """For "the method.We show": two plain words glued by a full stop, not an address or name."""
    word = _WORD.match(following)
    if not word or not word[0][0].isupper() or _ADDRESS.search(last):
        return False
    if word[0].casefold() not in _STARTERS | _LABELS:
        return False
    return len(stop) > 1 or (len(last) > 1 and last[-1].isalnum())


def _ends_after(last: str, following: str) -> bool:
    """Whether a full stop after the word `last` can end a sentence."""
    bare = last.lstrip("\"'“‘([{*$")
    word = _JOINTS.split(bare)[-1]
    if (
        len(word) > 1 and word.isalpha() and word.isupper()
    ):  # "MS." and "CA." are acronyms, not abbreviations
        return True
    known = word.casefold()
    if known in _NEVER or bare.casefold() in _NEVER or word in _TITLES:
        return False
    if known in _NUMBERED and _NUMBER.match(following):
        return False
    is_initial = len(bare) == 1 and bare.isupper()
    if known in _SELDOM or is_initial or _DOTTED.fullmatch(bare):
        opening = _WORD.match(following.lstrip("\"'“‘([{*"))
        return bool(opening and opening[0][0].isupper() and opening[0].casefold() in _STARTERS)
    return True


def _begins(following: str) -> bool:
    """Whether a sentence can begin with this text."""
    bare = following.lstrip("\"'“‘([{*$«「『（")
    if bare and bare[0].islower() and following[0] != "$":
        return bool(_NAME_IN_LOWER_CASE.match(bare))
    return following[0] == "$" or (bool(bare) and bare[0] not in _CONTINUING)


def _is_prefix(text: str, start: int, stop: int) -> bool:
    """Whether a section label or enumerator is all so far: it belongs to what follows."""
    if stop - start > _LONG_WORD:
        return False
    sentence = text[start:stop]
    return sentence.casefold() in _LABELS or bool(_ENUMERATOR.fullmatch(sentence))
