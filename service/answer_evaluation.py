"""Measures answers: their citations without any judge, and what the verifier says of them."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from ingest.catalogue import Catalogue
from ingest.errors import InvalidInput
from service.app import Core
from service.citations import plain
from service.verify import EvidenceSentence, verify

Stored = Mapping[str, Any]  # an answer as it is stored

_SAID = ("verbatim", "supported")
_REFUSED = ("nearby", "not_in_library")


def ask_all(core: Core, questions: Sequence[str]) -> list[Stored]:
    """Fresh answers to the questions, one after the other; none is kept."""

    async def each() -> list[Stored]:
        return [plain(await core.assistant.answer(q, is_kept=False)) for q in questions]

    return asyncio.run(each())


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and the titles of the papers that a right answer cites first, where known."""

    question: str
    titles: tuple[str, ...] = ()


def read_cases(path: Path) -> list[Case]:
    """The different cases of a JSON-lines file of {"question": ..., "titles": [...]}.

    The titles may be missing; other fields, as exported feedback has, are not looked at.

    Raises:
        InvalidInput: it is missing, or a line of it is no such object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [orjson.loads(line) for line in lines if line.strip()]
        cases = [Case(str(row["question"]), tuple(row.get("titles") or ())) for row in rows]
        return list(dict.fromkeys(cases))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f'{path} cannot be read. It needs a line {{"question": "..."}} for each question.'
        ) from error


def right_first(answers: Sequence[Stored], cases: Sequence[Case]) -> float:
    """The share of the cases with titles whose answer cites one of them first; 1 without any."""
    pairs = zip(answers, cases, strict=True)
    return _share(_first_title(a) in c.titles for a, c in pairs if c.titles)


def _first_title(answer: Stored) -> str | None:
    return answer["citations"][0]["paper"]["title"] if answer["citations"] else None


def metrics(answers: Sequence[Stored], catalogue: Catalogue) -> dict[str, float]:
    """Shares from 0 to 1, milliseconds and sums over the answers.

    `recall` and `precision` are ALCE's (Gao et al. 2023) with the verifier as judge: the share of
    sentences that all their citations together support, and the share of citations without which
    their sentence would not be supported, or which support it alone.
    """
    sentences = [(a, s) for a in answers for s in a["sentences"]]
    recall, precision = _alce(sentences)
    return {
        "answers": len(answers),
        "id_validity": _share(_known(answers, catalogue)),
        "offset_validity": _share(_in_place(answers, catalogue)),
        "quote_exactness": _share(_hashed(answers)),
        "cited": _share(bool(s["marks"]) for _, s in sentences),
        "recall": recall,
        "precision": precision,
        "refused": _share(a["state"] in _REFUSED for a in answers),
        "partial": _share(a["state"] == "partial" for a in answers),
        "search_ms": _middle(answers, "search_ms"),
        "first_delta_ms": _middle(answers, "first_delta_ms"),
        "total_ms": _middle(answers, "total_ms"),
        "prompt_tokens": sum(a["usage"]["prompt_tokens"] for a in answers),
        "completion_tokens": sum(a["usage"]["completion_tokens"] for a in answers),
        "cost": sum(a["usage"]["cost"] for a in answers),
    }


def _known(answers: Sequence[Stored], catalogue: Catalogue) -> Iterable[bool]:
    """Whether each cited paper is in the library and each mark of a sentence has a citation."""
    for answer in answers:
        numbers = {c["n"] for c in answer["citations"]}
        for citation in answer["citations"]:
            yield catalogue.find(citation["paper"]["id"]) is not None
        for sentence in answer["sentences"]:
            yield numbers.issuperset(sentence["marks"])


def _in_place(answers: Sequence[Stored], catalogue: Catalogue) -> Iterable[bool]:
    for citation in (c for a in answers for c in a["citations"]):
        stored = catalogue.find(citation["paper"]["id"])
        for e in citation["evidence"]:
            yield stored is not None and stored.paper.abstract[e["start"] : e["end"]] == e["quote"]


def _hashed(answers: Sequence[Stored]) -> Iterable[bool]:
    quoted = (e for a in answers for c in a["citations"] for e in c["evidence"])
    return (hashlib.sha256(e["quote"].encode()).hexdigest() == e["sha256"] for e in quoted)


def _alce(sentences: Sequence[tuple[Stored, Stored]]) -> tuple[float, float]:
    recalled: list[bool] = []
    precise: list[bool] = []
    for answer, sentence in sentences:
        cited = {c["n"]: _evidence(c) for c in answer["citations"] if c["n"] in sentence["marks"]}
        is_said = _is_said(sentence["text"], cited.values())
        recalled.append(is_said)
        for n, own in cited.items():
            others = [e for m, e in cited.items() if m != n]
            alone = _is_said(sentence["text"], [own])
            precise.append(is_said and (alone or not _is_said(sentence["text"], others)))
    return _share(recalled), _share(precise)


def _evidence(citation: Stored) -> list[EvidenceSentence]:
    paper = citation["paper"]
    facts = [paper["title"], *paper["authors"], paper["venue"], paper["year"]]
    about = " ".join(str(fact) for fact in facts if fact)
    return [EvidenceSentence(e["quote"], about) for e in citation["evidence"]]


def _is_said(text: str, cited: Iterable[Sequence[EvidenceSentence]]) -> bool:
    evidence = [sentence for own in cited for sentence in own]
    return verify(text, evidence).kind in _SAID


def _middle(answers: Sequence[Stored], name: str) -> float:
    return median([a["timings"][name] for a in answers]) if answers else 0.0


def _share(hits: Iterable[bool]) -> float:
    """The share that is true; 1 where there is nothing to be wrong."""
    all_hits = list(hits)
    return sum(all_hits) / len(all_hits) if all_hits else 1.0
