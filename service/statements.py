"""What an answer's sentence and the sentences it cites are to the guards: words and numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from service.opposites import denied
from service.quantities import Quantity, quantities_of
from service.wording import Context, Word, context, likeness, words_of


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


@dataclass(frozen=True, slots=True)
class Source:
    """What a sentence cites: all statements of the papers, and which of them it rests on.

    `near` holds indexes into `statements`, the best first; `about` is what else is known of the
    papers (titles, names, years); `weights` says how telling a stem is among the statements.
    """

    statements: Sequence[Statement]
    near: Sequence[int]
    about: str
    weights: Mapping[str, float]

    def spots(self, said: Statement, place: int, stem: str) -> list[Spot]:
        """All places where the source has the stem, compared with `place` of the sentence."""
        return [
            self.spot(said, place, index, other)
            for index, statement in enumerate(self.statements)
            for other in statement.places(stem)
        ]

    def spot(self, said: Statement, place: int, index: int, other: int) -> Spot:
        statement = self.statements[index]
        alike = likeness(said.context(place), statement.context(other), self.weights)
        is_near = index in self.near
        return Spot(statement, other, alike if is_near else _FAR * alike, is_near)


def telling(statements: Sequence[Statement]) -> dict[str, float]:
    """How telling each stem is: 1 over the square root of the number of statements with it."""
    n_with = Counter(stem for statement in statements for stem in statement.stems)
    return {stem: n**-0.5 for stem, n in n_with.items()}
