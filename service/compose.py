"""Writes the answer: by quoting the abstracts, or by a language model that cites them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from ingest.embed import Embedder
from service import events
from service.citations import AnswerSentence, Usage
from service.draft import Draft
from service.events import Event
from service.extract import Quote, choose, lead
from service.generate import (
    Delta,
    Generator,
    Prompt,
    PromptPassage,
)
from service.inert import inert, visible
from service.marks import Marked, MarkParser, Piece, Text
from service.retrieve import Passage, Retrieval
from service.strict import drop_refused

QUOTED_INSTEAD = "Quoted from the abstracts instead."
_DROPPED = "Sentences that their sources do not say were left out."
_NOTHING_LEFT = "Nothing that the model wrote is said by its sources."


@dataclass(slots=True)
class Numbers:
    """Gives papers their citation numbers, by first use."""

    known: dict[str, int] = field(default_factory=dict)

    def of(self, passage: Passage) -> tuple[int, bool]:
        """The paper's number, and whether it is new."""
        is_new = passage.stored.id not in self.known
        return self.known.setdefault(passage.stored.id, len(self.known) + 1), is_new


async def quote(draft: Draft, retrieval: Retrieval) -> AsyncGenerator[Event]:
    """Writes sentences of the abstracts, word for word, each with its mark."""
    numbers = Numbers()
    for chosen in await asyncio.to_thread(choose, retrieval):
        n, is_new = numbers.of(chosen.passage)
        before = ("\n\n" if draft.text else "") + lead(chosen.passage) if is_new else " "
        for event in quoted(draft, chosen, n, before):
            yield event


def quoted(
    draft: Draft, chosen: Quote, n: int, before: str, after: str = "", *, in_table: bool = False
) -> Iterable[Event]:
    """Writes one sentence of an abstract between `before` and `after`, with mark `n`."""
    yield draft.cite(n, chosen.passage, [chosen.sentence])
    text = inert(chosen.text)
    shown = text.replace("|", "\\|") if in_table else text
    yield draft.write(f"{before}{shown} [{n}]{after}")
    draft.sentences.append(AnswerSentence(text, (n,), "verbatim", "quoted word for word"))


async def checked(draft: Draft, writing: "Writing", embedder: Embedder) -> AsyncGenerator[Event]:
    """Gives every sentence its verdict."""
    yield events.Status("checking", "Checking every sentence against its sources")
    await asyncio.to_thread(draft.check, writing.cited, embedder)
    if writing.removed:
        n = writing.removed
        marks = f"{n} mark{'' if n == 1 else 's'}"
        draft.notes.append(
            f"{marks} that pointed at no paper {'was' if n == 1 else 'were'} removed."
        )


async def strict(
    draft: Draft, retrieval: Retrieval, cited: dict[int, Passage]
) -> AsyncGenerator[Event]:
    """Writes the checked draft anew without the sentences that their sources do not say."""
    n_dropped, _ = drop_refused(draft, cited)
    if not n_dropped:
        return
    if not draft.sentences:
        async for event in quote_instead(draft, retrieval, f"{_NOTHING_LEFT} {QUOTED_INSTEAD}"):
            yield event
        return
    draft.notes.append(_DROPPED)
    for event in shown_again(draft, _DROPPED):
        yield event


def shown_again(draft: Draft, reason: str) -> Iterable[Event]:
    """Tells readers who followed the stream what the text has become."""
    yield events.Restart(reason)
    yield events.Cites(draft.ledger.citations())
    yield events.Delta(draft.text)


async def quote_instead(draft: Draft, retrieval: Retrieval, note: str) -> AsyncGenerator[Event]:
    yield draft.start_over(note)
    async for event in quote(draft, retrieval):
        yield event


class Writing:
    """Writes a model's text into the draft, its marks resolved on the way.

    `passages` are by their key in the prompt, `cited` by mark number.
    """

    def __init__(self, draft: Draft, passages: dict[int, Passage], embedder: Embedder) -> None:
        self.cited: dict[int, Passage] = {}
        self.removed = 0
        self._draft = draft
        self._passages = passages
        self._embedder = embedder

    async def write(self, generator: Generator, prompt: Prompt) -> AsyncGenerator[Event]:
        """Writes what the model says to the prompt.

        Raises:
            GenerationFailed: the model gives no whole answer.
        """
        parser = MarkParser([_for_marks(key, self._passages[key]) for key in prompt.keys])
        async with aclosing(generator.generate(prompt)) as parts:
            async for part in parts:
                if isinstance(part, Delta):
                    async for event in self._place(parser.feed(part.text)):
                        yield event
                else:
                    self._draft.usage = added(
                        self._draft.usage, part.prompt_tokens, part.completion_tokens
                    )
                    self._draft.is_cut = part.is_cut
        async for event in self._place(parser.close()):
            yield event
        self.removed = parser.removed
        if self._draft.is_cut:
            self._draft.notes.append("The model reached its limit; the answer is cut short.")
        for event in self._draft.end():
            yield event

    async def _place(self, pieces: Iterable[Piece]) -> AsyncGenerator[Event]:
        for piece in pieces:
            if isinstance(piece, Text):
                if text := visible(piece.text):
                    yield self._draft.write(text)
                continue
            passage = self._passages[piece.key]
            self.cited[piece.n] = passage
            sentence = await asyncio.to_thread(self._draft.nearest, passage, self._embedder)
            yield self._draft.cite(piece.n, passage, [sentence])
            yield self._draft.write(f"[{piece.n}]")


def added(usage: Usage, prompt_tokens: int | None, completion_tokens: int | None) -> Usage:
    """The usage with one more call; what a server does not tell counts as none."""
    return Usage(
        usage.prompt_tokens + (prompt_tokens or 0),
        usage.completion_tokens + (completion_tokens or 0),
        usage.cost,
    )


def for_prompt(key: int, passage: Passage) -> PromptPassage:
    """A passage as a model is shown it."""
    paper = passage.stored.paper
    title = "" if paper.is_title_derived else paper.title
    return PromptPassage(key, title, paper.abstract, paper.authors, paper.year, paper.venue)


def _for_marks(key: int, passage: Passage) -> Marked:
    paper = passage.stored.paper
    return Marked(key, passage.stored.id, paper.authors, paper.year)
