"""Names and acronyms: does a sentence speak of something that its source never names?"""

import re
from collections.abc import Iterator

from service.statements import Source, Statement
from service.wording import STOP_WORDS

_TOKEN = re.compile(r"[^\s/(),;:“”\"\[\]{}$\\]+")
_NO_SIGN = re.compile(r"[\W_]+")
_SHORT = 3  # letters up to which a name must be a word of the source, not a part of one
_STEM = 4  # letters by which "China" and "Chinese" are one name


def foreign_name(said: Statement, source: Source) -> str | None:
    """A name or acronym that is neither in the source nor made from its words."""
    text = " ".join([source.about, *(s.text for s in source.statements)])
    near = " ".join([source.about, *(source.statements[i].text for i in source.near)])
    known = _Known(text, near)
    for name in names_in(said):
        if not known.has(name):
            return f"“{name}” is not in the source"
    return None


class _Known:
    """What the source names, for asking many times."""

    def __init__(self, text: str, near: str) -> None:
        tokens = _TOKEN.findall(text)
        self._words = {form for token in tokens for form in _forms(token)}
        self._capital_starts = {_squash(t)[:_STEM] for t in tokens if t[0].isupper()}
        self._squashed = _squash(text)
        self._initials = _initials(text)
        self._near_initials = _initials(near)

    def has(self, name: str) -> bool:
        key = _squash(name)
        if {key, key.removesuffix("s"), key + "s"} & self._words:
            return True
        if len(key) > _SHORT and key.removesuffix("s") in self._squashed:
            return True
        if name.isupper() or name[:-1].isupper():
            initials = self._initials if len(key) > _SHORT else self._near_initials
            return any(key.removesuffix("s") in line for line in initials)
        return len(key) > _STEM and key[:_STEM] in self._capital_starts


def names_in(said: Statement) -> Iterator[str]:
    """Acronyms, names with digits, and capitalised words that do not begin the sentence."""
    tokens = list(_TOKEN.finditer(said.text))
    is_title = sum(t[0][0].isupper() for t in tokens) > 0.5 * len(tokens)
    for n, token in enumerate(tokens):
        bare = token[0].strip(".!?*_'’`").removesuffix("'s").removesuffix("’s")
        if any(q.start <= token.start() < q.start + len(q.text) for q in said.quantities):
            continue
        is_whole = any(c.isdigit() for c in bare) or bare[1:2] == "-"  # "IL-6", "H-ras"
        for part in [bare] if is_whole else bare.split("-"):
            is_coded = sum(c.isupper() for c in part) > 1 or _is_mixed(part)
            is_word = part.casefold() in STOP_WORDS or len(part) < 2
            is_capital = part[:1].isupper() and n > 0 and not is_title and not is_word
            if is_coded or is_capital:
                yield part


def _is_mixed(part: str) -> bool:
    return any(c.isdigit() for c in part) and any(c.isalpha() for c in part)


def _squash(text: str) -> str:
    return _NO_SIGN.sub("", text).casefold()


def _forms(token: str) -> Iterator[str]:
    yield _squash(token)
    for part in token.split("-"):
        yield _squash(part.removesuffix("'s").removesuffix("’s"))


def _initials(text: str) -> tuple[str, str]:
    """The first letters of all words, and of all but stop words."""
    words = [word.casefold() for word in re.findall(r"[^\W_]+", text)]
    return (
        "".join(word[0] for word in words),
        "".join(word[0] for word in words if word not in STOP_WORDS),
    )
