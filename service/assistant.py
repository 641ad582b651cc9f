"""A question in, an answer out: the whole flow on one page. Every door enters here."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.errors import CitelightError, InvalidInput
from ingest.papers import clean
from service import events
from service.answerability import Answerability, judge
from service.citations import (
    Answer,
    AnswerSentence,
    Ledger,
    State,
    Timings,
    Usage,
    card,
)
from service.conversations import Conversations, new_id
from service.events import Event
from service.extract import choose, lead
from service.retrieve import Filters, Passage, Retrieval, Retriever

MAX_QUESTION = 4_000  # characters
_NEAREST = 3  # papers offered where nothing answers
EXTRACTIVE = "extractive"

_NOT_HELD = "This library does not hold an answer to that question."
_NEARBY = (
    "No abstract in this library answers that question. The papers nearest to it are listed below."
)
_PARTIAL = "The abstracts answer this only in part."


@dataclass(slots=True)
class _Turn:
    """An answer in the making."""

    question: str
    conversation_id: str | None
    id: str = field(default_factory=new_id)
    started: float = field(default_factory=time.perf_counter)
    searched_ms: float = 0.0
    first_delta_ms: float = 0.0
    text: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    sentences: list[AnswerSentence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    engine: str = EXTRACTIVE
    prompt_version: str = ""
    usage: Usage = field(default_factory=Usage)

    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 1)

    def write(self, text: str) -> events.Delta:
        """Adds to the answer's text."""
        self.first_delta_ms = self.first_delta_ms or self.elapsed_ms()
        self.text += text
        return events.Delta(text)


class Assistant:
    """Answers questions over one library. Safe to use from many tasks at once."""

    def __init__(
        self,
        retriever: Retriever,
        conversations: Conversations,
        *,
        passages: int = 8,
        settings_hash: str = "",
    ) -> None:
        self._retriever = retriever
        self._conversations = conversations
        self._n_passages = passages
        self._settings_hash = settings_hash

    async def answer(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        filters: Filters | None = None,
    ) -> Answer:
        """The finished answer: the last event of `ask`.

        Raises:
            CitelightError: there is no answer; the text says why.
        """
        last: Event | None = None
        async for event in self.ask(question, conversation_id=conversation_id, filters=filters):
            last = event
        if not isinstance(last, events.Done):
            raise CitelightError("The answer ended early. Ask again.")
        return last.answer

    async def ask(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        filters: Filters | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of one answer; see `service.events` for their order.

        Raises:
            CitelightError: before the first event for a question that cannot be asked, later when
                a part fails. Doors turn it into their own form of an error.
        """
        turn = _Turn(checked(question), conversation_id)
        yield events.Run(turn.id, turn.question, conversation_id)
        yield events.Status("searching", "Searching the abstracts")
        retrieval = await asyncio.to_thread(
            self._retriever.retrieve, turn.question, k=self._n_passages, filters=filters
        )
        turn.searched_ms = turn.elapsed_ms()
        yield events.Sources(retrieval.query, tuple(card(p.stored, p) for p in retrieval.passages))
        verdict = judge(retrieval)
        yield events.Status("writing", _found(retrieval))
        async for event in self._write(turn, retrieval, verdict):
            yield event
        answer = self._finished(turn, retrieval, verdict.state)
        await asyncio.to_thread(self._conversations.save, answer)
        yield events.Done(answer)

    async def _write(
        self, turn: _Turn, retrieval: Retrieval, verdict: Answerability
    ) -> AsyncGenerator[Event]:
        if verdict.state in ("not_in_library", "nearby"):
            yield turn.write(_NOT_HELD if verdict.state == "not_in_library" else _NEARBY)
            return
        if verdict.state == "partial":
            turn.notes.append(_PARTIAL)
        async for event in self._extract(turn, retrieval):
            yield event

    async def _extract(self, turn: _Turn, retrieval: Retrieval) -> AsyncGenerator[Event]:
        """Writes sentences of the abstracts, word for word, each with its mark."""
        quotes = await asyncio.to_thread(choose, retrieval)
        numbers: dict[str, int] = {}
        for quote in quotes:
            stored = quote.passage.stored
            is_new = stored.id not in numbers
            n = numbers.setdefault(stored.id, len(numbers) + 1)
            yield events.Cites((turn.ledger.cite(n, stored, [quote.sentence]),))
            text = stored.sentence(quote.sentence)
            before = ("\n\n" if turn.text else "") + lead(quote.passage) if is_new else " "
            yield turn.write(f"{before}{text} [{n}]")
            turn.sentences.append(AnswerSentence(text, (n,), "verbatim", "quoted word for word"))

    def _finished(self, turn: _Turn, retrieval: Retrieval, state: State) -> Answer:
        return Answer(
            id=turn.id,
            run_id=turn.id,
            conversation_id=turn.conversation_id,
            question=turn.question,
            query=retrieval.query,
            state=state,
            text=turn.text,
            sentences=tuple(turn.sentences),
            citations=turn.ledger.citations(),
            also_retrieved=tuple(card(p.stored, p) for p in _uncited(turn, retrieval, state)),
            notes=tuple(turn.notes),
            engine=turn.engine,
            prompt_version=turn.prompt_version,
            snapshot=retrieval.snapshot,
            settings_hash=self._settings_hash,
            usage=turn.usage,
            timings=Timings(turn.searched_ms, turn.first_delta_ms, turn.elapsed_ms()),
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )


def checked(question: str) -> str:
    """The question without control characters, ends stripped.

    Raises:
        InvalidInput: it is empty, too long, or has fewer than two letters or digits.
    """
    question = clean(question)
    if len(question) > MAX_QUESTION:
        raise InvalidInput(
            f"The question has {len(question):,} characters, at most {MAX_QUESTION:,} are "
            f"taken. Ask in a few sentences."
        )
    if sum(c.isalnum() for c in question) < 2:
        raise InvalidInput("The question is empty. Ask something about the papers in words.")
    return question


def _found(retrieval: Retrieval) -> str:
    n = len(retrieval.passages)
    return f"Found {n} paper{'' if n == 1 else 's'} among {retrieval.n_papers:,}"


def _uncited(turn: _Turn, retrieval: Retrieval, state: State) -> Sequence[Passage]:
    cited = turn.ledger.cited_ids()
    rest = [p for p in retrieval.passages if p.stored.id not in cited]
    return rest[:_NEAREST] if state in ("not_in_library", "nearby") else rest
