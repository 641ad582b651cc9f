"""Word stems, as the word index makes them: for saying which terms matched, and how well."""

import re

import snowballstemmer

_WORD = re.compile(r"\w+")
_stem = snowballstemmer.stemmer("english").stemWord


def stems(text: str) -> dict[str, str]:
    """The stem of each word of the text with the first word that has it, in order."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text.casefold()):
        found.setdefault(_stem(word), word)
    return found
