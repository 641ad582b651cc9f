"""Writes the answer: by quoting the abstracts, or by a language model that cites them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from ingest.embed import Embedder
from service import events
from service.citations import AnswerSentence, Usage
from service.draft import Draft, nearest
from service.events import Event
from service.extract import choose, lead
from service.generate import Delta, Exchange, GenerationFailed, Generator, PromptPassage, fit
from service.inert import inert
from service.marks import Marked, MarkParser, Piece, Text
from service.retrieve import Passage, Retrieval


async def quote(draft: Draft, retrieval: Retrieval) -> AsyncGenerator[Event]:
    """Writes sentences of the abstracts, word for word, each with its mark."""
    numbers: dict[str, int] = {}
    for chosen in await asyncio.to_thread(choose, retrieval):
        stored = chosen.passage.stored
        is_new = stored.id not in numbers
        n = numbers.setdefault(stored.id, len(numbers) + 1)
        yield draft.cite(n, chosen.passage, [chosen.sentence])
        text = inert(chosen.text)
        before = ("\n\n" if draft.text else "") + lead(chosen.passage) if is_new else " "
        yield draft.write(f"{before}{text} [{n}]")
        draft.sentences.append(AnswerSentence(text, (n,), "verbatim", "quoted word for word"))


async def generate(
    draft: Draft,
    retrieval: Retrieval,
    generator: Generator,
    embedder: Embedder,
    history: Sequence[Exchange] = (),
) -> AsyncGenerator[Event]:
    """Lets the model write, resolves its marks while it does, and checks what it said.

    When the model fails, at whatever point, the answer starts over as quotes with a note.
    """
    passages = dict(enumerate(retrieval.passages, 1))
    try:
        prompt = fit(
            retrieval.query,
            [_for_prompt(key, p) for key, p in passages.items()],
            window=generator.context_window,
            max_answer_tokens=generator.max_answer_tokens,
            history=history,
        )
        draft.engine, draft.prompt_version = generator.name, prompt.version
        shown = {key: passages[key] for key in prompt.keys}
        parser = MarkParser([_for_marks(key, p) for key, p in shown.items()])
        writing = _Writing(draft, shown, embedder)
        async with aclosing(generator.generate(prompt)) as parts:
            async for part in parts:
                if isinstance(part, Delta):
                    async for event in writing.place(parser.feed(part.text)):
                        yield event
                else:
                    draft.usage = Usage(part.prompt_tokens or 0, part.completion_tokens or 0)
                    if part.is_cut:
                        draft.notes.append("The model reached its limit; the answer is cut short.")
        async for event in writing.place(parser.close()):
            yield event
    except GenerationFailed as error:
        yield draft.start_over(f"{error} Quoted from the abstracts instead.")
        async for event in quote(draft, retrieval):
            yield event
        return
    yield events.Status("checking", "Checking every sentence against its sources")
    await asyncio.to_thread(draft.check, writing.cited, embedder)
    if parser.removed:
        draft.notes.append(f"{parser.removed} marks that pointed at no paper were removed.")


class _Writing:
    """Places the pieces of a model's text into the draft."""

    def __init__(self, draft: Draft, passages: dict[int, Passage], embedder: Embedder) -> None:
        self.cited: dict[int, Passage] = {}  # by mark number
        self._draft = draft
        self._passages = passages
        self._embedder = embedder

    async def place(self, pieces: Iterable[Piece]) -> AsyncGenerator[Event]:
        for piece in pieces:
            if isinstance(piece, Text):
                yield self._draft.write(piece.text)
                continue
            passage = self._passages[piece.key]
            self.cited[piece.n] = passage
            clause = self._draft.clause()
            sentence = await asyncio.to_thread(nearest, clause, passage, self._embedder)
            yield self._draft.cite(piece.n, passage, [sentence])
            yield self._draft.write(f"[{piece.n}]")


def _for_prompt(key: int, passage: Passage) -> PromptPassage:
    paper = passage.stored.paper
    title = "" if paper.is_title_derived else paper.title
    return PromptPassage(key, title, paper.abstract, paper.authors, paper.year, paper.venue)


def _for_marks(key: int, passage: Passage) -> Marked:
    paper = passage.stored.paper
    return Marked(key, passage.stored.id, paper.authors, paper.year)
