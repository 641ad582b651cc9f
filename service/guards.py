"""Guards: does a sentence change a number, a denial, a direction or a name of what it cites?

Each looks for the place in the source that speaks of the same thing and compares there, because
an abstract holds most words somewhere. A guard returns the reason for its alarm in words for the
reader, or None. The bounds were chosen on damaged and reworded sentences (evals/verdicts.py).
"""

import re
from collections.abc import Callable, Iterator
from itertools import permutations

from service.opposites import (
    axes,
    is_denial,
    is_directed,
    is_effect,
    negations_of,
    relation,
    scope,
)
from service.quantities import Quantity, agrees, follows, quantities_of
from service.statements import Source, Spot, Statement

Guard = Callable[[Statement, Source], str | None]

_SAME_PLACE = 0.45  # likeness from which two places speak of the same thing
_OPPOSED_PLACE = 0.28  # the same for opposites: rarely does a text have both by chance
_DENIED_PLACE = 0.35  # the same for words after a denial: they are compared with several others
_SAME_NUMBER = 0.2  # the same for an equal number with another unit
_MOST = 0.6  # share of its words that a statement must have to be taken for the one meant
_CLEARLY = 0.15  # by how much one place must be more alike than another to be preferred
_GAIN = re.compile(
    r"\b(?:by|(?:gain|improvement|increase|decrease|reduction|drop|rise|difference|margin) of)\s+"
    r"(?:about|around|roughly|nearly|almost|over)?\s*(?:an?\s+)?$",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\s*-?(?:points?|higher|lower|more|less|fewer|better|worse|longer|shorter|larger|smaller"
    r"|faster|slower|greater|as \w+ as|difference|gain|improvement|increase|decrease|reduction)\b"
)
_COMPOUND = re.compile(r"-([a-z]{3,})")
_FEW = 10  # up to here a spelled number may be our count of what the source lists


def changed_number(said: Statement, source: Source) -> str | None:
    """A number that the source does not give, or gives for something else."""
    for quantity in said.quantities:
        equal, other = _numbers(said, quantity, source)
        likeness = other[0] if other else 0.0
        if equal is None:
            is_counted = quantity.is_word and not quantity.kind and quantity.value <= _FEW
            is_counted = is_counted and not _is_compound(quantity, said, source)
            if (is_counted and likeness < _SAME_PLACE) or _is_known(quantity, said, source):
                continue
            hint = f", which says {other[1].text}" if other and likeness >= _SAME_PLACE else ""
            return f"{quantity.text} is not in the source{hint}"
        if other and _is_in_place(quantity, said, equal, *other):
            return f"the source says {other[1].text} where this says {quantity.text}"
    return None


def _is_compound(quantity: Quantity, said: Statement, source: Source) -> bool:
    """Whether the source has another number before the same word: "two-part" for "eight-part"."""
    match = _COMPOUND.match(said.text, quantity.start + len(quantity.text))
    if not match:
        return False
    theirs = (
        (given, _COMPOUND.match(statement.text, given.start + len(given.text)))
        for statement in source.statements
        for given in statement.quantities
    )
    return any(m and m[1] == match[1] and not agrees(quantity, given) for given, m in theirs)


def _is_in_place(
    quantity: Quantity, said: Statement, equal: float, likeness: float, other: Quantity
) -> bool:
    """Whether the source has the other number where the sentence has this one."""
    if quantity.kind and other.kind and quantity.value == other.value:  # another unit
        return likeness >= max(_SAME_NUMBER, equal - _CLEARLY)
    is_said = any(agrees(each, other) for each in said.quantities)
    return likeness >= max(_SAME_PLACE, equal + (2 * _CLEARLY if is_said else _CLEARLY))


def _is_known(quantity: Quantity, said: Statement, source: Source) -> bool:
    """Whether the number is in what else is known of the papers, or worked out from two near."""
    if any(agrees(quantity, known) for known in quantities_of(source.about)):
        return True
    if not _GAIN.search(said.text[: quantity.start]) and not _MORE.match(
        said.text, quantity.start + len(quantity.text)
    ):
        return False
    near = [source.statements[i].quantities for i in source.near]
    return any(follows(quantity, *pair) for given in near for pair in permutations(given, 2))


def _numbers(
    said: Statement, quantity: Quantity, source: Source
) -> tuple[float | None, tuple[float, Quantity] | None]:
    """How alike the best place of an equal number is, and the best place of another number."""
    place = said.place_at(quantity.start)
    equal: float | None = None
    other: tuple[float, Quantity] | None = None
    for index, statement in enumerate(source.statements):
        for given in statement.quantities:
            spot = source.spot(said, place, index, statement.place_at(given.start))
            alike = spot.likeness - _turned(said, place, spot)
            if agrees(quantity, given):
                equal = max(equal or 0.0, alike)
            elif (
                spot.is_near and _is_comparable(quantity, given) and (not other or alike > other[0])
            ):
                other = alike, given
    return equal, other


def _turned(said: Statement, place: int, spot: Spot) -> float:
    """What a number after "from" is less like one after "to"."""
    leads = {
        words[i - 1].text.casefold() if i else ""
        for words, i in ((said.words, place), (spot.statement.words, spot.place))
    }
    return 2.5 * _CLEARLY if leads in ({"from", "to"}, {"than", "to"}, {"by", "to"}) else 0.0


def _is_comparable(one: Quantity, other: Quantity) -> bool:
    """Whether the one number could have been mistaken for the other."""
    return bool(one.kind) == bool(other.kind) and one.is_year == other.is_year


def changed_direction(said: Statement, source: Source) -> str | None:
    """A word where the source has its opposite, or another of its kind ("mice" for "rats")."""
    for place, word in enumerate(said.words):
        same, opposite = _sides(said, place, source)
        if opposite and opposite.likeness >= max(_OPPOSED_PLACE, same + _CLEARLY):
            return f"the source says “{opposite.word.text}” where this says “{word.text}”"
    return None


def _sides(said: Statement, place: int, source: Source) -> tuple[float, Spot | None]:
    """How alike the best place is that says the same as the word, and the best that opposes it."""
    same, opposite = 0.0, None
    for spot, is_same in _related(said, place, source):
        if is_same == (spot.is_denied == (place in said.denied)):
            same = max(same, spot.likeness)
        elif (
            not is_same and _may_oppose(said, spot) and not _is_meant_elsewhere(said, spot, source)
        ):
            opposite = max(opposite or spot, spot, key=lambda s: s.likeness)
    return same, opposite


def _is_meant_elsewhere(said: Statement, spot: Spot, source: Source) -> bool:
    """Whether the sentence has the source's word too, in a place more like the source's."""
    own = (source.alike(said, i, spot.statement, spot.place) for i in said.places(spot.word.stem))
    return not spot.is_near or max(own, default=0.0) >= spot.likeness


def _related(said: Statement, place: int, source: Source) -> Iterator[tuple[Spot, bool]]:
    """Places where the source says the word, one of its meaning (True) or its opposite (False)."""
    word = said.words[place]
    if not (word.is_content or word.stem in axes()):
        return
    for stem in source.candidates(word.stem):
        is_same = relation(word.stem, stem)
        if is_same is not None:
            for spot in source.spots(said, place, stem):
                yield spot, is_same


def changed_denial(said: Statement, source: Source) -> str | None:
    """A "not" that the source has not, or the reverse."""
    return _added_denial(said, source) or _lost_denial(said, source)


def _added_denial(said: Statement, source: Source) -> str | None:
    for place in range(len(said.words)):
        if not is_denial(said.words, place):
            continue
        agrees_best, against = 0.0, None
        for i in scope(said.words, place):
            for spot, is_same in _related(said, i, source):
                if is_same == (spot.is_denied == (i in said.denied)):
                    agrees_best = max(agrees_best, spot.likeness)
                elif _may_oppose(said, spot):
                    against = max(against or spot, spot, key=lambda s: s.likeness)
        if against and against.likeness >= max(_DENIED_PLACE, agrees_best + _CLEARLY):
            return f"the source does not say “{_denial(said, place)}”"
        if not against and not agrees_best and _affirms(source.statements[source.near[0]], said):
            return f"the source does not say “{_denial(said, place)}”"
    return None


def _may_oppose(said: Statement, spot: Spot) -> bool:
    """Whether the place asserts something: an aim or a question contradicts nothing."""
    return said.asks or not spot.statement.asks or _is_alike(said, spot.statement)


def _is_alike(said: Statement, statement: Statement) -> bool:
    return len(said.stems & statement.stems) >= _MOST * len(said.stems)


def _affirms(statement: Statement, said: Statement) -> bool:
    """Whether a statement that says most of what is said denies nothing."""
    return _is_alike(said, statement) and not any(
        is_denial(statement.words, i) for i in range(len(statement.words))
    )


def _lost_denial(said: Statement, source: Source) -> str | None:
    for index in source.near[:2]:
        statement = source.statements[index]
        for place in range(len(statement.words)):
            if is_denial(statement.words, place) and _is_lost(said, source, index, place):
                return f"the source says “{_denial(statement, place)}”"
    return None


def _denial(statement: Statement, place: int) -> str:
    """The words from a denial to the first that it denies."""
    last = statement.words[next(scope(statement.words, place), place)]
    return statement.text[statement.words[place].start : last.start + len(last.text)]


def _is_lost(said: Statement, source: Source, index: int, place: int) -> bool:
    """Whether most of what the source denies at `place` the sentence says without denying it."""
    statement = source.statements[index]
    n_plain = n_missing = 0
    for other in scope(statement.words, place):
        word = statement.words[other]
        if any(said.places(negation) for negation in negations_of(word.stem)):
            return False
        own = [
            (source.spot(said, i, index, other).likeness, i)
            for i, theirs in enumerate(said.words)
            if relation(word.stem, theirs.stem) or _is_some_effect(word.stem, theirs.stem)
        ]
        alike, i = max(own, default=(0.0, -1))
        if alike < _DENIED_PLACE:
            n_missing += 1
        elif (i in said.denied) == (other in statement.denied):
            return False
        elif not _is_plain_elsewhere(said, i, source, alike):
            n_plain += 1
    return n_plain > n_missing


def _is_some_effect(general: str, directed: str) -> bool:
    """ "No effect" denies "increases" as well."""
    return is_effect(general) and is_directed(directed)


def _is_plain_elsewhere(said: Statement, place: int, source: Source, alike: float) -> bool:
    spots = source.spots(said, place, said.words[place].stem)
    return any(not s.is_denied and s.likeness >= alike - 0.05 for s in spots)
