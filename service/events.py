"""What happens while a question is answered, in order: the one stream every door translates.

Run, Status, Sources, then Cites, Delta, Status and rarely Restart, and exactly one Done or Failed.
"""

from dataclasses import dataclass
from typing import Any

from service.citations import Answer, Citation, PaperCard, plain


@dataclass(frozen=True, slots=True)
class Run:
    """An answer has begun."""

    id: str
    question: str
    conversation_id: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """What is being done: `stage` is searching, reading, writing or checking."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The papers that the answer may draw on, best first."""

    query: str
    papers: tuple[PaperCard, ...]


@dataclass(frozen=True, slots=True)
class Cites:
    """Citations whose marks the next deltas show, or that have gained evidence."""

    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer's text. Marks in it are final and whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Restart:
    """All text so far is void and the answer begins anew; `reason` is for the reader."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """The finished, stored answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no answer. `title` says what is wrong, `detail` what to do."""

    type: str
    title: str
    status: int
    detail: str


Event = Run | Status | Sources | Cites | Delta | Restart | Done | Failed
NAMES = ("run", "status", "sources", "cites", "delta", "restart", "done", "error")  # on the wire


def name(event: Event) -> str:
    """The event's name on the wire."""
    return "error" if isinstance(event, Failed) else type(event).__name__.lower()


def payload(event: Event) -> dict[str, Any]:
    """The event's content on the wire, as plain values."""
    fields: dict[str, Any] = plain(event)
    return fields
