"""Papers that a question names: by their title, or by the name that the title gives."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from service.filters import plain

_WORD = re.compile(r"\w+")
_HEAD = re.compile(r"^([^:]{2,40}):\s")
_BRACKETED = re.compile(r"\(([A-Z][\w-]{1,15})\)")
_LEADING = 3  # words by which titles are looked up
_MAX_NAME_WORDS = 3
_TELLING = 5  # words from which a title can hardly stand in a question by chance
_ALIKE = 0.85  # share of equal letters from which a title is meant in spite of a slip
WHOLE_TITLE, SHORT_NAME = 0.30, 0.08  # what being named adds to the fused score


@dataclass(frozen=True, slots=True)
class Names:
    """Positions of papers by the first words of their titles, and by their short names."""

    titles: Mapping[tuple[str, ...], Sequence[tuple[tuple[str, ...], int]]]
    short: Mapping[tuple[str, ...], Sequence[int]]

    @classmethod
    def read(cls, titles: Iterable[tuple[int, str]]) -> "Names":
        """The names in `(position, title)` pairs; 1 s for 77,554 papers."""
        by_start: dict[tuple[str, ...], list[tuple[tuple[str, ...], int]]] = {}
        short: dict[tuple[str, ...], list[int]] = {}
        for position, title in titles:
            words = _words(title)
            if len(words) >= _LEADING:
                by_start.setdefault(words[:_LEADING], []).append((words, position))
            for name in _short_names(title):
                short.setdefault(name, []).append(position)
        return cls(by_start, short)

    def bonuses(self, question: str) -> dict[int, float]:
        """What each paper that the question names gains, by position."""
        words = _words(question)
        found: dict[int, float] = {}
        for n, size in ((n, s) for n in range(len(words)) for s in range(1, _MAX_NAME_WORDS + 1)):
            name = words[n : n + size]
            owners = self.short.get(name, ()) if len(name) == size else ()
            if owners and _is_name(name, words[n + size : n + size + 1], question):
                found |= dict.fromkeys(owners, SHORT_NAME / len(owners))
        for n in range(len(words) - _LEADING + 1):
            for title, position in self.titles.get(words[n : n + _LEADING], ()):
                if words[n : n + len(title)] == title and _is_said(title, words):
                    found[position] = WHOLE_TITLE
        return found


def spelled(text: str) -> str:
    """The words of a text alone, without accents and case."""
    return " ".join(_words(text))


def is_nearly(title: str, question: str) -> bool:
    """Whether the question, as `spelled` gives it, is the title but for a slip or two."""
    if abs(len(title) - len(question)) > 0.4 * len(title):  # spelling it costs more
        return False
    one = spelled(title)
    if min(len(one), len(question)) < 12 or abs(len(one) - len(question)) > 0.3 * len(one):
        return False
    if _shared_letters(one, question) < _ALIKE * (len(one) + len(question)) / 2:
        return False
    return SequenceMatcher(None, one, question, autojunk=False).ratio() >= _ALIKE


def _shared_letters(one: str, other: str) -> int:
    """How many letters of one can be matched with equal ones of the other, in any order."""
    return sum(min(one.count(letter), other.count(letter)) for letter in set(one))


def _is_said(title: Sequence[str], question: Sequence[str]) -> bool:
    """Whether the title is meant, not only its subject, as by "Information Retrieval Systems"."""
    return len(title) >= _TELLING or 2 * len(title) >= len(question)


def _is_name(name: Sequence[str], following: Sequence[str], question: str) -> bool:
    """Whether these words of the question are written like a name, or "paper" follows them."""
    if following and following[0] in ("paper", "model", "benchmark", "dataset", "algorithm"):
        return True
    written = re.search(r"\W*".join(map(re.escape, name)), question, re.IGNORECASE)
    return written is not None and any(c.isupper() or c.isdigit() for c in written[0][1:])


def _short_names(title: str) -> Iterable[tuple[str, ...]]:
    head = _HEAD.match(title)
    if head and 1 <= len(words := _words(head[1])) <= _MAX_NAME_WORDS:
        yield words
    for match in _BRACKETED.finditer(title):
        yield _words(match[1])
        if match[1].endswith("s"):
            yield _words(match[1][:-1])


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(plain(text)))
