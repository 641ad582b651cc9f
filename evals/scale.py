"""What a paper more costs: a library grown step by step, measured after each step.

    uv run python -m evals.scale CORPUS.jsonl.gz QUERIES.jsonl [--sizes 1000,10000,77554]
        [--home HOME] [--plot FILE.svg]

Embedding is left out (a stand-in of summed word vectors makes the vectors, its time is taken
off): it costs the same for every paper. Texts are real; beyond the corpus its records come again
with their sentences in another order. Each figure is taken in a process of its own. Prints a JSON
line a size; HOME is kept for other measurements.
"""

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.ingest_embedder import WordSumEmbedder
from ingest.build import ingest
from ingest.dense import EmbeddedChroma
from ingest.embed import ChunkVectors
from ingest.library import Library
from ingest.sentences import Span
from ingest.sources import discover
from service.retrieve import Retriever

_QUESTIONS, _ROUNDS = 80, 3
# What is drawn: key, name, unit.
_DRAWN = (
    ("ingest_per_s", "ingest beside embedding", "papers/s"),
    ("disk_kb_per_paper", "disk", "kB a paper"),
    ("serving_rss_mb", "memory of a reader", "MB"),
    ("open_ms", "open", "ms"),
    ("query_p50_ms", "query p50", "ms"),
    ("query_p95_ms", "query p95", "ms"),
)


class Timed(WordSumEmbedder):
    """The stand-in, and the seconds spent in it."""

    seconds = 0.0

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
        start = time.perf_counter()
        found = super().embed_chunks(texts, spans)
        self.seconds += time.perf_counter() - start
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--sizes", default="1000,10000,77554")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--step", choices=["grow", "ask"])
    args = parser.parse_args()
    if args.step:
        figures = _grow(args.home, args.corpus) if args.step == "grow" else _ask(args)
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="citelight-scale-") as folder:
        home = args.home or Path(folder, "home")
        sizes = [int(size) for size in args.sizes.split(",")]
        rows = [_measured(home, args, size, Path(folder)) for size in sizes]
    if args.plot:
        args.plot.write_text(plot(rows), encoding="utf-8")


def _measured(home: Path, args: argparse.Namespace, size: int, folder: Path) -> dict[str, Any]:
    file = folder / "corpus.jsonl"
    with file.open("w", encoding="utf-8") as out:
        out.writelines(_records(args.corpus, size))
    row: dict[str, Any] = {"papers": size}
    for step, corpus in (("grow", file), ("ask", args.corpus)):
        command = [sys.executable, "-m", "evals.scale", str(corpus), str(args.queries)]
        told = subprocess.run(
            [*command, "--home", str(home), "--step", step], check=True, stdout=subprocess.PIPE
        )
        row |= json.loads(told.stdout)
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()
    return row


def _records(corpus: Path, n: int) -> Iterator[str]:
    """The first `n` records; when there are no more, variations of them."""
    rng = random.Random(7)
    left, turn = n, 0
    while left > 0:
        with gzip.open(corpus, "rt", encoding="utf-8") as lines:
            for line, _ in zip(lines, range(left), strict=False):
                left -= 1
                yield line if turn == 0 else _variation(line, turn, rng)
        turn += 1


def _variation(line: str, turn: int, rng: random.Random) -> str:
    """The record under another name: sentences and the title's words in another order."""
    row = json.loads(line)
    sentences, words = row["abstract"].split(". "), row["title"].split()
    rng.shuffle(sentences)
    rng.shuffle(words)
    new = {"id": f"{row['id']}v{turn}", "title": " ".join(words), "abstract": ". ".join(sentences)}
    return json.dumps(new) + "\n"


def _grow(home: Path, file: Path) -> dict[str, float]:
    embedder = Timed()
    library = Library(home, embedder, EmbeddedChroma())
    start = time.perf_counter()
    report = ingest(library, list(discover(file)))
    seconds = time.perf_counter() - start - embedder.seconds
    n_papers = library.catalogue.n_papers()
    current = library.generations.current()
    library.close()
    generation = home / "generations" / f"{current:06d}"
    kept = [home / "catalogue.sqlite", *(home / "vectors").rglob("*"), *generation.rglob("*")]
    size = sum(f.stat().st_size for f in kept if f.is_file())
    return {
        "new": report.new,
        "ingest_per_s": round(report.new / seconds, 1),
        "disk_kb_per_paper": round(size / n_papers / 1000, 2),
        "ingest_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _ask(args: argparse.Namespace) -> dict[str, float]:
    lines = args.queries.read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines[:_QUESTIONS]]
    import chromadb  # noqa: F401  # 1.5 s that no library size changes

    start = time.perf_counter()
    library = Library(args.home, WordSumEmbedder(), EmbeddedChroma())
    library.refresh()
    opened = time.perf_counter() - start
    retriever = Retriever(library, n_remembered=0)
    start = time.perf_counter()
    retriever.retrieve(texts[0])
    first = time.perf_counter() - start
    took = []
    for text in texts * _ROUNDS:
        start = time.perf_counter()
        retriever.retrieve(text)
        took.append(1000 * (time.perf_counter() - start))
    library.close()
    return {
        "open_ms": round(1000 * opened, 1),
        "first_query_ms": round(1000 * first, 1),
        "query_p50_ms": round(float(np.median(took)), 2),
        "query_p95_ms": round(float(np.percentile(took, 95)), 2),
        "serving_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def plot(rows: Sequence[dict[str, Any]]) -> str:
    """A small chart for each figure over the number of papers (logarithmic), as SVG."""
    charts = [_chart(rows, n, *drawn) for n, drawn in enumerate(_DRAWN)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 440" font-family="sans-serif" '
        f'font-size="11"><rect width="760" height="440" fill="white"/>{"".join(charts)}</svg>\n'
    )


def _chart(rows: Sequence[dict[str, Any]], n: int, key: str, name: str, unit: str) -> str:
    left, top = 20 + 250 * (n % 3), 30 + 215 * (n // 3)
    sizes = np.log10([row["papers"] for row in rows])
    values = np.array([row[key] for row in rows], float)
    across = left + 15 + 175 * (sizes - sizes[0]) / max(float(sizes[-1] - sizes[0]), 1e-9)
    up = top + 160 - 120 * values / max(float(values.max()), 1e-9)
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in zip(across, up, strict=True))
    dots = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#4269d0"/>'
        f'<text x="{x:.0f}" y="{y - 7:.0f}" text-anchor="middle">{value:g}</text>'
        f'<text x="{x:.0f}" y="{top + 174}" text-anchor="middle">{row["papers"] / 1000:.0f}k</text>'
        for x, y, value, row in zip(across, up, values, rows, strict=True)
    )
    return (
        f'<text x="{left}" y="{top}" font-weight="bold">{name}, {unit}</text>'
        f'<path d="M{left} {top + 160}H{left + 215}" stroke="#999"/>'
        f'<polyline points="{line}" fill="none" stroke="#4269d0"/>{dots}'
    )


if __name__ == "__main__":
    main()
