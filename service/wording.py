"""Sentences as words in their places: what two wordings of one statement are compared by."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ingest.lexical import stems

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_CLAUSE_END = re.compile(r"[,;:()\[\]—]|--|\s[–-]\s")
_REACH = 8  # words looked at on each side when two places are compared
_DECAY = 3.0  # a context word this many words away counts half

STOP_WORDS = frozenset(
    """a about after again all also am among an and any are as at be because been before being
    between both but by can could did do does doing done during each either et al etc for from had
    has have having he her here his how however i if in into is it its itself just may might more
    most must my of off often on once only or other our out over own per same she should so some
    such than that the their them then there therefore these they this those through thus to too
    under until up upon us use used using very via was we were what when where whether which while
    who whom whose why will with within would you your not no nor neither never none without
    cannot respectively moreover furthermore additionally finally e g i.e eg ie vs versus
    """.split()
)
_OPENS_A_CLAUSE = frozenset(
    """but while whereas although though because since which who whose if unless until
    despite whereby thereby when where
    """.split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: as written, its stem, where it begins, and the number of its clause."""

    text: str
    stem: str
    start: int
    clause: int

    @property
    def is_content(self) -> bool:
        """Whether it carries meaning by itself."""
        return self.text.casefold() not in STOP_WORDS and (
            len(self.text) > 1 or self.text.isdigit()
        )


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The English stem of a word in lower case, its possessive s left out.

    What the word index would part or leave out, as "don't", stays as it is.
    """
    bare = word.casefold().replace("’", "'").removesuffix("'s")
    found = stems(bare)
    return found[0] if len(found) == 1 else bare


def words_of(text: str) -> tuple[Word, ...]:
    """The words of the text in order; hyphens part words, apostrophes do not."""
    return tuple(_words(text))


def _words(text: str) -> Iterator[Word]:
    clause, end = 0, 0
    for match in _WORD.finditer(text):
        is_opener = match[0].casefold() in _OPENS_A_CLAUSE
        if is_opener or _CLAUSE_END.search(text, end, match.start()):
            clause += 1
        yield Word(match[0], stem(match[0]), match.start(), clause)
        end = match.end()


Context = tuple[tuple[str, int], ...]  # stems of content words around a place, and how far off


def context(words: Sequence[Word], place: int) -> Context:
    """The content words around `words[place]`, itself left out."""
    first, last = max(0, place - _REACH), min(len(words), place + _REACH + 1)
    return tuple(
        (words[i].stem, i - place) for i in range(first, last) if i != place and words[i].is_content
    )


def likeness(one: Context, other: Context, weights: Mapping[str, float]) -> float:
    """How much of the first context is in the other, at like distances: 0 to 1.

    `weights` says how telling a stem is; one not in it counts 1. Words that changed sides, left
    for right, count half. An empty context is like nothing.
    """
    where: dict[str, list[int]] = {}
    for own_stem, offset in other:
        where.setdefault(own_stem, []).append(offset)
    total = shared = 0.0
    for own_stem, offset in one:
        near = _nearness(offset)
        weight = weights.get(own_stem, 1.0) * near
        total += weight
        shared += weight * max(
            (_agreement(near, offset, o) for o in where.get(own_stem, ())), default=0
        )
    return shared / total if total else 0.0


def _nearness(offset: int) -> float:
    return 1 / (1 + (abs(offset) - 1) / _DECAY)


def _agreement(near: float, offset: int, other: int) -> float:
    side = 1.0 if (offset < 0) == (other < 0) else 0.5
    return side * min(1.0, float((_nearness(other) / near) ** 0.5))
