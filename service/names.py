"""Names and acronyms: does a sentence speak of something that its source never names?"""

import re
from collections.abc import Iterator
from functools import lru_cache

from service.statements import Source, Statement
from service.wording import STOP_WORDS, stem

_TOKEN = re.compile(r"[^\s/(),;:“”\"\[\]{}$\\<>=≤≥±~×]+")
_NEW_START = re.compile(r"[.:!?…•*—–-]\W*$|[“\"‘]$")
_NO_SIGN = re.compile(r"[\W_]+")
_SHORT = 3  # letters up to which a name must be a word of the source, not a part of one
_SAME_PLACE = 0.45  # likeness from which two places speak of the same thing
_ROOT = 4  # letters by which "China" and "Chinese" are one name


def foreign_name(said: Statement, source: Source) -> str | None:
    """A name or acronym that is neither in the source nor made from its words."""
    names = list(names_in(said))
    if not names:
        return None
    text = " ".join([source.about, *(s.text for s in source.statements)])
    near = " ".join([source.about, *(source.statements[i].text for i in source.near)])
    known, known_near = _known(text), _known(near)
    for name in names:
        if known.has(name):
            continue
        is_short = len(_squash(name)) <= _SHORT  # three letters begin words anywhere by chance
        is_made = (known_near if is_short else known).abbreviates(name)
        if not is_made or (is_short and _is_anothers_place(name, said, source)):
            return f"“{name}” is not in the source"
    return None


def _is_anothers_place(name: str, said: Statement, source: Source) -> bool:
    """Whether the source has, where the sentence has the name, one that the sentence has not."""
    own = {word.text for word in said.words}
    return any(
        _is_coded(word.text)
        and word.text not in own
        and source.spot(said, place, index, other).likeness >= _SAME_PLACE
        for place in said.places(stem(name))
        for index in source.near
        for other, word in enumerate(source.statements[index].words)
    )


@lru_cache(maxsize=200)  # the sentences of an answer cite the same few papers
def _known(text: str) -> "_Known":
    return _Known(text)


class _Known:
    """What a text names, for asking many times."""

    def __init__(self, text: str) -> None:
        tokens = _TOKEN.findall(text)
        words = [word.casefold() for word in re.findall(r"[^\W_]+", text)]
        self._forms = {form for token in tokens for form in _forms(token)}
        self._stems = {stem(word) for word in words}
        self._roots = {_squash(t)[:_ROOT] for t in tokens if t[0].isupper()}
        self._squashed = _squash(text)
        self._initials = (
            "".join(word[0] for word in words),
            "".join(word[0] for word in words if word not in STOP_WORDS),
        )

    def has(self, name: str) -> bool:
        """Whether the text has the name, in another form or as part of a longer word perhaps."""
        key = _squash(name)
        if {key, key.removesuffix("s"), key + "s"} & self._forms or stem(name) in self._stems:
            return True
        if len(key) > _SHORT and key.removesuffix("s") in self._squashed:
            return True
        return not _is_coded(name) and len(key) > _ROOT and key[:_ROOT] in self._roots

    def abbreviates(self, name: str) -> bool:
        """Whether the letters of an acronym begin words that follow each other in the text."""
        key = _squash(name).removesuffix("s")
        return name.removesuffix("s").isupper() and any(key in line for line in self._initials)


def names_in(said: Statement) -> Iterator[str]:
    """Acronyms, names with digits, and capitalised words that do not begin a sentence or line."""
    tokens = list(_TOKEN.finditer(said.text))
    is_title = sum(t[0][0].isupper() for t in tokens) > 0.5 * len(tokens)
    end = 0
    for token in tokens:
        is_first = not end or _NEW_START.search(said.text, end - 1, token.start())
        end = token.end()
        if any(q.start <= token.start() < q.start + len(q.text) for q in said.quantities):
            continue
        for part in _parts(token[0]):
            is_capital = part[0].isupper() and not (is_first or is_title)
            if _is_coded(part) or (is_capital and part.casefold() not in STOP_WORDS):
                yield part


def _parts(token: str) -> list[str]:
    """The names in a token; those with a digit or after a letter stay whole: "IL-6", "H-ras"."""
    bare = token.strip(".!?*_'’`-").removesuffix("'s").removesuffix("’s")
    is_whole = any(c.isdigit() for c in bare) or bare[1:2] == "-"
    return [p for p in ([bare] if is_whole else bare.split("-")) if len(p) > 1]


def _is_coded(part: str) -> bool:
    """Whether it is written as no plain word is: "BERT", "mRNA", "p53"."""
    is_mixed = any(c.isdigit() for c in part) and any(c.isalpha() for c in part)
    return is_mixed or sum(c.isupper() for c in part) > 1


def _squash(text: str) -> str:
    return _NO_SIGN.sub("", text).casefold()


def _forms(token: str) -> Iterator[str]:
    yield _squash(token)
    for part in token.split("-"):
        yield _squash(part.removesuffix("'s").removesuffix("’s"))
