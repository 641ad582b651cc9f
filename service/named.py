"""Papers that a question names: by their title, or by the name that the title gives."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from service.filters import plain

_WORD = re.compile(r"\w+")
_HEAD = re.compile(r"^([^:]{2,40}):\s")
_BRACKETED = re.compile(r"\(([A-Z][\w-]{1,15})\)")
_KEY = 3  # words, the first and the last of a title, by which it is looked up
_SLIPS = 2  # words of a title that may be one slip away from those of the question
_MAX_NAME_WORDS = 3
_TELLING = 5  # words from which a title can hardly stand in a question by chance
_ALIKE = 0.85  # share of equal letters from which a title is meant in spite of slips
_SAME = 0.2  # share of a title's words that are then spelled alike
# What being named adds to the fused score.
WHOLE_TITLE, ALMOST_TITLE, SHORT_NAME = 0.30, 0.25, 0.08

_Words = tuple[str, ...]
_Titled = dict[_Words, list[tuple[_Words, int]]]


@dataclass(frozen=True, slots=True)
class Names:
    """Positions of papers by the first and the last words of their titles, and by short names."""

    starts: _Titled
    ends: _Titled
    short: Mapping[_Words, Sequence[int]]

    @classmethod
    def read(cls, titles: Iterable[tuple[int, str]]) -> "Names":
        """The names in `(position, title)` pairs; 1 s for 77,554 papers."""
        starts: _Titled = {}
        ends: _Titled = {}
        short: dict[_Words, list[int]] = {}
        for position, title in titles:
            words = _words(title)
            if len(words) >= _KEY:
                entry = (words, position)
                starts.setdefault(words[:_KEY], []).append(entry)
                ends.setdefault(words[-_KEY:], []).append(entry)
            for name in _short_names(title):
                short.setdefault(name, []).append(position)
        return cls(starts, ends, short)

    def bonuses(self, question: str) -> dict[int, float]:
        """What each paper that the question names gains, by position."""
        words = _words(question)
        found: dict[int, float] = {}
        for n, size in ((n, s) for n in range(len(words)) for s in range(1, _MAX_NAME_WORDS + 1)):
            name = words[n : n + size]
            owners = self.short.get(name, ()) if len(name) == size else ()
            if owners and _is_name(name, words[n + size : n + size + 1], question):
                found |= dict.fromkeys(owners, SHORT_NAME / len(owners))
        for title, position, said in self._titles_in(words):
            n_slips = _slips(title, said)
            if n_slips <= _SLIPS and 2 * n_slips < len(title) and _is_said(title, words):
                worth = ALMOST_TITLE if n_slips else WHOLE_TITLE
                found[position] = max(worth, found.get(position, 0.0))
        return found

    def _titles_in(self, words: _Words) -> Iterator[tuple[_Words, int, _Words]]:
        """Titles that begin or end as something in the question does, and what stands there."""
        for n in range(len(words) - _KEY + 1):
            key = words[n : n + _KEY]
            for title, position in self.starts.get(key, ()):
                yield title, position, words[n : n + len(title)]
            for title, position in self.ends.get(key, ()):
                start = n + _KEY - len(title)
                if start >= 0:
                    yield title, position, words[start : n + _KEY]


def spelled(text: str) -> str:
    """The words of a text alone, without accents and case."""
    return " ".join(_words(text))


def is_nearly(title: str, question: str) -> bool:
    """Whether the question, as `spelled` gives it, is the title but for a few slips."""
    if abs(len(title) - len(question)) > 0.4 * len(title):  # spelling it costs more
        return False
    one = spelled(title)
    if min(len(one), len(question)) < 12 or abs(len(one) - len(question)) > 0.3 * len(one):
        return False
    words = set(one.split())
    if len(words.intersection(question.split())) < _SAME * len(words):
        return False
    return SequenceMatcher(None, one, question, autojunk=False).ratio() >= _ALIKE


def _slips(title: _Words, said: _Words) -> int:
    """How many words differ, by one slip each; more than any title has for other texts."""
    if len(title) != len(said):
        return len(title) + 1
    differing = [(one, other) for one, other in zip(title, said, strict=True) if one != other]
    return len(differing) if all(_is_slip(*pair) for pair in differing) else len(title) + 1


def _is_slip(one: str, other: str) -> bool:
    """Whether a letter too many, too few, wrong or out of turn makes one word the other.

    Damerau 1964: four of five misspellings are one of these. Another number is no slip.
    """
    shorter = min(len(one), len(other))
    if shorter < 3 or not (one + other).isalpha():
        return False
    same = next((n for n in range(shorter) if one[n] != other[n]), shorter)
    one, other = one[same:], other[same:]
    is_turned = one[:2] == other[1::-1] and one[2:] == other[2:]
    return is_turned or one[1:] == other[1:] or one[1:] == other or one == other[1:]


def _is_said(title: Sequence[str], question: Sequence[str]) -> bool:
    """Whether the title is meant, not only its subject, as by "Information Retrieval Systems"."""
    return len(title) >= _TELLING or 2 * len(title) >= len(question)


def _is_name(name: Sequence[str], following: Sequence[str], question: str) -> bool:
    """Whether these words of the question are written like a name, or "paper" follows them."""
    if following and following[0] in ("paper", "model", "benchmark", "dataset", "algorithm"):
        return True
    written = re.search(r"\W*".join(map(re.escape, name)), question, re.IGNORECASE)
    return written is not None and any(c.isupper() or c.isdigit() for c in written[0][1:])


def _short_names(title: str) -> Iterable[_Words]:
    head = _HEAD.match(title)
    if head and 1 <= len(words := _words(head[1])) <= _MAX_NAME_WORDS:
        yield words
    for match in _BRACKETED.finditer(title):
        yield _words(match[1])
        if match[1].endswith("s"):
            yield _words(match[1][:-1])


def _words(text: str) -> _Words:
    return tuple(_WORD.findall(plain(text)))
