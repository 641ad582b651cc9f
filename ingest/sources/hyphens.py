"""Words that a typesetter broke at a line end ("in- cluding"), made whole where that is safe."""

import re

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BROKEN = re.compile(r"(?<![\w-])([^\W\d_]{1,20})- ([a-z]{2,20})\b(?!-)")
# "pre- and post-training": the hyphen hangs on purpose.
_HANGING = frozenset(
    [
        "and",
        "or",
        "to",
        "nor",
        "but",
        "vs",
        "versus",
        "as",
        "und",
        "oder",
        "et",
        "ou",
        "through",
        "than",
        "with",
    ]
)
# Fragments that stand before a hyphen in good writing; they never lose it.
_COMPOUNDS = frozenset(
    [
        "self",
        "non",
        "pre",
        "post",
        "multi",
        "semi",
        "meta",
        "cross",
        "co",
        "inter",
        "intra",
        "sub",
        "super",
        "anti",
        "over",
        "under",
        "well",
        "high",
        "low",
        "long",
        "short",
        "large",
        "small",
        "full",
        "half",
        "one",
        "two",
        "three",
        "open",
        "closed",
        "fine",
        "end",
        "state",
        "real",
        "few",
        "zero",
        "single",
    ]
)


def whole_words(page: str) -> frozenset[str]:
    """The words of a page in lower case, compounds in one piece, without broken ones."""
    return frozenset(word.casefold() for word in _WORD.findall(_BROKEN.sub(" ", page)))


def dehyphenate(text: str, words: frozenset[str]) -> str:
    """The text with broken words joined, where the `words` of its page show how.

    A break `left- right` becomes, by the first rule that fits:
    1. unchanged, if `right` is a conjunction ("short- and long-term");
    2. `leftright`, if the page has that word elsewhere;
    3. `left-right`, if the page has that elsewhere, or if `left` is a common first part of
       compounds or a word of at least four letters on the page;
    4. unchanged, if `right` stands alone on the page: it is a word, so the hyphen may belong there;
    5. `leftright`.
    """
    return _BROKEN.sub(lambda broken: _join(broken, words), text)


def _join(broken: re.Match[str], words: frozenset[str]) -> str:
    left, right = broken[1], broken[2]
    if right in _HANGING:
        return broken[0]
    first = left.casefold()
    if first + right in words:
        return left + right
    if f"{first}-{right}" in words or first in _COMPOUNDS or (len(first) > 3 and first in words):
        return f"{left}-{right}"
    return broken[0] if right in words else left + right
