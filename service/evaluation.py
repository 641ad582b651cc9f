"""Measures retrieval on a set in BEIR layout, in a library of its own."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.build import ingest
from ingest.library import Library
from ingest.sources import discover
from service.app import open_library
from service.beir import RetrievalSet
from service.metrics import METRICS, Qrels, Run, averages, interval, paired, per_query
from service.progress import progress
from service.retrieve import METHODS, Method, Retriever
from service.settings import Settings

_DEPTH = 100
_SHOWN = 10  # queries of a comparison that changed most, on each side


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: the judgements and texts of the queries, and a run by method."""

    qrels: Qrels
    queries: Mapping[str, str]
    runs: Mapping[Method, Run]

    def scores(self, method: Method) -> dict[str, dict[str, float]]:
        """Every metric of every query."""
        return per_query(self.runs[method], self.qrels)

    def summary(self, method: Method) -> dict[str, Any]:
        """Averages, their 95 % intervals, and the number of queries."""
        scores = self.scores(method)
        low_high = {n: interval([own[n] for own in scores.values()]) for n in METRICS}
        return {**averages(scores), "queries": len(scores), "intervals": low_high}


def retrieval(
    data: RetrievalSet,
    settings: Settings,
    *,
    home: Path | None = None,
    methods: Sequence[Method] = ("ours",),
) -> Measured:
    """Asks every judged query of the set, by each method.

    The index is kept in `home` and used again from there; without it, it is a temporary one.

    Raises:
        InvalidInput: the documents cannot be read.
    """
    with _library(home, settings) as library:
        if home is None or library.is_empty:
            sources = list(discover(data.corpus))
            with progress(sources) as advance:
                ingest(library, sources, progress=advance)
        retriever, names = Retriever(library), library.catalogue.keys_of_papers()
        runs: dict[Method, Run] = {method: {} for method in methods}
        for query, text in data.queries.items():
            for method, ranking in retriever.rank(text, methods, k=_DEPTH).items():
                runs[method][query] = [
                    (key, score) for paper, score in ranking for key in names[paper]
                ]
    return Measured(data.qrels, data.queries, runs)


@contextmanager
def _library(home: Path | None, settings: Settings) -> Iterator[Library]:
    with tempfile.TemporaryDirectory(prefix="citelight-eval-") as folder:
        own = settings.model_copy(update={"home": home or Path(folder), "chroma_url": ""})
        library = open_library(own)
        try:
            yield library
        finally:
            library.close()


def comparison(measured: Measured, method: Method, other: Run) -> dict[str, Any]:
    """Our run against another: differences, their p, and the queries that changed most."""
    ours, theirs = measured.scores(method), per_query(other, measured.qrels)
    changes = {}
    for name in METRICS:
        mean, p = paired([ours[q][name] for q in ours], [theirs[q][name] for q in ours])
        changes[name] = {"difference": mean, "p": p}
    moved = sorted(
        ((ours[q]["ndcg@10"] - theirs[q]["ndcg@10"], q) for q in ours), key=lambda m: m[0]
    )
    told = [
        {"query": q, "text": measured.queries[q], "ndcg@10": change}
        for change, q in [*moved[:_SHOWN], *moved[-_SHOWN:][::-1]]
        if change
    ]
    return {"metrics": changes, "queries": told}


def plot(measured: Measured) -> str:
    """Bars of every metric and method with their 95 % intervals, as SVG."""
    colours = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0")
    summaries = [(method, measured.summary(method)) for method in measured.runs]
    bars = []
    for group, name in enumerate(METRICS):
        x = 50 + group * 110
        bars.append(f'<text x="{x}" y="295">{name}</text>')
        for n, (_, summary) in enumerate(summaries):
            low, high = summary["intervals"][name]
            left, top = x + n * 22, 270 - 220 * summary[name]
            bars.append(
                f'<rect x="{left}" y="{top:.1f}" width="20" height="{270 - top:.1f}" '
                f'fill="{colours[n % 4]}"/><path d="M{left + 10} {270 - 220 * low:.1f}'
                f'V{270 - 220 * high:.1f}" stroke="#333"/>'
            )
    for n, (method, _) in enumerate(summaries):
        bars.append(f'<text x="{50 + n * 90}" y="25" fill="{colours[n % 4]}">{method}</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 310" font-family="sans-serif" '
        'font-size="13"><rect width="720" height="310" fill="white"/>'
        f'<path d="M40 50V270H710" fill="none" stroke="#999"/>{"".join(bars)}</svg>\n'
    )


def methods_of(names: Sequence[str]) -> tuple[Method, ...]:
    """The methods with these names; "all" stands for every one."""
    if "all" in names:
        return METHODS
    return tuple(method for method in METHODS if method in names) or ("ours",)
