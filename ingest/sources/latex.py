"""LaTeX in bibliographic fields as text: accents and commands resolved, formulas kept as typed."""

import re

# pylatexenc has no types
from pylatexenc.latex2text import LatexNodes2Text  # type: ignore[import-untyped]
from pylatexenc.latexwalker import LatexWalkerError  # type: ignore[import-untyped]

_NEEDED = re.compile(r"[\\{}~$]|--|``|''")
_BARE_PERCENT = re.compile(r"(?<!\\)%")  # in a field it is a sign, not the start of a comment
_BRACES = re.compile(r"(?<!\\)[{}]")
_REFERENCE = re.compile(r"[~ ]?\\(?:cite\w*|ref|eqref|label)\*?(?:\[[^\[\]]*\])*\{[^{}]*\}")
_LINK = re.compile(r"\\(?:url|href\{[^{}]*\})\{([^{}]*)\}")
MAX_FIELD = 20_000  # characters; a longer field only loses its braces, parsing it takes seconds


class Latex:
    """Turns LaTeX into text. Making one takes milliseconds: make one a file."""

    def __init__(self) -> None:
        self._converter = LatexNodes2Text(
            math_mode="verbatim", keep_comments=True, strict_latex_spaces=False
        )

    def text(self, value: str) -> str:
        """The value as it would be printed; `$…$` stays as typed.

        References to other works or places, which a field cannot follow, are left out. A value
        that cannot be parsed loses its braces and nothing else.
        """
        if not _NEEDED.search(value):
            return value
        value = _LINK.sub(r"\1", _REFERENCE.sub("", value))
        if len(value) <= MAX_FIELD:
            try:
                return str(self._converter.latex_to_text(_BARE_PERCENT.sub(r"\\%", value)))
            except (LatexWalkerError, RecursionError, ValueError, LookupError, TypeError):
                pass  # pylatexenc raises all of these on damaged input
        return _BRACES.sub("", value)
