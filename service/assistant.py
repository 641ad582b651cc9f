"""A question in, an answer out: the whole flow on one page. Every door enters here."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from ingest.embed import Embedder
from ingest.errors import CitelightError, InvalidInput
from ingest.papers import clean
from service import events
from service.answerability import judge
from service.citations import Answer, State, card
from service.compose import generate, quote
from service.conversations import Conversations
from service.draft import Draft
from service.events import Event
from service.followup import Turn, retold, rewritten, standalone
from service.generate import Exchange, Generator
from service.retrieve import Filters, Retrieval, Retriever

MAX_QUESTION = 4_000  # characters
_TURNS = 4  # earlier ones that a follow-up may lean on

_NOT_HELD = "This library does not hold an answer to that question."
_NEARBY = (
    "No abstract in this library answers that question. The papers nearest to it are listed below."
)
_PARTIAL = "The abstracts answer this only in part."


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
    ) -> None:
        """Without a `generator` answers are quoted from the abstracts."""
        self._retriever = retriever
        self._embedder = embedder
        self._conversations = conversations
        self._generator = generator
        self._n_passages = n_passages
        self._settings_hash = settings_hash

    async def answer(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        owner: str | None = None,
        query: str | None = None,
        filters: Filters | None = None,
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
    ) -> AsyncGenerator[Event]:
        """The events of one answer; see `service.events` for their order.

        With an `owner` the answer belongs to that conversation of theirs, or to a new one. A
        follow-up in a conversation is searched for as a query of its own; `query` replaces it.
        `history` is a conversation that the caller keeps, oldest first.

        Raises:
            CitelightError: before the first event for a question that cannot be asked, later when
                a part fails. Doors turn it into their own form of an error.
        """
        question = checked(question)
        conversation_id = await asyncio.to_thread(
            self._conversation, conversation_id, owner, question
        )
        turns = retold(history[-_TURNS:]) if history else []
        turns += await asyncio.to_thread(self._turns, conversation_id)
        draft = Draft(question, conversation_id)
        yield events.Run(draft.id, draft.question, conversation_id)
        yield events.Status("searching", "Searching the abstracts")
        query = checked(query) if query else await self._standalone(question, turns)
        retrieval = await asyncio.to_thread(
            self._retriever.retrieve, query, k=self._n_passages, filters=filters
        )
        draft.searched_ms = draft.elapsed_ms()
        found = tuple(card(p.stored, p) for p in retrieval.passages)
        yield events.Sources(retrieval.query, found)
        yield events.Status("writing", _found(retrieval))
        state = judge(retrieval).state
        told = [turn.exchange() for turn in turns]
        async for event in self._write(draft, retrieval, state, told):
            yield event
        answer = draft.answer(retrieval, state, self._settings_hash)
        await asyncio.to_thread(self._conversations.save, answer)
        yield events.Done(answer)

    def _conversation(
        self, conversation_id: str | None, owner: str | None, question: str
    ) -> str | None:
        """The conversation an answer goes to; None where nobody asked to remember it."""
        if owner is None:
            return None
        if conversation_id is None:
            return self._conversations.start(owner, question)
        self._conversations.check(conversation_id, owner)
        return conversation_id

    def _turns(self, conversation_id: str | None) -> list[Turn]:
        """The last turns of a conversation, oldest first."""
        stored = self._conversations.turns(conversation_id, _TURNS) if conversation_id else []
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
        self, draft: Draft, retrieval: Retrieval, state: State, history: Sequence[Exchange]
    ) -> AsyncGenerator[Event]:
        if state in ("not_in_library", "nearby"):
            yield draft.write(_NOT_HELD if state == "not_in_library" else _NEARBY)
            return
        if state == "partial":
            draft.notes.append(_PARTIAL)
        writing = (
            generate(draft, retrieval, self._generator, self._embedder, history)
            if self._generator
            else quote(draft, retrieval)
        )
        async for event in writing:
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


def _found(retrieval: Retrieval) -> str:
    n = len(retrieval.passages)
    return f"Found {n} paper{'' if n == 1 else 's'} among {retrieval.n_papers:,}"
