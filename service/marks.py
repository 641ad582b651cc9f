"""Citation marks in a streamed answer: found across deltas, resolved, renumbered, or removed.

The parser goes character by character, so that the borders of deltas cannot matter. It holds back
only what may still become a mark, or be removed together with one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from service import mark_forms, mark_spans
from service.mark_forms import Claim, Marked, Passages
from service.mark_spans import Span

__all__ = ["Mark", "MarkParser", "Marked", "Piece", "Text", "merged"]

_BEFORE = 200  # characters kept of the text given out, to judge what a bracket belongs to
_LEAD = re.compile(r"[ \t]*")
_LEAD_AFTER_MARK = re.compile(r"[,;]?[ \t]*")
_OPENERS = tuple(mark_forms.CLOSERS)
_PLAIN = re.compile(r"(?:[ \t]?[^ \t`~$\\:,;\[［【(])+")
_MAY_CITE = re.compile(r"[\[［【(]")
_LABEL = re.compile(r"(?:^|\n)[ \t]*\[[^\]\n]+\]\Z")
_MAY_DEFINE = re.compile(r"\[(?!\[)|［")
_CUT_OPENER = re.compile(r"(?:\[|［|【)\^?")


@dataclass(frozen=True, slots=True)
class Text:
    """Text as the model wrote it."""

    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark: `n` is the citation's number for readers, `key` the passage's in the prompt."""

    n: int
    key: int


Piece = Text | Mark


class MarkParser:
    """Turns the deltas of one answer into text and marks.

    Numbers count up from 1 by first use, one a paper (`numbers`: paper id to number, in that
    order). `removed` counts the marks that pointed at no passage; those are never given out, nor
    are the addresses of links and definitions. Code, maths, indices and intervals stay as they are.
    """

    def __init__(self, passages: Sequence[Marked]) -> None:
        self.removed = 0
        self.numbers: dict[str, int] = {}
        self._passages = Passages(passages)
        self._held = ""
        self._out = _Output()
        self._span: Span | None = None
        self._span_text = ""
        self._position = 0  # of the next character in the answer
        self._hopeless: dict[Span, int] = {}  # before this position none of them is closed

    def feed(self, delta: str) -> list[Piece]:
        """The pieces that became certain with `delta`."""
        self._run(delta)
        return self._out.take()

    def close(self) -> list[Piece]:
        """The rest; the answer is over, and so is the parser."""
        while self._held:
            held, self._held = self._held, ""
            if self._span:
                self._finish_span(held)
            else:
                self._finish(*self._split(held))
        return self._out.take()

    def _run(self, text: str) -> None:
        at = 0
        while at < len(text):
            if not self._held and not self._span and (plain := self._plain(text, at)):
                self._out.give(plain)
                at += len(plain)
                self._position += len(plain)
                continue
            self._held += text[at]
            at += 1
            self._position += 1
            again = self._in_span(self._span) if self._span else self._in_plain()
            if again:
                self._position -= len(again)
                text, at = again + text[at:], 0

    def _run_again(self, text: str) -> None:
        self._position -= len(text)
        self._run(text)

    def _plain(self, text: str, start: int) -> str:
        """The text from `start` on that needs no look: just what single steps would give out."""
        match = _PLAIN.match(text, start)
        return match[0] if match else ""

    # Each step looks at what is held and returns the characters that must be looked at again.

    def _in_plain(self) -> str:
        lead, candidate = self._split(self._held)
        if not candidate:
            return ""
        first = candidate[0]
        if first in "`~":
            return self._read_ticks(lead, candidate)
        if first in "$\\":
            return self._read_maths(lead, candidate)
        if first == ":" and not lead and _LABEL.search(self._out.before):
            return self._read_definition(candidate)
        if first in _OPENERS:
            return self._read_bracket(lead, candidate)
        return self._release(lead + candidate)

    def _split(self, held: str) -> tuple[str, str]:
        """What is held as the space before a candidate, and the candidate."""
        pattern = _LEAD_AFTER_MARK if self._out.after == "mark" else _LEAD
        match = pattern.match(held)
        end = match.end() if match else 0
        return held[:end], held[end:]

    def _release(self, text: str, again: str = "") -> str:
        self._held = ""
        self._out.give(text)
        return again

    def _open(self, span: Span, opener: str, again: str) -> str:
        if self._position - len(again) >= self._hopeless.get(span, 0):
            self._span, self._span_text = span, ""
        return self._release(opener, again)

    def _read_ticks(self, lead: str, candidate: str) -> str:
        tick, again = candidate[0], candidate.lstrip(candidate[0])
        if not again:
            return ""
        run = len(candidate) - len(again)
        if run >= 3 and self._out.is_at_line_start:
            return self._open(mark_spans.fence(tick, run), lead + tick * run, again)
        if tick == "`":
            return self._open(mark_spans.code(run), lead + tick * run, again)
        return self._release(lead + tick * run, again)

    def _read_maths(self, lead: str, candidate: str) -> str:
        opener, again = candidate[:2], candidate[2:]
        if len(opener) == 1:
            return ""
        if opener == "\\[":
            reading = mark_forms.read(candidate, self._out.before)
            if reading == "wait" or self._settle(lead, candidate):
                return ""
            return self._open(mark_spans.SQUARE_MATHS, lead + opener, again)
        if opener == "\\(":
            return self._open(mark_spans.ROUND_MATHS, lead + opener, again)
        if opener == "$$":
            return self._open(mark_spans.DISPLAY_MATHS, lead + opener, again)
        if opener[0] == "$" and not opener[1].isspace():
            return self._open(mark_spans.INLINE_MATHS, lead + "$", candidate[1:])
        if opener[0] == "$":
            return self._release(lead + "$", candidate[1:])
        return self._release(lead + candidate)

    def _read_definition(self, candidate: str) -> str:
        reading = mark_spans.read_definition(candidate, "")
        if reading == "wait":
            return ""
        if reading:
            return self._release("", "\n")
        return self._release(candidate[0], candidate[1:])

    def _read_bracket(self, lead: str, candidate: str) -> str:
        if candidate[0] == "[" and not lead and self._out.is_indexed:
            return self._open(mark_spans.INDEX, "[", candidate[1:])
        if candidate[0] == "(" and not lead and self._out.after in ("bracket", "mark"):
            link = mark_spans.read_link(candidate)
            if link:
                return "" if link == "wait" else self._release("")
        label, rest = self._split_label(candidate)
        reading = mark_forms.read(label, self._out.before)
        if reading == "wait":
            return ""
        if isinstance(reading, Claim):
            definition = self._read_mark_definition(label, rest)
            if definition:
                return "" if definition == "wait" else self._release("")
            if self._settle(lead, label):
                return rest
        if candidate.startswith("[[") and candidate[2:3].isdigit():
            return self._open(mark_spans.MATRIX, lead + "[", candidate[1:])
        return self._release(lead + candidate[0], candidate[1:])

    def _split_label(self, candidate: str) -> tuple[str, str]:
        """At the start of a line: a bracket and what follows it, for `[1]: address`."""
        end = candidate.find("]") + 1
        if not (self._out.is_at_line_start and end and _MAY_DEFINE.match(candidate)):
            return candidate, ""
        return candidate[:end], candidate[end:]

    def _read_mark_definition(self, label: str, rest: str) -> Literal["wait"] | bool:
        """Whether `rest` makes the mark at the start of a line a definition."""
        if not self._out.is_at_line_start or not _MAY_DEFINE.match(label):
            return False
        if not rest:
            return "wait"
        return rest[0] == ":" and mark_spans.read_definition(rest, label)

    def _in_span(self, span: Span) -> str:
        self._span_text += self._held[-1]
        if span.ends(self._span_text):
            self._span = None
            again = self._release(self._held[:-1], self._held[-1])
            self._out.after = "index" if span.is_index else "text"
            return again
        if span.fails(self._span_text):
            self._span, self._hopeless[span] = None, self._position
            again, self._held = self._held, ""
            return again
        if span.instead and self._held[-1] == "`" and "\n" not in self._span_text:
            self._span = span.instead
        if span.is_certain or not _MAY_CITE.search(self._held):
            text = self._held if span.is_certain else self._held.rstrip(" \t")
            return self._release_part(text)
        return ""

    def _release_part(self, text: str) -> str:
        self._out.give(text)
        self._held = self._held[len(text) :]
        return ""

    # The end of the answer.

    def _finish_span(self, held: str) -> None:
        span, self._span = self._span, None
        if span and (span.is_certain or span.closed_at_end.search(self._span_text)):
            self._out.give(held)
        elif span:
            self._hopeless[span] = self._position
            self._run_again(held)

    def _finish(self, lead: str, candidate: str) -> None:
        if candidate[:1] == ":" and mark_spans.read_definition(candidate, "", is_over=True) is True:
            return
        if candidate[:1] in _OPENERS and self._finish_bracket(lead, candidate):
            return
        self._out.give(lead + candidate[:1])
        self._run_again(candidate[1:])

    def _finish_bracket(self, lead: str, candidate: str) -> bool:
        """Settle or drop a mark, a definition or a link that the end of the answer cut."""
        label, rest = self._split_label(candidate)
        if isinstance(mark_forms.read(label, self._out.before), Claim):
            if rest and mark_spans.read_definition(rest, label, is_over=True) is True:
                return True
            if self._settle(lead, label):
                self._run_again(rest)
                return True
        if candidate[0] == "(" and not lead and self._out.after in ("bracket", "mark"):
            return ":" in candidate or "/" in candidate
        if _CUT_OPENER.fullmatch(candidate):
            return True
        whole = candidate.rstrip(" \t,;-–—") + mark_forms.CLOSERS[candidate[0]]
        reading = mark_forms.read(whole, self._out.before)
        if not isinstance(reading, Claim):
            return False
        if reading.numbers and self._passages.is_ambiguous(reading.numbers[-1]):
            self.removed += 1
            return True
        return self._settle(lead, whole)

    # Giving out.

    def _settle(self, lead: str, candidate: str) -> bool:
        """Give out the marks of `candidate`; False if it is no citation."""
        claim = mark_forms.read(candidate, self._out.before)
        if not isinstance(claim, Claim):
            return False
        found, unknown = self._passages.resolve(claim)
        if not found and any(not work.is_certain for work in claim.works):
            return False
        self._held = ""
        self.removed += unknown
        marks = [Mark(self._number(passage), passage.key) for passage in found]
        self._out.give_marks(lead, marks, has_parentheses=claim.has_parentheses)
        return True

    def _number(self, passage: Marked) -> int:
        return self.numbers.setdefault(passage.paper_id, len(self.numbers) + 1)


class _Output:
    """What was given out, and what of it matters for the next character."""

    def __init__(self) -> None:
        self.before = ""
        self.after = "text"  # the last thing given out: text, bracket, index or mark
        self._gap: str | None = None  # the space before a removed mark, not yet given out
        self._cluster: set[int] = set()  # the numbers of the marks that stand together here
        self._pieces: list[Piece] = []

    @property
    def is_at_line_start(self) -> bool:
        """Whether only space stands before, on this line."""
        return self.before.rstrip(" \t")[-1:] in ("", "\n")

    @property
    def is_indexed(self) -> bool:
        """Whether a bracket that follows at once is an index."""
        if self._gap is not None:
            return False
        return self.after == "index" or mark_forms.is_indexed(self.before)

    def give(self, text: str) -> None:
        """Give out text; the space that a removed mark left is closed."""
        if not text:
            return
        if self._gap is not None:
            text, self._gap = _close_gap(self._gap, text, self.before), None
        self._pieces.append(Text(text))
        self.before = (self.before + text)[-_BEFORE:]
        self.after = "bracket" if text.endswith("]") else "text"

    def give_marks(self, lead: str, marks: Iterable[Mark], *, has_parentheses: bool) -> None:
        """Give out marks after their `lead`, each number once where marks stand together.

        No marks, or none that is new here, leave only a gap.
        """
        cluster = set(self._cluster) if self.after == "mark" else set()
        fresh: list[Mark] = []
        for mark in marks:
            if mark.n not in cluster:
                cluster.add(mark.n)
                fresh.append(mark)
        if not fresh:
            self._gap = lead if self._gap is None else self._gap
            return
        self.give((lead or self._gap or "") + ("(" if has_parentheses else ""))
        self._gap = None
        self._pieces.extend(fresh)
        self.before = (self.before + "†")[-_BEFORE:]
        self.after, self._cluster = "mark", cluster
        if has_parentheses:
            self.give(")")

    def take(self) -> list[Piece]:
        """The pieces since the last call."""
        pieces, self._pieces = self._pieces, []
        return merged(pieces)


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces with neighbouring texts joined."""
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Text) and isinstance(last, Text):
            result[-1] = Text(last.text + piece.text)
        else:
            result.append(piece)
    return result


def _close_gap(gap: str, text: str, before: str) -> str:
    """`text` as it follows where a mark and the space before it (`gap`) were taken out."""
    if before[-1:] in ("", "\n", "(", " "):
        return text.lstrip(" \t")
    return text if text[0] in " \t\n.,;:!?)]" else gap + text
