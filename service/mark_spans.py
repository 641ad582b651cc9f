"""Where brackets are no citation marks: code, maths, indices, matrices, links, definitions."""

import re
from dataclasses import dataclass
from typing import Literal

TAIL = 80  # characters of a span's end that its patterns look at

_BLANK_LINE = re.compile(r"\n[ \t]*\n\Z")
_LINE_END = re.compile(r"\n\Z")
# Two plain words in a row, or an amount and a space: "$5 million and more", no formula.
_NO_MATHS = re.compile(r"\n\Z|(?<![\\{A-Za-z])[a-z]{2,} [a-z]{3,}\Z|\A\d[\d,.]* \Z")
_TITLE = r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|\([^)\n]*\)?)?"
_DEFINITION = re.compile(rf":[ \t]*(?:\n[ \t]*)?(\S+)(?:[ \t]+{_TITLE})?[ \t]*\n?")
_DEFINITION_SO_FAR = re.compile(rf":[ \t]*(?:\n[ \t]*)?(?:\S+(?:[ \t]+{_TITLE}[ \t]*)?)?")
_ADDRESS = r"[ \t]*(?:<[^<>\n]*>|(?:[^\s()<>]|\([^\s()]*\))*)"
_LINK = re.compile(rf"\({_ADDRESS}(?:\s+[\"'(][^\n]*)?[ \t]*\)")
_LINK_SO_FAR = re.compile(
    r"\([ \t]*(?:<[^<>\n]*>?|(?:[^\s()<>]|\([^\s()]*\))*(?:\([^\s()]*)?)(?:\s+([\"'(][^\n]*)?)?"
)
_LONGEST_ADDRESS = 2000


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in which brackets are no marks.

    `closed` matches the span's text together with the one character that follows the span,
    `closed_at_end` when nothing follows. `refuted` (or more than `longest` characters) shows that
    it never was such a span. Without `refuted` it is certain from its opener on.
    """

    closed: re.Pattern[str]
    closed_at_end: re.Pattern[str]
    refuted: re.Pattern[str] | None = None
    longest: int = 600
    instead: "Span | None" = None  # what it is when a backtick stands in its first line
    is_index: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether nothing that follows can make it ordinary text."""
        return self.refuted is None

    def ends(self, text: str) -> bool:
        """Whether the span is over one character before the end of `text`."""
        return bool(self.closed.search(text[-TAIL:]))

    def fails(self, text: str) -> bool:
        """Whether `text` shows that this was no such span."""
        if self.refuted is None:
            return False
        return len(text) > self.longest or bool(self.refuted.search(text[-TAIL:]))


def _span(end: str, *, refuted: re.Pattern[str] = _BLANK_LINE, longest: int = 600) -> Span:
    return Span(re.compile(rf"{end}.\Z", re.S), re.compile(rf"{end}\Z"), refuted, longest)


def code(run: int) -> Span:
    """Inline code between two runs of that many backticks."""
    end = rf"(?<!`)`{{{run}}}"
    return Span(re.compile(rf"{end}[^`]\Z"), re.compile(rf"{end}\Z"), _BLANK_LINE, longest=1000)


def fence(tick: str, run: int) -> Span:
    """A fenced block: up to a line of at least as many ticks, else up to the end of the text."""
    end = rf"\n[ \t]*{re.escape(tick)}{{{run},}}[ \t]*"
    instead = code(run) if tick == "`" else None
    return Span(re.compile(rf"{end}\n\Z"), re.compile(r"\Z"), instead=instead)


INLINE_MATHS = Span(
    # As in Pandoc: no space before the closing dollar, no digit after it.
    re.compile(r"[^\s\\$]\$\D\Z"),
    re.compile(r"[^\s\\$]\$\Z"),
    _NO_MATHS,
    longest=300,
)
DISPLAY_MATHS = _span(r"\$\$", longest=3000)
ROUND_MATHS = _span(r"\\\)", longest=1000)
SQUARE_MATHS = _span(r"\\\]", longest=3000)
MATRIX = _span(r"\]\s*\]", refuted=_LINE_END)
INDEX = Span(re.compile(r"\].\Z", re.S), re.compile(r"\]\Z"), _LINE_END, TAIL, is_index=True)


def read_definition(text: str, label: str, *, is_over: bool = False) -> Literal["wait"] | bool:
    """Whether `text` after `label` at the start of a line makes a Markdown definition of it.

    `text` begins with a colon; `label` is the mark before it, or empty for words in brackets:
    those need an address (so that "[Note]: yes" stays). All is definition after a footnote's
    label `[^1]`. `is_over` says that nothing follows.
    """
    if label.startswith("[^"):
        return True if is_over or text.endswith("\n") else "wait"
    if (match := _DEFINITION.fullmatch(text)) and (is_over or text.endswith("\n")):
        return bool(label or re.search(r"[/.:#@<]", match[1]))
    if is_over or len(text) > _LONGEST_ADDRESS:
        return False
    return "wait" if _DEFINITION_SO_FAR.fullmatch(text) else False


def read_link(text: str) -> Literal["wait"] | bool:
    """Whether `text`, which follows a closing bracket, is the address of a link: `(https://…)`."""
    if _LINK.fullmatch(text):
        return True
    if len(text) > _LONGEST_ADDRESS:
        return False
    return "wait" if _LINK_SO_FAR.fullmatch(text) else False
