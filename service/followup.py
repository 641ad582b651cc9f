"""Follow-up questions made to stand alone, so that they can be searched."""

import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ingest.lexical import terms
from ingest.stop_words import STOP_WORDS
from service.generate import Delta, Exchange, GenerationFailed, Generator, fit_rewrite

_MAX_QUERY = 400  # characters of a rewritten query; a model that writes more rambles
_FEW = 3  # own terms up to which a question with an opener like "and" needs its predecessor
_OPENER = re.compile(
    r"^(?:(?:and|but|so|ok(?:ay)?|also|then|or)\b[\s,]*)*"
    r"(?:(?:what|how)\s+about\b|why(?:\s+(?:is|was|not)\s+(?:that|this|it))?\s*(?=\?|$)|"
    r"tell\s+me\s+more\b(?:\s+about\b)?|go\s+on\b|more\b|and\b|but\b|also\b|what\s+else\b)[\s,]*",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|this|that|these|those|he|she|his|her|"
    r"the (?:former|latter|same|paper|papers|method|methods|approach|authors|others?|results?))\b"
    r"(?!\s+(?:is|are)\s+known\b)",
    re.IGNORECASE,
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_NTH = re.compile(
    rf"\b(?:the\s+)?({'|'.join(_ORDINALS)}|last)\s+(?:one|paper|source|study|result)\b"
    r"|\b(?:paper|source|number)\s+(\d+)\b|\[(\d+)\]",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:what|which|how|why|when|where|who|does|do|did|is|are|was|were|can|could|will|would|"
    r"should|has|have|the|a|an|any|there)\b\s*)+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier turn: what was asked, what was searched, the answer, and the cited titles."""

    question: str
    query: str
    answer: str
    titles: tuple[str, ...]

    def exchange(self) -> Exchange:
        return Exchange(self.question, self.answer)


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question as a query of its own, by rules; unchanged where it needs no earlier turn.

    "The second one" becomes that paper's title; a question that opens with "and", "what about"
    and the like, or that speaks of "it" or "them", gets the topic of the turn before.
    """
    if not turns:
        return question
    named = _NTH.sub(lambda found: _title(found, turns[-1].titles), question)
    is_open = _OPENER.match(question) is not None
    if named == question and not (is_open and _is_short(question)) and not _refers(question):
        return question
    own = _PRONOUN.sub(" ", _OPENER.sub("", named))
    own = " ".join(own.split()).strip(" ?.,")
    topic = topic_of(turns[-1].query)
    query = f"{own}: {topic}" if own else topic
    return query[:_MAX_QUERY]


def retold(exchanges: Sequence[Exchange]) -> list[Turn]:
    """Turns of a conversation that somebody else kept, oldest first; they name no papers."""
    turns: list[Turn] = []
    for exchange in exchanges:
        query = standalone(exchange.question, turns)
        turns.append(Turn(exchange.question, query, exchange.answer, ()))
    return turns


async def rewritten(question: str, turns: Sequence[Turn], generator: Generator) -> str:
    """The question as a query of its own, by a model; by rules where the model fails or rambles."""
    if not turns:
        return question
    try:
        history = [turn.exchange() for turn in turns]
        prompt = fit_rewrite(question, history, window=generator.context_window)
        text = ""
        async with aclosing(generator.generate(prompt)) as parts:
            async for part in parts:
                text += part.text if isinstance(part, Delta) else ""
    except GenerationFailed:
        return standalone(question, turns)
    query = " ".join(text.split()).strip("\"'“”` ")
    return query if 0 < len(query) <= _MAX_QUERY else standalone(question, turns)


def topic_of(query: str) -> str:
    """What a query is about: the query without its opening question words."""
    topic = _LEAD.sub("", query).strip(" ?.")
    return topic or query


def _is_short(question: str) -> bool:
    return len([t for t in terms(question) if t not in STOP_WORDS]) <= _FEW


def _refers(question: str) -> bool:
    """Whether the question speaks of something named before it."""
    return any(not _is_named_inside(question, found) for found in _PRONOUN.finditer(question))


def _is_named_inside(question: str, pronoun: re.Match[str]) -> bool:
    """Whether the pronoun may mean something of the question itself ("... and its cost")."""
    before = [t for t in terms(question[: pronoun.start()]) if t not in STOP_WORDS]
    return len(before) >= _FEW or pronoun[0].lower() == "that"


def _title(found: re.Match[str], titles: Sequence[str]) -> str:
    if found[1]:
        word = found[1].lower()
        n = len(titles) if word == "last" else _ORDINALS.index(word) + 1
    else:
        n = int(found[2] or found[3])
    return titles[n - 1] if 1 <= n <= len(titles) else found[0]
