"""The verdict on a sentence of an answer: do the sentences that it cites say it?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.citations import VerdictKind
from service.guards import Guard, changed_denial, changed_direction, changed_number
from service.names import foreign_name
from service.statements import Source, Statement, statement, telling
from service.wording import stem

_MARK = re.compile(r"\s*(?:\[\^?\d+(?:\s*,\s*\d+)*\]|【\d+】)")
_NO_WORD = re.compile(r"(?:(?![-−]\d)[^\w%<>≤≥±]|(?<=\w)[-−])+")  # signs of numbers are kept
_GUARDS: tuple[Guard, ...] = (changed_number, foreign_name, changed_denial, changed_direction)
_ASKED = 0.8  # what a sentence counts that asks or announces
_SUPPORT = 0.47  # keeps 99.8 % of rewordings, 79 % of conclusions; catches 99 % of wrong papers
_SUPPORT_IN_WORDS = 0.5  # the same where only words are compared
_COMMON_WEIGHT = 0.3
_COMMON = frozenset(  # words of any paper: they say little about which paper is meant
    stem(word)
    for word in """achieve analysis analyze approach author challenge compare conclude conduct
    consider data demonstrate describe develop discuss evaluate examine existing experiment
    experimental extensive find finding found further important indicate introduce investigate key
    method new novel observe obtain paper perform performance present problem propose provide
    recent report research result say show significant study suggest technique various work
    """.split()
)
_AT_MOST = 3  # sentences of the source that one sentence may rest on, and one that adds much
_LOOKED_AT = 8  # for these, best first
_WORTH = 0.15  # share of its words that a sentence of the source must add


@dataclass(frozen=True, slots=True)
class EvidenceSentence:
    """A sentence of a cited abstract. `title` may hold what else is known: names, year, venue;
    names and figures in it need no sentence.
    """

    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found. `best` are the indexes of the evidence it rests on, best first."""

    kind: VerdictKind
    reason: str
    best: tuple[int, ...]


def verify(
    sentence: str,
    evidence: Sequence[EvidenceSentence],
    *,
    similarities: Sequence[float] | None = None,
) -> Verdict:
    """Whether the evidence, all sentences of all papers that the sentence cites, says it.

    `similarities` are the cosines of the sentence's vector with each evidence sentence's; without
    them only the words are compared. No evidence means that the sentence cites nothing.
    """
    if not evidence:
        return Verdict("uncited", "no source is cited", ())
    said = Statement(_MARK.sub("", sentence))
    statements = [statement(e.text) for e in evidence]
    for i, each in enumerate(statements):
        if _plain(said.text) == _plain(each.text):
            return Verdict("verbatim", "word for word in the source", (i,))
    weights = telling(statements) | dict.fromkeys(_COMMON, _COMMON_WEIGHT)
    near = _near(said, statements, weights, similarities)
    coverage = _coverage(said, [statements[i] for i in near], weights)
    if not _is_close(said, statements, weights, coverage, similarities):
        return Verdict("weak", "no sentence of the source is close to this", near)
    about = " ".join(dict.fromkeys(e.title for e in evidence))
    source = Source(statements, near, about, weights)
    for guard in _GUARDS:
        reason = guard(said, source)
        if reason:
            return Verdict("altered", reason, near)
    return Verdict("supported", "the source says this in other words", near)


def _near(
    said: Statement,
    statements: Sequence[Statement],
    weights: Mapping[str, float],
    similarities: Sequence[float] | None,
) -> tuple[int, ...]:
    """The few statements that say most of what is said, best first; at least one.

    An aim or a question counts less than what is found, unless the sentence is one itself.
    """
    scores = [_coverage(said, [s], weights) for s in statements]
    if similarities is not None:
        scores = [(a + b) / 2 for a, b in zip(scores, similarities, strict=True)]
    if not said.asks:
        scores = [_ASKED * a if s.asks else a for a, s in zip(scores, statements, strict=True)]
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    near = [order[0]]
    for i in order[1:_LOOKED_AT]:
        held = _coverage(said, [statements[j] for j in near], weights)
        gain = _coverage(said, [statements[j] for j in (*near, i)], weights) - held
        is_second = len(near) < _AT_MOST and scores[i] >= 0.5 * scores[order[0]]
        if is_second or (len(near) <= _AT_MOST and gain >= _WORTH):
            near.append(i)
    return tuple(near)


def _is_close(
    said: Statement,
    statements: Sequence[Statement],
    weights: Mapping[str, float],
    coverage: float,
    similarities: Sequence[float] | None,
) -> bool:
    """Whether the source speaks of the same: its few sentences together, and one of them alone.

    A paper on the same subject has the words too, but spread over its sentences.
    """
    if not similarities:
        return coverage >= _SUPPORT_IN_WORDS
    alone = max(_coverage(said, [s], weights) for s in statements)
    return (coverage + 1.5 * max(similarities) + alone) / 3.5 >= _SUPPORT


def _coverage(
    said: Statement, statements: Sequence[Statement], weights: Mapping[str, float]
) -> float:
    """The share of the sentence's content words that the statements have, 0 to 1."""
    total = sum(weights.get(each, 1.0) for each in said.stems)
    held = frozenset[str]().union(*(s.stems for s in statements))
    shared = sum(weights.get(each, 1.0) for each in said.stems & held)
    return shared / total if total else 0.0


def _plain(text: str) -> str:
    return _NO_WORD.sub(" ", text.casefold()).strip()
