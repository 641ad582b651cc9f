"""What is said where the library does not answer, or only in part, and what to ask next."""

import re
from collections.abc import Sequence, Set

from ingest.lexical import stems, terms
from ingest.stop_words import STOP_WORDS
from service.citations import State
from service.inert import inert_title
from service.plan import plan
from service.retrieve import Passage, Retrieval

_NOT_HELD = "This library does not hold an answer to that question."
_NEARBY = (
    "No abstract in this library answers that question. The papers nearest to it are listed below."
)
_PARTIAL = "The abstracts answer this only in part."
_ORDER: tuple[State, ...] = ("answered", "partial", "nearby", "not_in_library", "failed")
_MOST = 3
_MOST_MISSING = 5
_NOT_TELLING = frozenset(  # words of asking, which no abstract need mention
    "much many far long often well good best better really exactly anything something".split()
)
_WORD = re.compile(r"[\w-]+")
_EDGES = re.compile(r"^\W+|\W+$")


def refusal(state: State) -> str:
    """The text of an answer that says nothing about the matter."""
    return _NOT_HELD if state == "not_in_library" else _NEARBY


def best_state(states: Sequence[State]) -> State:
    """The state of an answer of many parts: of the best part, but partial where some have none."""
    best = min(states, key=_ORDER.index)
    is_mixed = best == "answered" and any(s in ("nearby", "not_in_library") for s in states)
    return "partial" if is_mixed else best


def missing(retrieval: Retrieval) -> str:
    """Says that an answer is partial, and names what no paper found speaks of."""
    lacking = _lacking(retrieval)[:_MOST_MISSING]
    if not lacking:
        return _PARTIAL
    named = ", ".join(f"“{inert_title(word, 60)}”" for word in lacking)
    return f"{_PARTIAL} None of the abstracts found mentions {named}."


def suggestions(retrieval: Retrieval) -> list[str]:
    """Questions near to the one asked that the papers found can answer, at most three.

    First one about the longest phrase of the question that they have, then one a nearest paper.
    """
    found: list[str] = []
    phrase = _longest_held(retrieval.query, set(_lacking(retrieval)))
    if phrase:
        found.append(f"What is known about {phrase}?")
    return [*found, *further(retrieval.passages)][:_MOST]


def further(passages: Sequence[Passage]) -> list[str]:
    """A question about each of the papers that share words with the one asked, at most three."""
    titles = [
        p.stored.paper.title
        for p in passages
        if p.matched_terms and not p.stored.paper.is_title_derived
    ]
    return [question_about(title) for title in titles[:_MOST]]


def question_about(title: str) -> str:
    """What can be asked of the paper with this title."""
    bare = _EDGES.sub("", inert_title(title, 120))
    return f"What does “{bare}” find?"


def _longest_held(query: str, lacking: Set[str]) -> str:
    """The longest run of words none of which is lacking, of two words worth searching or more."""
    runs: list[list[str]] = [[]]
    for word in _WORD.findall(query):
        if word.casefold() in lacking:
            runs.append([])
        else:
            runs[-1].append(word)
    phrases = [_trimmed(run) for run in runs]
    telling = [p for p in phrases if len(_content(p)) > 1] if lacking else []
    longest = max(telling, key=lambda words: len(words), default=[])
    return inert_title(" ".join(longest), 120)


def _trimmed(run: Sequence[str]) -> list[str]:
    words = list(run)
    while words and not _content(words[:1]):
        words.pop(0)
    while words and not _content(words[-1:]):
        words.pop()
    return words


def _content(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.casefold() not in STOP_WORDS]


def _lacking(retrieval: Retrieval) -> list[str]:
    """The words of the question that none of the papers found has, in its order."""
    papers = [passage.stored.paper for passage in retrieval.passages]
    held = set(stems(" ".join(f"{paper.title} {paper.abstract}" for paper in papers)))
    subject = " ".join(plan(retrieval.query).parts)
    telling = (word for word in terms(subject) if word not in _NOT_TELLING)
    return [word for word in telling if not held.issuperset(stems(word))]
