"""What the API answers with, as the OpenAPI document shows it."""

from typing import Any, Literal

from pydantic import BaseModel

from service.citations import Answer


class SentenceShape(BaseModel):
    """A sentence of an abstract: `abstract[start:end]`, counted in code points."""

    n: int
    start: int
    end: int
    text: str


class CardShape(BaseModel):
    """What a reader needs to know which paper is meant."""

    id: str
    title: str
    authors: list[str]
    year: int | None
    venue: str | None
    url: str | None
    doi: str | None
    arxiv_id: str | None
    is_title_derived: bool
    is_summary: bool


class PaperShape(CardShape):
    """A paper with its abstract, whole and in sentences."""

    pubmed_id: str | None
    categories: list[str]
    abstract: str
    sentences: list[SentenceShape]


class HitShape(BaseModel):
    """A paper found, and why: ranks count from 1, `score` and `late_score` are 0 to 1."""

    paper: CardShape
    score: float
    dense_rank: int | None
    lexical_rank: int | None
    dense_score: float
    lexical_score: float
    matched_terms: list[str]
    late_score: float | None


class SearchShape(BaseModel):
    """The papers nearest to a query, best first."""

    query: str
    snapshot: str
    hits: list[HitShape]


class PageShape(BaseModel):
    """A page of papers. `next_cursor` asks for the one after it; null at the end."""

    papers: list[CardShape]
    next_cursor: str | None
    total: int


class StartedShape(BaseModel):
    """The job that takes an upload in."""

    job: str


class JobShape(BaseModel):
    """How far an upload is. `report` comes with its end."""

    id: str
    state: Literal["waiting", "running", "done", "failed"]
    report: dict[str, Any] | None
    error: str


class CountShape(BaseModel):
    """A source, year or venue and the number of its papers."""

    name: str
    papers: int


class FeedShape(BaseModel):
    """A feed, and when its last complete run began."""

    name: str
    last_synced: str | None


class LibraryShape(BaseModel):
    """What the library holds, and what answers from it."""

    papers: int
    snapshot: str
    embedder: str
    model: str | None
    sources: list[CountShape]
    feeds: list[FeedShape]
    years: list[CountShape]
    venues: list[CountShape]
    examples: list[str]
    indexing: bool


class ConversationShape(BaseModel):
    """A row of a history."""

    id: str
    title: str
    updated_at: str


class ConversationsShape(BaseModel):
    """A history, last used first."""

    conversations: list[ConversationShape]


class TurnsShape(BaseModel):
    """A conversation with its answers, oldest first."""

    id: str
    title: str
    turns: list[Answer]


class RenamedShape(BaseModel):
    """A conversation's new title."""

    id: str
    title: str


class HealthShape(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class ReadyShape(BaseModel):
    """The library can be searched."""

    status: Literal["ready"]
    snapshot: str
