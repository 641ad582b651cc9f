"""What kind of answer a question asks for, told by its wording, and what it is made up of."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["plain", "comparison", "survey"]

_MOST_PARTS = 4
_LONGEST_SUBJECT = 120  # characters; what is longer is no name of a thing
_S = r"(?P<a>.+?)"
_COMPARISONS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^(?:please\s+)?(?:compare|contrast)\s+{_S}\s+(?:and|with|to|against)\s+(?P<b>.+)$",
        rf"\b(?:differences?|similarit(?:y|ies)|comparison|trade-?offs?)\s+(?:between|of)\s+{_S}"
        r"\s+(?:and|with)\s+(?P<b>.+)$",
        rf"^how\s+(?:does|do|did|is|are)\s+{_S}\s+(?:differ|different|compare[ds]?)\s+"
        r"(?:from|to|with|against)\s+(?P<b>.+)$",
        rf"^(?:what\s+(?:is|are)\s+)?{_S}\s+(?:vs\.?|versus)\s+(?P<b>.+)$",
    )
]
_ASPECT = re.compile(r"\s+(?:in terms of|regarding|concerning|with (?:respect|regard) to)\s+(.+)$")
_SURVEYS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^what\s+(?:is|do\s+we)\s+(?:already\s+|currently\s+)?know[n]?\s+(?:about|of|on)\s+(.+)$",
        r"^(?:please\s+)?(?:give|write|make|show)?\s*(?:me\s+)?(?:an?\s+|the\s+)?(?:short\s+)?"
        r"(?:overview|survey|summary|review)\s+(?:of|on|about)\s+(.+)$",
        r"^(?:which|what|list(?:\s+(?:all|the))*|find|show(?:\s+me)?)\s+"
        r"(?:papers?|stud(?:y|ies)|works?|articles?|authors?|research(?:ers)?|abstracts?)\s+"
        r"(?:(?:that|which|who)\s+)?(?:are\s+(?:about|on)|use[sd]?|using|employ\w*|appl(?:y|ies)|"
        r"stud(?:y|ies)|discuss\w*|consider\w*|propose\w*|introduce\w*|address\w*|evaluate\w*|"
        r"deal\s+with|mention\w*|about|on)\s+(.+)$",
        r"^(?:what\s+is\s+)?the\s+state\s+of\s+the\s+art\s+(?:in|of|on|for)\s+(.+)$",
        r"^(?:please\s+)?summari[sz]e\s+(?:the\s+)?(?:research|literature|work|papers|findings)\s+"
        r"(?:on|about)\s+(.+)$",
    )
]
_JOINT = re.compile(
    r"\?\s+|;\s+|,?\s+and\s+(?=(?:how|what|why|which|when|where|who|does|do|did|is|are|can|has)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """`parts` are what to search: two things to compare, the subject of a survey, or questions."""

    kind: Kind
    parts: tuple[str, ...]


def plan(question: str) -> Plan:
    """The plan that the wording of the question calls for; most questions are plain."""
    text = " ".join(question.split()).rstrip("?.! ")
    for pattern in _COMPARISONS:
        if (found := pattern.search(text)) and (sides := _sides(found["a"], found["b"])):
            return Plan("comparison", sides)
    for pattern in _SURVEYS:
        found = pattern.match(text)
        if found and len(found[1]) <= _LONGEST_SUBJECT:
            return Plan("survey", (found[1],))
    return Plan("plain", (question,))


def _sides(first: str, second: str) -> tuple[str, str] | None:
    """The two things compared, each as a query of its own; None if they cannot be names."""
    aspect = _ASPECT.search(second)
    if aspect:
        second = second[: aspect.start()]
    first, second = _named(first), _named(second)
    if not first or not second or max(len(first), len(second)) > _LONGEST_SUBJECT:
        return None
    if len(first.split()) == 1 and first.islower() and len(second.split()) > 1:
        first = f"{first} {second.split()[-1]}"  # "intrinsic and extrinsic hallucinations"
    about = f" {aspect[1]}" if aspect else ""
    return first + about, second + about


def _named(side: str) -> str:
    return re.sub(r"^(?:both|the|an?)\s+", "", side.strip(" ,:;"), flags=re.IGNORECASE)


def questions_in(question: str) -> tuple[str, ...]:
    """The questions that a long one is made of; the question itself where it is one."""
    found = plan(question)
    if found.kind == "comparison":
        return found.parts
    parts = [part.strip(" ,?") for part in _JOINT.split(question)]
    long_enough = [part for part in parts if len(part.split()) >= 3]
    return tuple(long_enough[:_MOST_PARTS]) if len(long_enough) > 1 else (question,)
