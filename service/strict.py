"""Strict answers: without the sentences that their sources do not say."""

import re
from collections.abc import Sequence

from service.citations import AnswerSentence, Citation, Ledger
from service.draft import Draft, is_refused
from service.retrieve import Passage

_MARK = re.compile(r"\[(\d+)\]")
_EMPTY_LINE = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)]|#{1,6}|>)?[ \t]*$")
_GAPS = re.compile(r"\n{3,}")


def drop_refused(draft: Draft, passages: dict[int, Passage]) -> tuple[int, dict[int, Passage]]:
    """Takes the refused sentences out of a checked draft, and numbers its marks anew.

    Returns how many were dropped, and the passages by their new numbers. `passages` are by mark
    number.
    """
    written = draft.written()
    refused = [raw for raw, s in zip(written, draft.sentences, strict=True) if is_refused(s)]
    if not refused:
        return 0, passages
    kept = [s for s in draft.sentences if not is_refused(s)]
    text = _without(draft.text, written, draft.sentences)
    numbers = {old: n for n, old in enumerate(_used(text), 1)}
    text = _MARK.sub(lambda m: f"[{numbers[int(m[1])]}]" if int(m[1]) in numbers else m[0], text)
    old = draft.ledger.citations()
    draft.rewrite(text, [_renumbered(s, numbers) for s in kept])
    draft.ledger = _ledger(old, numbers, passages)
    return len(refused), {numbers[n]: p for n, p in passages.items() if n in numbers}


def _without(text: str, written: Sequence[str], sentences: Sequence[AnswerSentence]) -> str:
    """The text less its refused sentences; lines that held nothing else go too."""
    at, parts = 0, []
    for raw, sentence in zip(written, sentences, strict=True):
        found = re.compile(r"\s*".join(map(re.escape, raw.split()))).search(text, at)
        if not found:
            continue
        parts.append(text[at : found.start()])
        at = found.end()
        if not is_refused(sentence):
            parts.append(found[0])
    whole = "".join([*parts, text[at:]])
    before = {line.strip() for line in text.split("\n")}
    lines = [
        re.sub(r"[ \t]{2,}", " ", line).rstrip()
        for line in whole.split("\n")
        if not _EMPTY_LINE.match(line) or line.strip() in before
    ]
    return _GAPS.sub("\n\n", "\n".join(lines)).strip()


def _used(text: str) -> list[int]:
    return list(dict.fromkeys(int(n) for n in _MARK.findall(text)))


def _renumbered(sentence: AnswerSentence, numbers: dict[int, int]) -> AnswerSentence:
    marks = tuple(numbers[n] for n in sentence.marks if n in numbers)
    return AnswerSentence(sentence.text, marks, sentence.verdict, sentence.reason)


def _ledger(
    old: Sequence[Citation], numbers: dict[int, int], passages: dict[int, Passage]
) -> Ledger:
    ledger = Ledger()
    for citation in old:
        if citation.n in numbers:
            quoted = [e.sentence for e in citation.evidence]
            ledger.cite(numbers[citation.n], passages[citation.n].stored, quoted)
    return ledger
