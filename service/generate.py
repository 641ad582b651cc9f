"""What goes to a language model, within its window, and what comes back."""

import re
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, Protocol

import prompts
from ingest.errors import Unavailable
from ingest.papers import clean, digest
from ingest.sentences import split_sentences
from ingest.tokens import count_tokens

ANSWER_TEMPLATES = ("answer", "question", "passage", "history")
REWRITE_TEMPLATES = ("rewrite",)
DECOMPOSE_TEMPLATES = ("decompose",)
REWRITE_TOKENS = 400  # a question is short, but reasoning models think within this limit too

_RESERVE = 0.1  # of the window: tiktoken counts other models' tokens only roughly
_PER_MESSAGE = 4  # tokens of a message's frame in OpenAI's chat format
_HISTORY_SHARE = 0.25  # of what the question leaves, at most
_SPARE = 100  # tokens left a passage, from which those counted in parts surely fit together
_LONGEST_TEXT = 40_000  # characters; an abstract has 1,500
_LONGEST_TITLE = 300
_LONGEST_FACT = 120

_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_MARK = re.compile(r"\[(\^?[1-9]\d*(?:\s*[,;–-]\s*[1-9]\d*)*)\]|【([^】]*)】")
_OWN_MARK = re.compile(r"\s*\[\d+\]")
# Tags by which chat templates or our own prompts separate the parts of a prompt.
_TAG = re.compile(
    r"<(/?(?:passage|conversation|system|user|assistant|human|instructions?|s|bos|eos|"
    r"draft|question|start_of_turn|end_of_turn|think)\b[^<>]{0,60})>|\[(/?INST)\]|<<(/?SYS)>>",
    re.I,
)


_counted = lru_cache(1_000)(count_tokens)  # the same papers answer many questions


class GenerationFailed(Unavailable):
    """The language model gave no whole answer; the text says why, and what an operator can do."""


@dataclass(frozen=True, slots=True)
class PromptPassage:
    """A passage as the model sees it. `key` is the number that it is cited by."""

    key: int
    title: str
    text: str
    authors: Sequence[str] = ()
    year: int | None = None
    venue: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier question of the conversation with its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message in OpenAI's chat format."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages that fit a model's window together with an answer of `max_tokens`.

    `keys` are the keys of the passages that found room, in order; `version` names the templates'
    text.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    version: str
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the model's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The end of the model's text. Counts are None where the server tells none.

    `is_cut` says that the limit of tokens ended it, perhaps inside a sentence.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    is_cut: bool = False


class Generator(Protocol):
    """A language model that writes a text for a prompt."""

    name: str
    context_window: int
    max_answer_tokens: int

    def generate(self, prompt: Prompt) -> AsyncGenerator[Delta | Usage, None]:
        """The text as it is written, then exactly one `Usage`; never an empty text.

        Raises:
            GenerationFailed: no text, or not all of it, at any point of the stream.
        """
        ...


def fit(
    question: str,
    passages: Sequence[PromptPassage],
    *,
    window: int,
    max_answer_tokens: int,
    history: Sequence[Exchange] = (),
    draft: str = "",
    faults: Sequence[str] = (),
    count: Callable[[str], int] = _counted,
) -> Prompt:
    """The prompt for an answer, cut so that it never exceeds the model's `window` of tokens.

    `passages` are best first; those that find no room are left out from the end, the last one
    may lose sentences from its end. `history` is oldest first and keeps its newest part. With a
    `draft` the model is told to repair its `faults`; marks in both are keys of passages.

    Raises:
        GenerationFailed: not even one sentence of the first passage finds room.
    """
    fence = digest(question, *(f"{p.title}\x1f{p.text}" for p in passages))
    budget = _Budget(window, min(max_answer_tokens, window // 3), count)
    system, asked = prompts.template_of("answer"), neutralised(question)

    def messages(blocks: Sequence[str], turns: str) -> tuple[Message, ...]:
        earlier = prompts.render("history", turns=turns) if turns else ""
        user = prompts.render(
            "question", fence=fence, passages="\n\n".join(blocks), history=earlier, question=asked
        )
        if draft:
            user += f"\n\n{_repair(draft, faults, fence)}"
        return Message("system", system), Message("user", user)

    room = budget.left(messages((), ""))
    turns = _newest(history, int(room * _HISTORY_SHARE), count)
    if turns:
        room = budget.left(messages((), turns))
    blocks, room = _blocks(passages, fence, room, count)
    while blocks and room < _SPARE * len(blocks) and budget.left(messages(blocks, turns)) < 0:
        blocks.pop()
    if passages and not blocks:
        raise GenerationFailed(
            f"The question and a passage do not fit into the language model's window of {window:,} "
            f"tokens. Ask a shorter question, or set CITELIGHT_CONTEXT_WINDOW to the true size."
        )
    return Prompt(
        messages(blocks, turns),
        budget.answer,
        prompts.version(*ANSWER_TEMPLATES, *(("repair",) if draft else ())),
        tuple(passage.key for passage in passages[: len(blocks)]),
    )


def fit_rewrite(
    question: str,
    history: Sequence[Exchange],
    *,
    window: int,
    count: Callable[[str], int] = count_tokens,
) -> Prompt:
    """The prompt that makes a follow-up question stand alone. `history` is oldest first.

    Raises:
        GenerationFailed: the question alone does not fit into the window.
    """
    budget = _Budget(window, min(REWRITE_TOKENS, window // 3), count)
    fence = digest(question, *(f"{turn.question}\x1f{turn.answer}" for turn in history))

    def messages(turns: str) -> tuple[Message, ...]:
        asked = neutralised(question)
        return (
            Message("user", prompts.render("rewrite", fence=fence, turns=turns, question=asked)),
        )

    room = budget.left(messages(""))
    if room < 0:
        raise GenerationFailed(
            f"The question does not fit into the language model's window of {window:,} tokens. "
            f"Ask a shorter one."
        )
    turns = _newest(history, room, count)
    return Prompt(messages(turns), budget.answer, prompts.version(*REWRITE_TEMPLATES))


def fit_decompose(
    question: str, *, window: int, count: Callable[[str], int] = count_tokens
) -> Prompt:
    """The prompt that asks for the searches a question needs.

    Raises:
        GenerationFailed: the question does not fit into the window.
    """
    asked = neutralised(question)
    text = prompts.render("decompose", fence=digest(question), question=asked)
    message = Message("user", text)
    budget = _Budget(window, min(REWRITE_TOKENS, window // 3), count)
    if budget.left((message,)) < 0:
        raise GenerationFailed(
            f"The question does not fit into the language model's window of {window:,} tokens. "
            f"Ask a shorter one."
        )
    return Prompt((message,), budget.answer, prompts.version(*DECOMPOSE_TEMPLATES))


def _repair(draft: str, faults: Sequence[str], fence: str) -> str:
    listed = "\n".join(f"- {_untagged(fault)}" for fault in faults)
    return prompts.render("repair", fence=fence, draft=_untagged(draft), faults=listed)


def _untagged(text: str) -> str:
    """A model's own words, whose marks are ours: only tags and invisible characters lose force."""
    text = _INVISIBLE.sub("", clean(text)).replace("<|", "< |").replace("|>", "| >")
    return _TAG.sub(lambda tag: f"({tag[1] or tag[2] or tag[3]})", text)


@lru_cache(300)
def neutralised(text: str) -> str:
    """Text from outside in which no tag, mark or invisible character can pass for ours.

    Bracketed numbers become numbers in parentheses, tags that separate the parts of a prompt lose
    their brackets, white space becomes single spaces.
    """
    text = _INVISIBLE.sub("", clean(text)).replace("<|", "< |").replace("|>", "| >")
    text = _TAG.sub(lambda tag: f"({tag[1] or tag[2] or tag[3]})", text)
    text = _MARK.sub(lambda mark: f"({mark[1] or mark[2]})", text)
    return " ".join(text.split())


class _Budget:
    """Tokens of a window, less the answer's and a reserve."""

    def __init__(self, window: int, answer: int, count: Callable[[str], int]) -> None:
        self.answer = answer
        self._prompt = int(window * (1 - _RESERVE)) - answer
        self._count = count

    def left(self, messages: Sequence[Message]) -> int:
        """How many tokens remain beside the messages; negative if they are too long."""
        used = sum(self._count(message.content) + _PER_MESSAGE for message in messages)
        return self._prompt - used


def _newest(history: Sequence[Exchange], room: int, count: Callable[[str], int]) -> str:
    """The newest exchanges that fit into `room` tokens, oldest first."""
    kept: list[str] = []
    for turn in reversed(history):
        answer = neutralised(_OWN_MARK.sub("", turn.answer))
        block = f"User: {neutralised(turn.question)}\nAnswer: {answer}"
        room -= count(block) + 1
        if room < 0:
            break
        kept.append(block)
    return "\n".join(reversed(kept))


def _blocks(
    passages: Sequence[PromptPassage], fence: str, room: int, count: Callable[[str], int]
) -> tuple[list[str], int]:
    """The fenced passages that fit into `room` tokens, and the room left.

    The last may be cut after a sentence. Texts are counted apart from what is around them: a
    paper's is then counted once, whatever is asked.
    """
    blocks: list[str] = []
    for passage in passages:
        clear = replace(passage, text=_whole_sentences(neutralised(passage.text)))
        used = count(clear.text) + count(_block(replace(clear, text=""), fence)) + 1
        if used > room:
            cut = _cut(clear, fence, room - 1, count)
            return ([*blocks, cut], 0) if cut else (blocks, 0)
        blocks.append(_block(clear, fence))
        room -= used
    return blocks, room


def _cut(passage: PromptPassage, fence: str, room: int, count: Callable[[str], int]) -> str | None:
    """The passage with as many of its first sentences as fit; None if not even one does."""

    def beginning(end: int) -> str:
        return _block(replace(passage, text=passage.text[:end]), fence)

    ends = [end for _, end in split_sentences(passage.text)[:-1]]
    n = bisect_right(ends, room, key=lambda end: count(beginning(end)))
    return beginning(ends[n - 1]) if n else None


def _whole_sentences(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    ends = [end for _, end in split_sentences(text[:_LONGEST_TEXT])[:-1]]
    return text[: ends[-1]] if ends else ""


def _block(passage: PromptPassage, fence: str) -> str:
    return prompts.render(
        "passage",
        fence=fence,
        key=str(passage.key),
        title=_shortened(passage.title, _LONGEST_TITLE),
        facts=_facts(passage),
        text=passage.text,
    ).rstrip()


def _facts(passage: PromptPassage) -> str:
    names = ", ".join(passage.authors[:3]) + (" et al." if len(passage.authors) > 3 else "")
    facts = (names, passage.venue, str(passage.year) if passage.year else "")
    known = [_shortened(fact, _LONGEST_FACT) for fact in facts if fact]
    return f"Published: {', '.join(known) or 'unknown'}"


def _shortened(text: str, longest: int) -> str:
    text = neutralised(text[: 4 * longest])
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
