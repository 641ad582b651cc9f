"""Marks to sentences of abstracts: the answer, its citations, and what they quote."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal

from ingest.catalogue import StoredPaper
from service.operators import Operator
from service.retrieve import Filters, Passage

State = Literal["answered", "partial", "nearby", "not_in_library", "failed"]
Depth = Literal["fast", "thorough"]
VerdictKind = Literal["verbatim", "supported", "weak", "altered", "uncited"]


@dataclass(frozen=True, slots=True)
class Why:
    """Why a paper was retrieved. Ranks count from 1; cosine and BM25 as the engines gave them.

    `late_score` says how well it meets each word of the question, 0 to 1; None where not looked at.
    """

    dense_rank: int | None
    lexical_rank: int | None
    dense_score: float
    lexical_score: float
    matched_terms: tuple[str, ...]
    late_score: float | None = None  # answers stored by older versions have none


@dataclass(frozen=True, slots=True)
class PaperCard:
    """What a reader needs to know which paper is meant."""

    id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    venue: str | None
    url: str | None
    doi: str | None
    arxiv_id: str | None
    is_title_derived: bool
    is_summary: bool
    score: float | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of the cited abstract: `abstract[start:end] == quote`, in code points."""

    sentence: int
    start: int
    end: int
    quote: str
    sha256: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Citation:
    """What `[n]` stands for: a paper, and the sentences of it that support the answer."""

    n: int
    paper: PaperCard
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of the answer with its marks, and whether the sources say it."""

    text: str
    marks: tuple[int, ...]
    verdict: VerdictKind
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a model was sent and wrote; zeros without one."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in whatever money the operator counts in; zeros: unknown."""

    prompt: float = 0.0
    completion: float = 0.0

    def charge(self, usage: Usage) -> Usage:
        """The usage with its cost, to a millionth."""
        sent, written = usage.prompt_tokens, usage.completion_tokens
        cost = (sent * self.prompt + written * self.completion) / 1e6
        return Usage(sent, written, round(cost, 6))


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the question came in."""

    search_ms: float
    first_delta_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished answer: stored as it is, never changed, the same in every door."""

    id: str
    run_id: str
    conversation_id: str | None
    question: str
    query: str
    state: State
    text: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    also_retrieved: tuple[PaperCard, ...]
    notes: tuple[str, ...]
    engine: str
    prompt_version: str
    snapshot: str
    settings_hash: str
    usage: Usage
    timings: Timings
    created_at: str
    suggestions: tuple[str, ...] = ()  # questions to ask next, or instead where there is no answer
    depth: Depth = "fast"
    filters: Filters | None = None
    operators: tuple[Operator, ...] = ()  # filters read out of the question's own words
    is_literal: bool = False  # asked so that no filter is read out of it


def plain(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists, all the way down; unset scores are left out."""
    if isinstance(value, str | int | float | None):
        return value
    kind: type[object] = type(value)
    if names := _names(kind):  # type: ignore[arg-type]  # for mypy a class has no hash
        each = ((name, getattr(value, name)) for name in names)
        return {n: plain(v) for n, v in each if not (v is None and n in ("score", "why"))}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


@cache  # of a few dozen classes: asking for fields is most of the work
def _names(kind: type[object]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else ()


def card(stored: StoredPaper, passage: Passage | None = None) -> PaperCard:
    """The card of a paper; with the passage, also how it was found."""
    paper = stored.paper
    return PaperCard(
        id=stored.id,
        title=paper.title,
        authors=paper.authors,
        year=paper.year,
        venue=paper.venue,
        url=paper.url or _url(paper.doi, paper.arxiv_id),
        doi=paper.doi,
        arxiv_id=paper.arxiv_id,
        is_title_derived=paper.is_title_derived,
        is_summary=paper.is_summary,
        score=round(passage.score, 4) if passage else None,
        why=_why(passage) if passage else None,
    )


def _why(passage: Passage) -> Why:
    return Why(
        passage.dense_rank,
        passage.lexical_rank,
        round(passage.dense_score, 4),
        round(passage.lexical_score, 4),
        passage.matched_terms,
        None if passage.late_score is None else round(passage.late_score, 4),
    )


def _url(doi: str | None, arxiv_id: str | None) -> str | None:
    if doi:
        return f"https://doi.org/{doi}"
    return f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id else None


def evidence(stored: StoredPaper, sentence: int) -> Evidence:
    """One sentence of the abstract as evidence, with the sentences next to it."""
    start, end = stored.sentences[sentence]
    quote = stored.sentence(sentence)
    last = len(stored.sentences) - 1
    return Evidence(
        sentence=sentence,
        start=start,
        end=end,
        quote=quote,
        sha256=hashlib.sha256(quote.encode()).hexdigest(),
        before=stored.sentence(sentence - 1) if sentence > 0 else None,
        after=stored.sentence(sentence + 1) if sentence < last else None,
    )


@dataclass(slots=True)
class Ledger:
    """The citations of an answer as they come about: who got which number, and what it quotes."""

    _sentences: dict[int, set[int]] = field(default_factory=dict)
    _papers: dict[int, StoredPaper] = field(default_factory=dict)

    def cite(self, n: int, stored: StoredPaper, sentences: Sequence[int]) -> Citation:
        """Records that mark `n` points at these sentences of the paper, and returns all it does."""
        self._papers[n] = stored
        self._sentences.setdefault(n, set()).update(sentences)
        return self._citation(n)

    def _citation(self, n: int) -> Citation:
        stored = self._papers[n]
        quoted = tuple(evidence(stored, s) for s in sorted(self._sentences[n]))
        return Citation(n, card(stored), quoted)

    def citations(self) -> tuple[Citation, ...]:
        """All citations by number."""
        return tuple(self._citation(n) for n in sorted(self._papers))

    def cited_ids(self) -> set[str]:
        return {stored.id for stored in self._papers.values()}
