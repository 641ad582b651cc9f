"""How well answers without a model answer: over questions whose right papers are known.

    uv run python -m evals.answers HOME QUESTIONS.jsonl [--show]

HOME is a library that holds the papers; a line of QUESTIONS is {"question", "titles"}, where no
titles mean that the library cannot answer.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from service.app import Core, build
from service.citations import Answer, Timings
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Case:
    """A question and the titles of the papers that answer it."""

    question: str
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """Shares over the cases, 0 to 1, and the questions whose answer begins with a wrong paper."""

    n: int
    right_first: float
    right_first_unless_refused: float
    refused_wrongly: float  # of the questions that can be answered
    right_anywhere: float
    right_cited: float  # of all citations
    exact: float  # of all quotes
    same_again: float
    refused: float  # of the questions that cannot be answered
    n_sentences: float
    missed: tuple[str, ...]


def read_cases(path: Path) -> list[Case]:
    """The cases of a JSON-lines file; those whose right papers nobody named are left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [orjson.loads(line) for line in lines if line.strip()]
    return [Case(row["question"], tuple(row["titles"])) for row in rows if "titles" in row]


def measure(core: Core, cases: Sequence[Case], *, times: int = 2) -> Result:
    """Asks every question `times` times."""
    answers = asyncio.run(_ask(core, cases, times))
    can = [(c, a[0]) for c, a in zip(cases, answers, strict=True) if c.titles]
    cannot = [a[0] for c, a in zip(cases, answers, strict=True) if not c.titles]
    first = [bool(a.citations) and a.citations[0].paper.title in c.titles for c, a in can]
    cited = [[x.paper.title in c.titles for x in a.citations] for c, a in can]
    return Result(
        n=len(can),
        right_first=_share(first),
        right_first_unless_refused=_share(
            [hit for (_, a), hit in zip(can, first, strict=True) if not _is_refused(a)]
        ),
        refused_wrongly=_share([_is_refused(a) for _, a in can]),
        right_anywhere=_share(
            [any(x.paper.title in c.titles for x in a.citations) for c, a in can]
        ),
        right_cited=_share([hit for hits in cited for hit in hits]),
        exact=_share([is_exact for a in answers for is_exact in exact_quotes(core, a[0])]),
        same_again=_share([all(_bytes(b) == _bytes(a[0]) for b in a[1:]) for a in answers]),
        refused=_share([_is_refused(a) for a in cannot]),
        n_sentences=sum(len(a.sentences) for _, a in can) / max(len(can), 1),
        missed=tuple(c.question for (c, _), hit in zip(can, first, strict=True) if not hit),
    )


async def _ask(core: Core, cases: Sequence[Case], times: int) -> list[list[Answer]]:
    return [[await core.assistant.answer(c.question) for _ in range(times)] for c in cases]


def exact_quotes(core: Core, answer: Answer) -> list[bool]:
    """Whether each quote stands in its abstract, exactly where the citation says."""
    return [
        (paper := core.library.catalogue.find(citation.paper.id)) is not None
        and paper.paper.abstract[e.start : e.end] == e.quote
        for citation in answer.citations
        for e in citation.evidence
    ]


def _is_refused(answer: Answer) -> bool:
    return answer.state in ("nearby", "not_in_library")


def _bytes(answer: Answer) -> bytes:
    """The answer without what must differ: ids and times."""
    timeless = replace(answer, id="", run_id="", created_at="", timings=Timings(0, 0, 0))
    return orjson.dumps(timeless)


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 1.0


def main() -> None:
    home, questions = Path(sys.argv[1]), Path(sys.argv[2])
    core = build(Settings(home=home, _env_file=None))
    cases = read_cases(questions)
    try:
        core.library.refresh()
        if "--show" in sys.argv:
            for (answer,) in asyncio.run(_ask(core, cases, 1)):
                sys.stdout.write(f"\n## {answer.question}  ({answer.state})\n{answer.text}\n")
        result = measure(core, cases)
    finally:
        core.close()
    sys.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()
