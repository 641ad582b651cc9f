"""The verdict on a sentence of an answer: do the sentences that it cites say it?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.citations import VerdictKind
from service.guards import Guard, changed_denial, changed_direction, changed_number
from service.names import foreign_name
from service.statements import Source, Statement, statement, telling
from service.wording import stem

_MARK = re.compile(r"\s*(?:\[\^?\d+(?:\s*,\s*\d+)*\]|【\d+】)")
_NO_WORD = re.compile(r"[^\w%]+")
_GUARDS: tuple[Guard, ...] = (changed_number, foreign_name, changed_denial, changed_direction)
_ASKED = 0.8
_SUPPORT = 0.5  # keeps 99 % of rewordings and 80 % of conclusions, catches 99 % of wrong papers
_PLAIN_WEIGHT = 0.3
_PLAIN = frozenset(  # words of any paper: they say little about which paper is meant
    stem(word)
    for word in """achieve analysis analyze approach author challenge compare conclude conduct
    consider data demonstrate describe develop discuss evaluate examine existing experiment
    experimental extensive find finding found further important indicate introduce investigate key
    method new novel observe obtain paper perform performance present problem propose provide
    recent report research result say show significant study suggest technique various work
    """.split()
)
_AT_MOST = 3  # sentences of the source that one sentence may rest on


@dataclass(frozen=True, slots=True)
class EvidenceSentence:
    """A sentence of a cited abstract. `title` may hold what else is known: names, year, venue."""

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
    said = Statement(_MARK.sub("", sentence))
    if not evidence:
        return Verdict("uncited", "no source is cited", ())
    statements = [statement(e.text) for e in evidence]
    weights = telling(statements) | dict.fromkeys(_PLAIN, _PLAIN_WEIGHT)
    scores = [_coverage(said, [s], weights) for s in statements]
    if similarities is not None:
        scores = [(a + b) / 2 for a, b in zip(scores, similarities, strict=True)]
    if not said.asks:
        scores = [_ASKED * a if s.asks else a for a, s in zip(scores, statements, strict=True)]
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:_AT_MOST]
    near = tuple(i for i in order if i == order[0] or scores[i] >= 0.5 * scores[order[0]])
    about = " ".join(dict.fromkeys(e.title for e in evidence))
    source = Source(statements, near, about, weights)
    if _is_verbatim(said.text, statements[near[0]].text):
        return Verdict("verbatim", "word for word in the source", near[:1])
    cosine = max(similarities) if similarities is not None else None
    coverage = _coverage(said, [statements[i] for i in near], weights)
    if not _is_supported(coverage, cosine):
        return Verdict("weak", "the source does not clearly say this", near)
    for guard in _GUARDS:
        reason = guard(said, source)
        if reason:
            return Verdict("altered", reason, near)
    return Verdict("supported", "the source says this in other words", near)


def _coverage(said: Statement, statements: Sequence[Statement], weights: dict[str, float]) -> float:
    """The share of the sentence's content words that the statements have, 0 to 1."""
    total = sum(weights.get(stem, 1.0) for stem in said.stems)
    held = frozenset[str]().union(*(s.stems for s in statements))
    shared = sum(weights.get(stem, 1.0) for stem in said.stems & held)
    return shared / total if total else 0.0


def _is_verbatim(said: str, source: str) -> bool:
    return _plain(said) == _plain(source)


def _plain(text: str) -> str:
    return _NO_WORD.sub(" ", text.casefold()).strip()


def _is_supported(coverage: float, cosine: float | None) -> bool:
    """Whether words and meaning are near enough for the source to speak of the same."""
    if cosine is None:
        return coverage >= _SUPPORT
    return (coverage + cosine) / 2 >= _SUPPORT
