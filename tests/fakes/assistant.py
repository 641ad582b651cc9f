"""An assistant whose answers are written down beforehand: its events are those of the real one."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from service import events
from service.citations import (
    Answer,
    AnswerSentence,
    Citation,
    Evidence,
    PaperCard,
    State,
    Timings,
    Usage,
)
from service.conversations import Conversations, new_id
from service.events import Event
from service.retrieve import Filters

NOW = "2026-01-01T00:00:00.000+00:00"


def paper(n: int, title: str = "", url: str | None = None) -> PaperCard:
    """The card of a paper."""
    return PaperCard(
        id=f"p{n}",
        title=title or f"Paper number {n}",
        authors=("Ada Lovelace", "Alan Turing"),
        year=2000 + n,
        venue="Journal",
        url=url or f"https://doi.org/10.1/{n}",
        doi=f"10.1/{n}",
        arxiv_id=None,
        is_title_derived=False,
        is_summary=False,
    )


def citation(n: int, quote: str = "It is so.", title: str = "", url: str | None = None) -> Citation:
    """Mark `n`, with one quoted sentence."""
    quoted = Evidence(0, 0, len(quote), quote, "", None, None)
    return Citation(n, paper(n, title, url), (quoted,))


def answer(
    text: str = "It is so. [1]",
    *,
    citations: tuple[Citation, ...] | None = None,
    state: State = "answered",
    also: tuple[PaperCard, ...] = (),
    engine: str = "extractive",
    notes: tuple[str, ...] = (),
    conversation_id: str | None = None,
    question: str = "Is it so?",
) -> Answer:
    """A finished answer."""
    return Answer(
        id=new_id(),
        run_id=new_id(),
        conversation_id=conversation_id,
        question=question,
        query=question,
        state=state,
        text=text,
        sentences=(AnswerSentence(text[:20], (1,), "verbatim", ""),),
        citations=(citation(1),) if citations is None else citations,
        also_retrieved=also,
        notes=notes,
        engine=engine,
        prompt_version="",
        snapshot="s",
        settings_hash="h",
        usage=Usage(),
        timings=Timings(1.0, 2.0, 3.0),
        created_at=NOW,
    )


@dataclass(slots=True)
class Asked:
    """A question that came in."""

    question: str
    conversation_id: str | None
    query: str | None
    filters: Filters | None


@dataclass(slots=True)
class ScriptedAssistant:
    """Answers every question with `text`, in deltas of `size` characters.

    It waits at `gate` (open at first) after each delta, begins with a false start if `restarts`,
    raises `error` after the first delta. `n_cancelled` counts answers that were stopped.
    """

    conversations: Conversations
    text: str | Callable[[str], str] = "It is so. [1]"
    size: int = 200
    error: Exception | None = None
    restarts: bool = False
    make: Callable[..., Answer] = answer
    asked: list[Asked] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Event = field(default_factory=asyncio.Event)
    n_cancelled: int = 0
    n_running: int = 0
    most_running: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def ask(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        owner: str | None = None,
        query: str | None = None,
        filters: Filters | None = None,
    ) -> AsyncGenerator[Event]:
        self.asked.append(Asked(question, conversation_id, query, filters))
        if conversation_id is None and owner:
            conversation_id = self.conversations.start(owner, question)
        text = self.text if isinstance(self.text, str) else self.text(question)
        self.n_running += 1
        self.most_running = max(self.most_running, self.n_running)
        try:
            yield events.Run(new_id(), question, conversation_id)
            yield events.Status("searching", "Searching the abstracts")
            yield events.Sources(question, (paper(1), paper(2)))
            if self.restarts:
                yield events.Delta("A false start that is longer than the first flush. " * 9)
                yield events.Restart("the model failed")
            for at in range(0, len(text), self.size):
                yield events.Delta(text[at : at + self.size])
                self.writing.set()
                await self.gate.wait()
                if self.error:
                    raise self.error
            done = self.make(text, conversation_id=conversation_id, question=question)
            self.conversations.save(done)
            yield events.Done(done)
        except (asyncio.CancelledError, GeneratorExit):
            self.n_cancelled += 1
            raise
        finally:
            self.n_running -= 1
