"""An answer given again: the same bytes, or what differs and why."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.assistant import Assistant
from service.citations import Answer, plain
from service.retrieve import Filters

Stored = Mapping[str, Any]  # an answer as `Conversations.answer` gives it

# What must be equal for an answer to be the same; ids, times and usage are of the run.
_CONTENT = ("state", "text", "sentences", "citations", "also_retrieved", "notes")
_CAUSES = (
    ("engine", "It was written by {old}, now by {new}."),
    ("prompt_version", "The prompt has changed: version {old}, now {new}."),
    ("settings_hash", "The settings have changed: {old}, now {new}."),
    ("snapshot", "The library has changed: snapshot {old}, now {new}."),
)


@dataclass(frozen=True, slots=True)
class Replay:
    """How the answer of today compares to the stored one.

    `changed` names the parts that differ, `reasons` say what changed around them, `difference` is
    a unified diff of the two texts.
    """

    is_same: bool
    changed: tuple[str, ...]
    reasons: tuple[str, ...]
    difference: str
    answer: Answer


async def replay(assistant: Assistant, stored: Stored) -> Replay:
    """Asks the stored question again, with the query it was searched by; nothing is kept.

    Raises:
        CitelightError: there is no answer now; the text says why.
    """
    filters = Filters(**{k: _frozen(v) for k, v in (stored.get("filters") or {}).items()})
    answer = await assistant.answer(
        stored["question"],
        query=stored["query"],
        filters=filters if filters else None,
        depth=stored.get("depth", "fast"),
        is_literal=stored.get("is_literal", False),
        is_kept=False,
    )
    now = plain(answer)
    changed = tuple(name for name in _CONTENT if now[name] != stored[name])
    return Replay(not changed, changed, _reasons(stored, now, changed), _diff(stored, now), answer)


def _reasons(old: Stored, new: Stored, changed: Sequence[str]) -> tuple[str, ...]:
    reasons = [
        text.format(old=old[name] or "none", new=new[name] or "none")
        for name, text in _CAUSES
        if old[name] != new[name]
    ]
    if old["snapshot"] != new["snapshot"]:
        reasons += _papers(old, new)
    if changed and not reasons:
        is_model = old["engine"] != "extractive"
        reasons.append(
            "A language model writes differently each time."
            if is_model
            else "The program itself has changed since."
        )
    return tuple(reasons)


def _papers(old: Stored, new: Stored) -> list[str]:
    """Which papers were found then and not now, or now and not then."""
    before, after = _found(old), _found(new)
    gone = [f"No longer found: {title}" for paper, title in before.items() if paper not in after]
    come = [f"Now found: {title}" for paper, title in after.items() if paper not in before]
    return gone + come


def _found(answer: Stored) -> dict[str, str]:
    cards = [*(c["paper"] for c in answer["citations"]), *answer["also_retrieved"]]
    return {card["id"]: card["title"] for card in cards}


def _diff(old: Stored, new: Stored) -> str:
    lines = difflib.unified_diff(
        old["text"].splitlines(), new["text"].splitlines(), "then", "now", lineterm=""
    )
    return "\n".join(lines)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
