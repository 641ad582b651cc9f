"""An answer by a model: sub-questions searched apart, a draft, its check, its repair."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from ingest.embed import Embedder
from service import events
from service.compose import (
    QUOTED_INSTEAD,
    Writing,
    added,
    checked,
    for_prompt,
    quote_instead,
    shown_again,
    strict,
)
from service.draft import Draft
from service.events import Event
from service.generate import (
    Delta,
    Exchange,
    GenerationFailed,
    Generator,
    Prompt,
    fit,
    fit_decompose,
)
from service.plan import questions_in
from service.retrieve import Passage, Retrieval

MOST_ROUNDS = 3
_MOST_QUESTIONS = 4
_LONGEST_QUESTION = 400
_KEPT = 0.9  # of the draft's length: an edit that loses more has thrown claims away
_MARK = re.compile(r"\[(\d+)\]")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s*")


def merged(query: str, found: Sequence[Retrieval], k: int) -> Retrieval:
    """One retrieval of all: the `k` papers that any of them scored highest, best first."""
    best: dict[str, Passage] = {}
    for passage in (p for r in found for p in r.passages):
        known = best.get(passage.stored.id)
        if known is None or passage.score > known.score:
            best[passage.stored.id] = passage
    passages = sorted(best.values(), key=lambda p: (-p.score, p.stored.id))[:k]
    operators = tuple(dict.fromkeys(o for r in found for o in r.operators))
    return replace(found[0], query=query, passages=tuple(passages), operators=operators)


async def sub_questions(question: str, generator: Generator | None) -> tuple[str, ...]:
    """The questions to search apart: by a model, by rules without one or where it fails."""
    if generator is None:
        return questions_in(question)
    text = ""
    try:
        prompt = fit_decompose(question, window=generator.context_window)
        async with aclosing(generator.generate(prompt)) as parts:
            async for part in parts:
                text += part.text if isinstance(part, Delta) else ""
    except GenerationFailed:
        return questions_in(question)
    lines = [_BULLET.sub("", line).strip("\"' ") for line in text.splitlines()]
    good = [line for line in lines if 8 <= len(line) <= _LONGEST_QUESTION]
    return tuple(dict.fromkeys(good))[:_MOST_QUESTIONS] or questions_in(question)


async def generate(
    draft: Draft,
    retrieval: Retrieval,
    generator: Generator,
    embedder: Embedder,
    history: Sequence[Exchange] = (),
    *,
    is_strict: bool = False,
    is_repaired: bool = False,
) -> AsyncGenerator[Event]:
    """Lets the model write, resolves its marks while it does, and checks what it said.

    When the model fails, at whatever point, the answer starts over as quotes with a note. A
    strict answer starts over without the sentences that their sources do not say, a repaired one
    with those sentences mended.
    """
    passages = dict(enumerate(retrieval.passages, 1))
    writing = Writing(draft, passages, embedder)
    try:
        prompt = await asyncio.to_thread(  # 5 ms, and 240 when first used
            fit,
            retrieval.query,
            [for_prompt(key, p) for key, p in passages.items()],
            window=generator.context_window,
            max_answer_tokens=generator.max_answer_tokens,
            history=history,
        )
        draft.engine, draft.prompt_version = generator.name, prompt.version
        async for event in writing.write(generator, prompt):
            yield event
    except GenerationFailed as error:
        async for event in quote_instead(draft, retrieval, f"{error} {QUOTED_INSTEAD}"):
            yield event
        return
    async for event in checked(draft, writing, embedder):
        yield event
    if is_repaired:
        mending = repair(draft, retrieval, generator, embedder, writing.cited, history)
        async for event in mending:
            yield event
    if is_strict:
        async for event in strict(draft, retrieval, writing.cited):
            yield event


async def repair(
    draft: Draft,
    retrieval: Retrieval,
    generator: Generator,
    embedder: Embedder,
    cited: dict[int, Passage],
    history: Sequence[Exchange] = (),
) -> AsyncGenerator[Event]:
    """Lets the model mend what the check refused, at most three times.

    A round counts only if fewer sentences are refused after it and no more than a tenth of the
    text is lost; otherwise the draft stays as it was. `cited`, by mark number, is kept up to date.
    """
    for _ in range(MOST_ROUNDS):
        if not draft.refused():
            return
        yield events.Status("checking", "Mending what the check refused")
        try:
            again = await _round(draft, retrieval, generator, embedder, cited, history)
        except GenerationFailed:
            return
        if again is None:
            return
        writing, mended = again
        draft.rewrite(mended.text, mended.sentences)
        draft.ledger = mended.ledger
        cited.clear()
        cited.update(writing.cited)
        for event in shown_again(draft, "Some sentences were mended after the check."):
            yield event


async def _round(
    draft: Draft,
    retrieval: Retrieval,
    generator: Generator,
    embedder: Embedder,
    cited: dict[int, Passage],
    history: Sequence[Exchange],
) -> tuple[Writing, Draft] | None:
    """One repair: what was written, or None if it is no better than the draft."""
    passages = dict(enumerate(retrieval.passages, 1))
    prompt = await asyncio.to_thread(_prompt, draft, retrieval, generator, cited, history)
    mended = Draft(draft.question, None, vectors=draft.vectors)
    writing = Writing(mended, passages, embedder)
    try:
        async for _ in writing.write(generator, prompt):
            pass
    finally:
        used = mended.usage
        draft.usage = added(draft.usage, used.prompt_tokens, used.completion_tokens)
    async for _ in checked(mended, writing, embedder):
        pass
    is_better = len(mended.refused()) < len(draft.refused())
    is_whole = len(mended.text) >= _KEPT * len(draft.text)
    return (writing, mended) if is_better and is_whole else None


def _prompt(
    draft: Draft,
    retrieval: Retrieval,
    generator: Generator,
    cited: dict[int, Passage],
    history: Sequence[Exchange],
) -> Prompt:
    keys = {p.stored.id: key for key, p in enumerate(retrieval.passages, 1)}
    by_mark = {n: keys[p.stored.id] for n, p in cited.items()}

    def keyed(text: str) -> str:
        return _MARK.sub(lambda m: f"[{by_mark.get(int(m[1]), m[1])}]", text)

    return fit(
        retrieval.query,
        [for_prompt(key, p) for key, p in enumerate(retrieval.passages, 1)],
        window=generator.context_window,
        max_answer_tokens=generator.max_answer_tokens,
        history=history,
        draft=keyed(draft.text),
        faults=[f"“{s.text}”: {s.reason}" for s in draft.refused()],
    )
