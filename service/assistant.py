"""A question in, an answer out: the whole flow on one page. Every door enters here."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ingest.embed import Embedder
from ingest.errors import CitelightError, InvalidInput
from ingest.papers import clean
from service import events
from service.answerability import judge
from service.citations import Answer, Depth, Prices, State, card
from service.compose import quote
from service.conversations import Conversations
from service.depth import generate, merged, sub_questions
from service.draft import Draft
from service.events import Event
from service.followup import Turn, retold, rewritten, standalone
from service.generate import Exchange, Generator
from service.grouped import groups, listing, table
from service.plan import Plan, plan
from service.refusals import best_state, missing, refusal, suggestions
from service.retrieve import Filters, Retrieval, Retriever

NO_PRICES = Prices()
MAX_QUESTION = 4_000  # characters
_SURVEYED = 20  # papers looked at for a survey
_TURNS = 4  # earlier ones that a follow-up may lean on

_THOROUGH = "Searching for each part of the question; this takes a few times as long"


@dataclass(frozen=True, slots=True)
class _Found:
    """What was searched: the plan, a retrieval for each of its parts, and all of it merged."""

    plan: Plan
    parts: tuple[Retrieval, ...]
    whole: Retrieval
    state: State


class Assistant:
    """Answers questions over one library. Safe to use from many tasks at once."""

    def __init__(
        self,
        retriever: Retriever,
        embedder: Embedder,
        conversations: Conversations,
        *,
        generator: Generator | None = None,
        n_passages: int = 8,
        settings_hash: str = "",
        is_strict: bool = False,
        prices: Prices = NO_PRICES,
    ) -> None:
        """Without a `generator` answers are quoted from the abstracts.

        `is_strict` leaves out what the sources of a sentence do not say, else it is marked.
        `prices` are the generator's.
        """
        self._retriever = retriever
        self._embedder = embedder
        self._conversations = conversations
        self._generator = generator
        self._n_passages = n_passages
        self._settings_hash = settings_hash
        self._is_strict = is_strict
        self._prices = prices

    async def answer(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        owner: str | None = None,
        query: str | None = None,
        filters: Filters | None = None,
        depth: Depth = "fast",
        is_literal: bool = False,
        is_kept: bool = True,
    ) -> Answer:
        """The finished answer: the last event of `ask`.

        Raises:
            CitelightError: there is no answer; the text says why.
        """
        last: Event | None = None
        async for event in self.ask(
            question,
            conversation_id=conversation_id,
            owner=owner,
            query=query,
            filters=filters,
            depth=depth,
            is_literal=is_literal,
            is_kept=is_kept,
        ):
            last = event
        if not isinstance(last, events.Done):
            raise CitelightError("The answer ended early. Ask again.")
        return last.answer

    async def ask(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        owner: str | None = None,
        query: str | None = None,
        filters: Filters | None = None,
        history: Sequence[Exchange] = (),
        depth: Depth = "fast",
        is_literal: bool = False,
        is_kept: bool = True,
    ) -> AsyncGenerator[Event]:
        """The events of one answer; see `service.events` for their order.

        With an `owner` the answer belongs to that conversation of theirs, or to a new one. A
        follow-up in a conversation is searched for as a query of its own; `query` replaces it.
        `history` is a conversation that the caller keeps, oldest first. A `thorough` answer
        searches for parts of the question apart and mends its draft. No filter is read out of
        the words of a literal one. Without `is_kept` the answer is not stored.

        Raises:
            CitelightError: before the first event for a question that cannot be asked, later when
                a part fails. Doors turn it into their own form of an error.
        """
        question = checked(question)
        turns = retold(history[-_TURNS:]) if history else []
        if owner is None:
            conversation_id = None  # nobody asked to remember it
        else:
            join = partial(self._joined, conversation_id, owner, question)
            conversation_id, earlier = await asyncio.to_thread(join)
            turns += earlier
        draft = Draft(question, conversation_id, depth, filters, is_literal)
        yield events.Run(draft.id, draft.question, conversation_id)
        is_thorough = depth == "thorough"
        yield events.Status("searching", _THOROUGH if is_thorough else "Searching the abstracts")
        query = checked(query) if query else await self._standalone(question, turns)
        found = await self._search(query, draft)
        draft.searched_ms = draft.elapsed_ms()
        cards = tuple(card(p.stored, p) for p in found.whole.passages)
        yield events.Sources(found.whole.query, cards)
        yield events.Status("writing", _told(found.whole))
        async for event in self._write(draft, found, [turn.exchange() for turn in turns]):
            yield event
        draft.usage = self._prices.charge(draft.usage)
        answer = draft.answer(found.whole, found.state, self._settings_hash)
        if is_kept:
            await asyncio.to_thread(self._conversations.save, answer)
        yield events.Done(answer)

    async def _search(self, query: str, draft: Draft) -> _Found:
        """Searches for what the question asks for, each part on its own."""
        planned = plan(query)
        if draft.depth == "thorough" and planned.kind == "plain":
            planned = Plan("plain", await sub_questions(query, self._generator))
        k = self._n_passages
        if planned.kind == "survey" and not self._generator:
            k = max(k, _SURVEYED)
        retrieve = partial(
            self._retriever.retrieve, k=k, filters=draft.filters, is_literal=draft.is_literal
        )

        def searched() -> list[tuple[Retrieval, State]]:
            return [(found, judge(found).state) for found in map(retrieve, planned.parts)]

        parts, states = zip(*await asyncio.to_thread(searched), strict=True)
        if len(parts) == 1:
            whole = replace(parts[0], query=query)
            return _Found(planned, parts, whole, states[0])
        if planned.kind == "plain" and best_state(states) in ("answered", "partial"):
            parts = tuple(_emptied(part, state) for part, state in zip(parts, states, strict=True))
        whole = merged(query, parts, 2 * k if draft.depth == "thorough" else k)
        return _Found(planned, parts, whole, best_state(states))

    def _joined(
        self, conversation_id: str | None, owner: str, question: str
    ) -> tuple[str, list[Turn]]:
        """The conversation that an answer goes to, with its last turns."""
        if conversation_id is None:
            return self._conversations.start(owner, question), []
        self._conversations.check(conversation_id, owner)
        return conversation_id, self._turns(conversation_id)

    def _turns(self, conversation_id: str) -> list[Turn]:
        """The last turns of a conversation, oldest first."""
        stored = self._conversations.turns(conversation_id, _TURNS)
        return [
            Turn(
                answer["question"],
                answer["query"],
                answer["text"],
                tuple(citation["paper"]["title"] for citation in answer["citations"]),
            )
            for answer in stored
        ]

    async def _standalone(self, question: str, turns: Sequence[Turn]) -> str:
        if self._generator:
            return await rewritten(question, turns, self._generator)
        return standalone(question, turns)

    async def _write(
        self, draft: Draft, found: _Found, history: Sequence[Exchange]
    ) -> AsyncGenerator[Event]:
        if found.state in ("not_in_library", "nearby"):
            yield draft.write(refusal(found.state))
            draft.suggestions += suggestions(found.whole)
            return
        if found.state == "partial":
            draft.notes.append(missing(found.whole))
        writing = self._generate(draft, found, history) if self._generator else _quote(draft, found)
        async for event in writing:
            yield event

    async def _generate(
        self, draft: Draft, found: _Found, history: Sequence[Exchange]
    ) -> AsyncGenerator[Event]:
        assert self._generator
        writing = generate(
            draft,
            found.whole,
            self._generator,
            self._embedder,
            history,
            is_strict=self._is_strict,
            is_repaired=draft.depth == "thorough",
        )
        async for event in writing:
            yield event


def _emptied(retrieval: Retrieval, state: State) -> Retrieval:
    """The retrieval of a sub-question, without papers where the library does not answer it."""
    is_held = state in ("answered", "partial")
    return retrieval if is_held else replace(retrieval, passages=())


async def _quote(draft: Draft, found: _Found) -> AsyncGenerator[Event]:
    """Quotes in the form that the question asks for."""
    kind, parts = found.plan.kind, found.plan.parts
    if kind == "survey":
        pieces = await asyncio.to_thread(lambda: list(listing(draft, parts[0], found.whole)))
    elif kind == "comparison":
        pieces = await asyncio.to_thread(lambda: list(table(draft, parts, found.parts)))
    elif len(parts) > 1:
        pieces = await asyncio.to_thread(lambda: list(groups(draft, parts, found.parts)))
    else:
        pieces = []
    for piece in pieces:
        yield piece
    if not draft.sentences:
        if draft.text:
            yield draft.start_again()
        async for event in quote(draft, found.whole):
            yield event


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


def _told(retrieval: Retrieval) -> str:
    n = len(retrieval.passages)
    return f"Found {n} paper{'' if n == 1 else 's'} among {retrieval.n_papers:,}"
