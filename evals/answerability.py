"""Fits and measures `service.answerability`: can the library answer this question?

    uv run python -m evals.answerability collect --home HOME --data SET --kind KIND ... >> rows
    uv run python -m evals.answerability fit rows.jsonl --out service/answerability.json

`collect` asks an indexed library (CITELIGHT_HOME layout) the questions of a set in BEIR layout and
writes a line of features for each: "own" questions, the same with their papers left out
("near"), and with `--other FILE` those of another field ("other"). Without `--data` the titles
of the library's papers are the questions. `fit` learns on one half of the questions and reports on
the other half, and for each set what weights learned on all other sets give.
"""

import csv
import json
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ingest.dense import EmbeddedChroma
from ingest.library import Library
from ingest.minilm import MiniLM
from service.answerability import FEATURES, features
from service.retrieve import Retrieval, Retriever

Array = NDArray[np.float64]
_SHOWN = 8  # passages an answer is made of
_KINDS = {"own": 0.5, "near": 0.25, "other": 0.25}  # share of each in a set


@click.group()
def main() -> None:
    """Collect features, then fit."""


@main.command()
@click.option("--home", required=True, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--other", type=click.Path(path_type=Path), multiple=True)
@click.option("--most", default=200, help="Questions of each kind.")
def collect(home: Path, data: Path | None, other: Sequence[Path], most: int) -> None:
    library = Library(home, MiniLM.open(), EmbeddedChroma())
    retriever = Retriever(library)
    names = library.catalogue.keys_of_papers()
    try:
        for text, gold in _sampled(_own(data, library), most):
            found = retriever.retrieve(text, k=_SHOWN + 6)
            held = {i for p in found.passages for i in [p.stored.id] if gold & {i, *names[i]}}
            _tell(home.name, "own", text, found)
            kept = tuple(p for p in found.passages if p.stored.id not in held)
            gone = sorted((p.score for p in found.passages if p.stored.id in held), reverse=True)
            scores = tuple(s for s in found.scores if s not in gone)
            _tell(home.name, "near", text, replace(found, passages=kept, scores=scores))
        questions = [(q["text"], set[str]()) for file in other for q in _lines(file)]
        for text, _ in _sampled(questions, most):
            _tell(home.name, "other", text, retriever.retrieve(text, k=_SHOWN))
    finally:
        library.close()


def _own(data: Path | None, library: Library) -> list[tuple[str, set[str]]]:
    """Questions with the names of the papers that answer them, proved where the set has proofs."""
    if data is None:
        titles = library.catalogue.page("", sort="added", cursor="", limit=1000)[0]
        papers = library.catalogue.by_id(titles)
        return [(p.paper.title, {p.id}) for p in papers.values() if not p.paper.is_title_derived]
    gold: dict[str, set[str]] = {}
    with (data / "qrels.tsv").open(encoding="utf-8") as file:
        for query, document, relevance in list(csv.reader(file, delimiter="\t"))[1:]:
            if int(relevance) > 0:
                gold.setdefault(query, set()).add(document)
    if (data / "evidence.jsonl").exists():
        proved = {row["query_id"] for row in _lines(data / "evidence.jsonl")}
        gold = {q: own for q, own in gold.items() if q in proved}
    queries = _lines(data / "queries.jsonl")
    return [(q["text"], gold[q["id"]]) for q in queries if q["id"] in gold]


def _sampled(
    questions: Sequence[tuple[str, set[str]]], most: int
) -> Sequence[tuple[str, set[str]]]:
    return sorted(questions, key=lambda q: zlib.crc32(q[0].encode()))[:most]


def _tell(name: str, kind: str, text: str, found: Retrieval) -> None:
    if found.passages:
        row = {"set": name, "kind": kind, "text": text, **features(found)}
        sys.stdout.write(json.dumps(row) + "\n")


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line.strip()]


@main.command()
@click.argument("rows", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path))
@click.option("--plot", type=click.Path(path_type=Path), help="Reliability plot, SVG.")
def fit(rows: Path, out: Path | None, plot: Path | None) -> None:
    table = _lines(rows)
    sets = sorted({row["set"] for row in table})
    for name in sets:
        learned = learn([r for r in table if r["set"] != name])
        report(f"{name}, learned on the others", [r for r in table if r["set"] == name], learned)
    half = [r for r in table if zlib.crc32(r["text"].encode()) // 7 % 2 == 0]
    held_out = [r for r in table if zlib.crc32(r["text"].encode()) // 7 % 2 == 1]
    learned = learn(half)
    for name in sets:
        report(f"{name}, held-out half", [r for r in held_out if r["set"] == name], learned)
    report("all, held-out half", held_out, learned)
    if plot:
        plot.write_text(reliability_plot(probabilities(held_out, learned), held_out), "utf-8")
    if out:
        out.write_text(json.dumps(artifact(learned, table), indent=2) + "\n", "utf-8")


def matrix(rows: Sequence[dict[str, Any]]) -> Array:
    return np.array([[*(row[name] for name in FEATURES), 1.0] for row in rows])


def shares(rows: Sequence[dict[str, Any]]) -> Array:
    """Weights that make sets count alike, and kinds within a set as `_KINDS`."""
    groups = [(row["set"], row["kind"]) for row in rows]
    counts = {group: groups.count(group) for group in set(groups)}
    weights = np.array([_KINDS[group[1]] / counts[group] for group in groups])
    return np.asarray(weights / weights.sum())


def learn(rows: Sequence[dict[str, Any]], ridge: float = 2e-3) -> Array:
    """Logistic regression by Newton's method; the last weight is the bias."""
    x, w = matrix(rows), shares(rows)
    y = np.array([row["kind"] == "own" for row in rows], float)
    scale = np.append(x[:, :-1].std(axis=0) + 1e-9, 1.0)
    x = x / scale
    penalty = np.diag(np.append(np.full(len(FEATURES), ridge), 0.0))
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        gradient = x.T @ (w * (p - y)) + penalty @ beta
        hessian = (x * (w * p * (1 - p))[:, None]).T @ x + penalty + 1e-9 * np.eye(len(beta))
        beta -= np.linalg.solve(hessian, gradient)
    return np.asarray(beta / scale)


def probabilities(rows: Sequence[dict[str, Any]], beta: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-matrix(rows) @ beta)))


def report(name: str, rows: Sequence[dict[str, Any]], beta: Array) -> None:
    p = probabilities(rows, beta)
    kinds = np.array([row["kind"] for row in rows])
    own, near, other = (p[kinds == kind] for kind in _KINDS)
    borders = borders_of(beta)
    click.echo(
        f"{name}: AUC near {auc(own, near):.3f} other {auc(own, other):.3f} "
        f"ECE {calibration_error(p, rows):.3f}; answered or partial: "
        f"own {np.mean(own >= borders['partial']):.3f} "
        f"near {np.mean(near >= borders['partial']):.3f} "
        f"other {np.mean(other >= borders['partial']):.3f}; answered: "
        f"own {np.mean(own >= borders['answered']):.3f} "
        f"other {np.mean(other >= borders['answered']):.3f}; not in library: "
        f"own {np.mean(own < borders['nearby']):.3f} other {np.mean(other < borders['nearby']):.3f}"
    )


def auc(positive: Array, negative: Array) -> float:
    """How often a positive is above a negative; ties count half."""
    if not len(positive) or not len(negative):
        return float("nan")
    above = (positive[:, None] > negative[None]).mean()
    return float(above + 0.5 * (positive[:, None] == negative[None]).mean())


def calibration_error(p: Array, rows: Sequence[dict[str, Any]], n_bins: int = 10) -> float:
    """Expected calibration error: mean distance of probability and frequency, in equal bins."""
    w, y = shares(rows), np.array([row["kind"] == "own" for row in rows], float)
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    return float(sum(abs(np.sum((w * (p - y))[bins == b])) for b in range(n_bins)))


def borders_of(_: Array) -> dict[str, float]:
    """Borders between the states. Refusing a good question costs most, so they are low."""
    return {"answered": 0.30, "partial": 0.055, "nearby": 0.02}


def artifact(beta: Array, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counted: dict[str, int] = {}
    for row in rows:
        key = f"{row['set']} {row['kind']}"
        counted[key] = counted.get(key, 0) + 1
    return {
        "version": 2,
        "made_by": "evals/answerability.py",
        "questions": counted,
        "bias": round(float(beta[-1]), 4),
        "weights": {n: round(float(b), 4) for n, b in zip(FEATURES, beta[:-1], strict=True)},
        **borders_of(beta),
    }


def reliability_plot(p: Array, rows: Sequence[dict[str, Any]]) -> str:
    """Frequency over probability in ten bins, as SVG; the area of a dot is its weight."""
    w, y = shares(rows), np.array([row["kind"] == "own" for row in rows], float)
    bins = np.minimum((p * 10).astype(int), 9)
    dots: Iterable[str] = (
        f'<circle cx="{40 + 300 * np.average(p[m], weights=w[m]):.1f}" '
        f'cy="{340 - 300 * np.average(y[m], weights=w[m]):.1f}" '
        f'r="{3 + 40 * np.sqrt(w[m].sum()) / 3:.1f}" fill="#4269d0" fill-opacity="0.7"/>'
        for m in (bins == b for b in range(10))
        if m.any()
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 380 380" font-family="sans-serif" '
        'font-size="12"><rect width="380" height="380" fill="white"/>'
        '<path d="M40 40V340H340M40 340L340 40" fill="none" stroke="#999"/>'
        f'{"".join(dots)}<text x="120" y="370">probability told</text>'
        '<text x="12" y="30">share that can be answered</text></svg>\n'
    )


if __name__ == "__main__":
    main()
