"""Words that exclude each other, and words that deny."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

from service.wording import Word, stem

Side = tuple[int, int]  # an axis of meaning, and a side of it: two sides exclude each other

_DENIALS = frozenset(
    """not no never neither nor none nobody nothing without cannot fail fails failed failing failure
    lack lacks lacked lacking unable absent absence hardly scarcely barely rarely seldom unlikely
    nowhere
    """.split()
)
_NO_DENIAL_AFTER = {"not": {"only", "just", "merely", "solely", "least"}, "no": {"more", "less"}}
_PREFIXES = ("non", "un", "in", "im", "ir", "il", "dis", "ab")
_SCOPE = 3  # content words after a denial that it denies, adverbs and verbs of saying left out
_SAYING = frozenset(
    stem(word)
    for word in """find found observe see seen show shown demonstrate suggest indicate report say
    believe think know known conclude confirm prove reveal mean hold true case evidence""".split()
)
_EFFECTS = frozenset(
    stem(word)
    for word in "affect effect influence impact change alter alteration differ difference".split()
)
_EFFECT_AXES = 4  # the first lines of opposites.txt


@lru_cache(maxsize=1)
def axes() -> Mapping[str, frozenset[Side]]:
    """Which sides of which axes of opposites.txt each stem stands on."""
    listed = (files(__package__) / "opposites.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, set[Side]] = {}
    for axis, line in enumerate(line for line in listed if not line.startswith("#")):
        for side, words in enumerate(line.split("|")):
            for word in words.split():
                found.setdefault(stem(word), set()).add((axis, side))
    return {word: frozenset(sides) for word, sides in found.items()}


@lru_cache(maxsize=200_000)
def relation(one: str, other: str) -> bool | None:
    """Whether two stems say the same (True) or exclude each other (False); None: neither."""
    if one == other:
        return True
    if _negates(one, other) or _negates(other, one):
        return False
    theirs = axes().get(other)
    if not theirs or one not in axes():
        return None
    ours = axes()[one]
    if any(
        axis == their_axis and side != their_side
        for axis, side in ours
        for their_axis, their_side in theirs
    ):
        return False
    return True if ours & theirs else None


def _negates(long: str, short: str) -> bool:
    return len(short) > 3 and long.endswith(short) and long.removesuffix(short) in _PREFIXES


def is_denial(words: Sequence[Word], place: int) -> bool:
    """Whether the word there denies what follows it."""
    word = words[place].text.casefold().replace("’", "'")
    following = words[place + 1].text.casefold() if place + 1 < len(words) else ""
    before = words[place - 1].text.casefold() if place else ""
    if word.endswith("n't"):
        word = "not"
    if following in _NO_DENIAL_AFTER.get(word, ()) or (word == "not" and before == "or"):
        return False
    return word in _DENIALS


def scope(words: Sequence[Word], place: int) -> Iterator[int]:
    """The places of the words that a denial at `place` denies: the next few of its clause.

    "It was not found that ..." denies what follows the "that".
    """
    n_denied = n_light = 0
    for i in range(place + 1, len(words)):
        is_past = words[i].clause != words[place].clause and (n_denied or not n_light)
        if is_past or n_denied == _SCOPE:
            return
        if words[i].is_content:
            is_light = words[i].stem in _SAYING or words[i].text.endswith("ly")
            n_light += is_light
            n_denied += not is_light
            yield i


def denied(words: Sequence[Word]) -> frozenset[int]:
    """The places of all words that something in the text denies; two denials cancel out."""
    odd: set[int] = set()
    for place in range(len(words)):
        if is_denial(words, place):
            odd ^= set(scope(words, place))
    return frozenset(odd)


def negations_of(stem: str) -> frozenset[str]:
    """The stem with each prefix that negates it, and without the one it has."""
    made = {prefix + stem for prefix in _PREFIXES}
    bare = {stem.removeprefix(p) for p in _PREFIXES if stem.startswith(p)}
    return frozenset(each for each in made | bare if len(each) > 3)


def is_effect(stem: str) -> bool:
    """Whether the word speaks of an effect without its direction: "affects", "change"."""
    return stem in _EFFECTS


def is_directed(stem: str) -> bool:
    """Whether the word speaks of an effect and its direction: "increases", "improves"."""
    return any(axis < _EFFECT_AXES for axis, _ in axes().get(stem, ()))
