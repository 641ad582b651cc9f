"""What an answer's sentence and the sentences it cites are to the guards: words and numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from service.opposites import axes, denied, negations_of
from service.quantities import Quantity, quantities_of
from service.wording import Context, Word, context, likeness, words_of

_ASKS = re.compile(
    r"\bwhether\b|\?\s*$|^(?:[A-Z]+:?\s)?To \w+|\b(?:aim|aims|aimed|objective|purpose|goal)\b"
    r"|\bhypothesi[sz]e|\b(?:we|study|paper|work|authors|article|review) (?:\w+ly )?(?:investigat"
    r"|examin|assess|evaluat|explor|test|compar|stud|analy[sz]|address|ask|sought|seek|determine)"
    r"|\b(?:was|were) (?:investigated|examined|assessed|evaluated|explored|tested|compared|studied"
    r"|analy[sz]ed|measured)\b"
    r"|\b(?:unclear|unknown|not (?:well )?(?:known|understood|clear)|controversial"
    r"|to be determined)\b",
)
_FAR = 0.8  # how much a place counts in a sentence that otherwise speaks of something else


class Statement:
    """A sentence with all that the guards ask of it, worked out once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words_of(text)
        self._contexts: dict[int, Context] = {}

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return quantities_of(self.text)

    @cached_property
    def denied(self) -> frozenset[int]:
        """Places of the words that are denied."""
        return denied(self.words)

    @cached_property
    def asks(self) -> bool:
        """Whether it names an aim, a question or what was looked at, rather than what is so."""
        return bool(_ASKS.search(self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of the content words."""
        return frozenset(word.stem for word in self.words if word.is_content)

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        places: dict[str, list[int]] = {}
        for i, word in enumerate(self.words):
            places.setdefault(word.stem, []).append(i)
        return places

    def places(self, stem: str) -> Sequence[int]:
        """Where the stem stands."""
        return self._places.get(stem, ())

    def context(self, place: int) -> Context:
        """The content words around a place."""
        if place not in self._contexts:
            self._contexts[place] = context(self.words, place)
        return self._contexts[place]

    def place_at(self, start: int) -> int:
        """The word that begins at the code point, or the last before it."""
        return max((i for i, word in enumerate(self.words) if word.start <= start), default=0)


@lru_cache(maxsize=2_000)  # an answer's sentences cite the same few papers
def statement(text: str) -> Statement:
    """The statement of an evidence sentence, kept for the next question about it."""
    return Statement(text)


@dataclass(frozen=True, slots=True)
class Spot:
    """A word of a source that may speak of the same as a word of the answer, and how surely."""

    statement: Statement
    place: int
    likeness: float
    is_near: bool

    @property
    def word(self) -> Word:
        return self.statement.words[self.place]

    @property
    def is_denied(self) -> bool:
        return self.place in self.statement.denied


class Source:
    """What a sentence cites: all statements of the papers, and which of them it rests on."""

    def __init__(
        self,
        statements: Sequence[Statement],
        near: Sequence[int],
        about: str,
        weights: Mapping[str, float],
    ) -> None:
        """`near` holds indexes into `statements`, the best first; `about` is what else is known
        of the papers (titles, names, years); `weights` says how telling a stem is.
        """
        self.statements = statements
        self.near = near
        self.about = about
        self.weights = weights

    @cached_property
    def places(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Where each stem stands, as (statement, word) indexes."""
        places: dict[str, list[tuple[int, int]]] = {}
        for index, statement in enumerate(self.statements):
            for other, word in enumerate(statement.words):
                places.setdefault(word.stem, []).append((index, other))
        return places

    @cached_property
    def _on_axes(self) -> frozenset[str]:
        return frozenset(stem for stem in self.places if stem in axes())

    def candidates(self, stem: str) -> list[str]:
        """The stems of the source that may say the same as this one, or its opposite, sorted."""
        near = ({stem} | negations_of(stem)) & self.places.keys()
        return sorted(near | self._on_axes if stem in axes() else near)

    def spots(self, said: Statement, place: int, stem: str) -> list[Spot]:
        """All places where the source has the stem, compared with `place` of the sentence."""
        return [self.spot(said, place, *where) for where in self.places.get(stem, ())]

    def spot(self, said: Statement, place: int, index: int, other: int) -> Spot:
        """One place of the source, compared with `place` of the sentence."""
        theirs = self.statements[index]
        is_near = index in self.near
        alike = self.alike(said, place, theirs, other) * (1 if is_near else _FAR)
        return Spot(theirs, other, alike, is_near)

    def alike(self, said: Statement, place: int, theirs: Statement, other: int) -> float:
        """How much the surroundings of the two places are alike, 0 to 1."""
        return likeness(said.context(place), theirs.context(other), self.weights)


def telling(statements: Sequence[Statement]) -> dict[str, float]:
    """How telling each stem is: 1 over the square root of the number of statements with it."""
    n_with = Counter(stem for statement in statements for stem in statement.stems)
    return {stem: n**-0.5 for stem, n in n_with.items()}
