"""Guards: does a sentence change a number, a denial, a direction or a name of what it cites?

Each looks for the place in the source that speaks of the same thing and compares there, because
an abstract holds most words somewhere. A guard returns the reason for its alarm in words for the
reader, or None. The bounds were chosen on damaged and reworded sentences (evals/verdicts.py).
"""

from collections.abc import Callable, Iterator

from service.opposites import (
    axes,
    is_denial,
    is_directed,
    is_effect,
    negations_of,
    relation,
    scope,
)
from service.quantities import Quantity, agrees
from service.statements import Source, Spot, Statement

Guard = Callable[[Statement, Source], str | None]

_SAME_PLACE = 0.45  # likeness from which two places speak of the same thing
_OPPOSED_PLACE = 0.33  # the same for opposites: rarely does a text have both by chance
_DENIED_PLACE = 0.35  # the same for words after a denial: they are compared with several others
_MOST = 0.6  # share of its words that a statement must have to be taken for the one meant
_CLEARLY = 0.15  # by how much one place must be more alike than another to be preferred
_FEW = 10  # up to here a spelled number may be our count of what the source lists


def changed_number(said: Statement, source: Source) -> str | None:
    """A number that the source does not give, or gives for something else."""
    for quantity in said.quantities:
        equal, other = _numbers(said, quantity, source)
        likeness = other[0] if other else 0.0
        if equal is None:
            is_counted = quantity.is_word and not quantity.kind and quantity.value <= _FEW
            if (is_counted and likeness < _SAME_PLACE) or _is_known(quantity, source.about):
                continue
            hint = f", which says {other[1].text}" if other and likeness >= _SAME_PLACE else ""
            return f"{quantity.text} is not in the source{hint}"
        if other and likeness >= max(_SAME_PLACE, equal + _room(quantity, other[1], said)):
            return f"the source says {other[1].text} where this says {quantity.text}"
    return None


def _room(quantity: Quantity, other: Quantity, said: Statement) -> float:
    """By how much the other number must fit better for the one said to be in its place."""
    if quantity.kind and other.kind and quantity.value == other.value:
        return -_CLEARLY  # the same number with another unit
    is_said = any(agrees(each, other) for each in said.quantities)
    return 2 * _CLEARLY if is_said else _CLEARLY


def _is_known(quantity: Quantity, about: str) -> bool:
    return any(agrees(quantity, known) for known in Statement(about).quantities)


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
            if agrees(quantity, given):
                equal = max(equal or 0.0, spot.likeness)
            elif (
                spot.is_near
                and _is_comparable(quantity, given)
                and (other is None or spot.likeness > other[0])
            ):
                other = spot.likeness, given
    return equal, other


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
        elif not is_same and spot.is_near and _may_oppose(said, spot):
            opposite = max(opposite or spot, spot, key=lambda s: s.likeness)
    return same, opposite


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
            return f"the source does not say “{said.words[place].text} {against.word.text}”"
        if not against and not agrees_best and _affirms(source.statements[source.near[0]], said):
            return f"the source does not say “{said.words[place].text}”"
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
            if is_denial(statement.words, place):
                lost = _plain_in(said, source, index, place)
                if lost:
                    return f"the source says “{statement.words[place].text} {lost}”"
    return None


def _plain_in(said: Statement, source: Source, index: int, place: int) -> str | None:
    """A word that the source denies at `place` and the sentence does not, if most speaks for it."""
    statement = source.statements[index]
    plain: list[str] = []
    n_missing = 0
    for other in scope(statement.words, place):
        word = statement.words[other]
        if any(said.places(negation) for negation in negations_of(word.stem)):
            return None
        own = [
            (source.spot(said, i, index, other).likeness, i)
            for i, theirs in enumerate(said.words)
            if relation(word.stem, theirs.stem) or _is_some_effect(word.stem, theirs.stem)
        ]
        alike, i = max(own, default=(0.0, -1))
        if alike < _DENIED_PLACE:
            n_missing += 1
        elif (i in said.denied) == (other in statement.denied):
            return None
        elif not _is_plain_elsewhere(said, i, source, alike):
            plain.append(word.text)
    return plain[0] if len(plain) > n_missing else None


def _is_some_effect(general: str, directed: str) -> bool:
    """ "No effect" denies "increases" as well."""
    return is_effect(general) and is_directed(directed)


def _is_plain_elsewhere(said: Statement, place: int, source: Source, alike: float) -> bool:
    spots = source.spots(said, place, said.words[place].stem)
    return any(not s.is_denied and s.likeness >= alike - 0.05 for s in spots)
