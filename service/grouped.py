"""Quotes side by side: a table for a comparison, a list for a survey, groups for many questions."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace

from ingest.lexical import stems, terms
from ingest.stop_words import STOP_WORDS
from service.compose import Numbers, quoted
from service.cues import Role, is_chrome, leans_on_previous, role_of
from service.draft import Draft
from service.events import Event
from service.extract import Quote, choose, lead, scored
from service.inert import inert_title
from service.retrieve import Retrieval

_MOST_LISTED = 8
_LISTED = 0.55  # of the best paper's score: a survey shows more than an answer would
_MENTIONS = 0.5  # share of a subject's words that a sentence, with its title, must have
_MOST_SHARED = 2
_PER_PART = 3
_ROWS: tuple[tuple[Role, str], ...] = (
    ("idea", "What it is"),
    ("finding", "What was found"),
    ("caveat", "Limits"),
)
_BLANK = "–"
_SILENT = "The abstracts found do not say."


def table(draft: Draft, subjects: Sequence[str], found: Sequence[Retrieval]) -> Iterator[Event]:
    """Compares two subjects: what is said of both, then a table with a quote a cell, or a blank.

    Nothing is written where the abstracts found speak of one of them only together with the other.
    """
    numbers, names = Numbers(), [_stems(s) for s in subjects]
    own = [names[0] - names[1] or names[0], names[1] - names[0] or names[1]]
    both = zip(subjects, found, own, strict=True)
    quotes = [_of(subject, r, marker) for subject, r, marker in both]
    shared = [q for q in quotes[0] if _names(q, own[1])][:_MOST_SHARED]
    taken = {(q.paper, q.sentence) for q in shared}
    cells = [_cells(q, marker, taken) for q, marker in zip(quotes, own, strict=True)]
    if not all(cells):
        return
    for chosen in shared:
        n, is_new = numbers.of(chosen.passage)
        before = ("\n\n" if draft.text else "") + lead(chosen.passage) if is_new else " "
        yield from quoted(draft, chosen, n, before)
    heads = " | ".join(inert_title(s, 80) for s in subjects)
    rule = "|---" * (len(subjects) + 1)
    yield draft.write(f"{chr(10) * 2 if draft.text else ''}| | {heads} |\n{rule}|")
    for role, name in _ROWS:
        if not any(role in column for column in cells):
            continue
        yield draft.write(f"\n| {name} |")
        for column in cells:
            yield from _cell(draft, column.get(role), numbers)


def _names(quote: Quote, markers: Set[str]) -> bool:
    return len(markers & set(stems(quote.text))) >= _MENTIONS * len(markers)


def _stems(subject: str) -> set[str]:
    return set(stems(" ".join(w for w in terms(subject) if w not in STOP_WORDS)))


def _of(subject: str, retrieval: Retrieval, markers: Set[str] | None = None) -> list[Quote]:
    """The sentences that speak of the subject, best first; each has one of the `markers`."""
    wanted = _stems(subject)
    markers = wanted if markers is None else markers
    return [
        quote
        for quote in scored(subject, retrieval.passages)
        if _mentions(quote, wanted, markers) and not is_chrome(quote.text)
    ]


def _mentions(quote: Quote, wanted: Set[str], markers: Set[str]) -> bool:
    """Whether the sentence, with its title, has enough of the wanted stems, and itself a marker."""
    held = set(stems(quote.text))
    titled = held | set(stems(quote.passage.stored.paper.title))
    return bool(markers & held) and len(wanted & titled) >= _MENTIONS * len(wanted)


def _cells(
    quotes: Iterable[Quote], markers: Set[str], taken: set[tuple[str, int]]
) -> dict[Role, Quote]:
    """The best sentence for each row that no other cell has; what is chosen joins `taken`."""
    cells: dict[Role, Quote] = {}
    for quote in sorted(quotes, key=lambda q: not _opens_with(q, markers)):
        role = role_of(quote.text)
        place = (quote.paper, quote.sentence)
        if role not in cells and place not in taken and not leans_on_previous(quote.text):
            cells[role] = quote
            taken.add(place)
    return cells


def _opens_with(quote: Quote, markers: Set[str]) -> bool:
    """Whether the sentence begins with its subject: then it is about it, and tells what it is."""
    return bool(markers & set(stems(quote.text)[:3]))


def _cell(draft: Draft, chosen: Quote | None, numbers: Numbers) -> Iterator[Event]:
    if chosen is None:
        yield draft.write(f" {_BLANK} |")
        return
    n, _ = numbers.of(chosen.passage)
    yield from quoted(draft, chosen, n, " ", " |", in_table=True)


def listing(draft: Draft, subject: str, retrieval: Retrieval) -> Iterator[Event]:
    """The papers that speak of the subject, each with the sentence that says most about it."""
    numbers = Numbers()
    top = max((p.score for p in retrieval.passages), default=0.0)
    near = [p for p in retrieval.passages if p.score >= _LISTED * top]
    best: dict[str, Quote] = {}
    for quote in _of(subject, replace(retrieval, passages=tuple(near))):
        best.setdefault(quote.paper, quote)
    for passage in near:
        if (chosen := best.get(passage.stored.id)) and len(numbers.known) < _MOST_LISTED:
            n, _ = numbers.of(passage)
            before = ("\n" if draft.text else "") + f"- {lead(passage)}"
            yield from quoted(draft, chosen, n, before)


def groups(draft: Draft, parts: Sequence[str], found: Sequence[Retrieval]) -> Iterator[Event]:
    """The answer to each question under its own heading; `found` is empty where none has any."""
    numbers = Numbers()
    for part, retrieval in zip(parts, found, strict=True):
        gap = "\n\n" if draft.text else ""
        yield draft.write(f"{gap}### {inert_title(part)}\n")
        chosen = choose(retrieval, most=_PER_PART) if retrieval.passages else []
        if not chosen:
            yield draft.write(f"\n{_SILENT}")
        last = ""
        for quote in chosen:
            n, _ = numbers.of(quote.passage)
            is_next = quote.paper == last
            last = quote.paper
            yield from quoted(draft, quote, n, " " if is_next else f"\n{lead(quote.passage)}")
