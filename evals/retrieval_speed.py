"""Time of a question end to end, of its parts, of many askers, and of filters, in one library.

    uv run python -m evals.retrieval_speed HOME QUERIES.jsonl [--questions 60] [--rounds 5]
        [--other-vectors]

HOME is a library, QUERIES a set's or those of tests/questions. `--other-vectors` says that
`evals.scale` made its vectors: questions are then embedded by MiniLM, which is what costs time, and
searched for by a stand-in's vectors. Rounds are interleaved; filters are the best of three. Prints
JSON; times are milliseconds. What a whole question takes is compared with what Chroma's own
function takes to embed one, with the same weights, in the same rounds: that tells how fast the
machine is.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evals.embedder_speed import chromas, export
from evals.ingest_embedder import WordSumEmbedder
from ingest.dense import EmbeddedChroma
from ingest.embed import QueryVectors, Vectors
from ingest.generation import Generation
from ingest.lexical import roots, terms
from ingest.library import Library
from ingest.minilm import MiniLM, usable_cores
from service.candidates import DEPTH, Positions, chunk_scores, find, score
from service.candidates import _nearest as nearest
from service.interaction import late_scores
from service.retrieve import Retriever

_ASKERS = 8
_SHARES = (0.0005, 0.01, 0.05, 0.1, 0.3, 0.5, 0.9)  # of the papers that a filter leaves
_LOOKED_UP = 20  # papers read for an answer
_COMPARED = 12  # questions a round that the baseline embeds
_SETTLES_S = 0.2  # for as long, its threads go on spinning


class Both(WordSumEmbedder):
    """Embeds with MiniLM, for the time it takes, and gives the stand-in's vectors."""

    def __init__(self) -> None:
        super().__init__()
        self._real = MiniLM.open()

    def embed_query(self, text: str) -> QueryVectors:
        self._real.embed_query(text)
        return super().embed_query(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--other-vectors", action="store_true")
    args = parser.parse_args()
    lines = args.queries.read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines[: args.questions]]
    texts = [row.get("text") or row["question"] for row in rows]
    embedder = Both() if args.other_vectors else MiniLM.open()
    library = Library(args.home, embedder, EmbeddedChroma())
    try:
        library.refresh()
        retriever = Retriever(library, n_remembered=0)
        told: dict[str, Any] = {"papers": library.catalogue.n_papers()}
        told["first_ms"] = round(_ms(lambda: retriever.retrieve(texts[0])), 1)
        with tempfile.TemporaryDirectory(prefix="citelight-retrieval-") as folder:
            export(Path(folder, "onnx"))
            told |= end_to_end(retriever, library, texts, args.rounds, chromas(Path(folder)))
        told["filters"] = filters(library, texts[:12])
        told |= asyncio.run(askers(retriever, texts, args.rounds))
    finally:
        library.close()
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


def end_to_end(
    retriever: Retriever,
    library: Library,
    texts: Sequence[str],
    rounds: int,
    baseline: Callable[[list[str]], object],
) -> dict[str, Any]:
    """A whole question beside the sum of its parts' medians and the baseline's, in turn."""
    baseline([texts[0]])
    whole: list[float] = []
    theirs: list[float] = []
    parts: dict[str, list[float]] = {}
    with library.pinned() as generation:
        for _ in range(rounds):
            for text in texts:
                whole.append(_ms(partial(retriever.retrieve, text)))
                for name, work in _parts(generation, library, text).items():
                    parts.setdefault(name, []).append(_ms(work))
            theirs += [_ms(partial(baseline, [text])) for text in texts[:_COMPARED]]
            time.sleep(_SETTLES_S)
    medians = {name: round(float(np.median(took)), 2) for name, took in parts.items()}
    total = sum(medians.values())
    return {
        "whole": _spread(whole),
        "parts": medians,
        "sum_of_parts": round(total, 2),
        "whole_by_sum": round(float(np.median(whole)) / total, 2),
        "chroma_embeds": _spread(theirs),
        "whole_by_chroma_embeds": round(float(np.median(whole) / np.median(theirs)), 3),
    }


def _parts(generation: Generation, library: Library, text: str) -> dict[str, Callable[[], object]]:
    vector, tokens = library.embedder.embed_query(text)
    asked = terms(text)
    words = roots(asked)
    nowhere = np.empty(0, np.int64)
    found = find(generation, vector, words, None, nowhere)
    positions = found.positions
    ordinals = generation.columns.ordinals[positions[:_LOOKED_UP]].tolist()
    return {
        "embed": lambda: library.embedder.embed_query(text),
        "nearest": lambda: nearest(generation, vector, None),
        "BM25": lambda: generation.words.search(words, DEPTH),
        "fusion": lambda: score(generation, vector, words, positions),
        "tokens": lambda: late_scores(generation, found, tokens, text, asked),
        "papers": lambda: library.papers(ordinals),
    }


def filters(library: Library, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Time beside an unfiltered search, and recall of the best hundred against exact search."""
    rng = np.random.default_rng(7)
    with library.pinned() as generation:
        n = len(generation.columns.ids)
        asked = [(library.embedder.embed_query(text).vector, roots(terms(text))) for text in texts]
        told = []
        for share in _SHARES:
            kept = np.sort(rng.choice(n, max(int(share * n), 1), replace=False)).astype(np.int64)
            told.append({"share": share, "papers": len(kept), **_filtered(generation, asked, kept)})
    return told


def _filtered(
    generation: Generation, asked: Sequence[tuple[Vectors, list[str]]], kept: Positions
) -> dict[str, float]:
    mask = np.zeros(len(generation.columns.ids), bool)
    mask[kept] = True
    nowhere = np.empty(0, np.int64)
    plain, took, recalls = [], [], []
    for vector, words in asked[:1]:
        find(generation, vector, words, mask, nowhere)  # reads what the first one reads
    for vector, words in asked:
        plain.append(
            min(_ms(partial(find, generation, vector, words, None, nowhere)) for _ in "123")
        )
        took.append(
            min(_ms(partial(find, generation, vector, words, mask, nowhere)) for _ in "123")
        )
        hits = find(generation, vector, words, mask, nowhere).positions
        recalls.append(_recall(generation, vector, words, kept, hits))
    return {
        "ms": round(float(np.median(took)), 2),
        "unfiltered_ms": round(float(np.median(plain)), 2),
        "recall": round(float(np.mean(recalls)), 4),
    }


def _recall(
    generation: Generation,
    vector: Vectors,
    words: Sequence[str],
    kept: Positions,
    hits: Positions,
) -> float:
    """The share of the nearest and of the wordiest allowed papers among the candidates.

    Of each the first `DEPTH`, by exact search, those that tie with the last one left out.
    """
    wanted = []
    for scores in (
        chunk_scores(generation, kept, vector),
        generation.words.weigh(words, kept).bm25,
    ):
        last = np.sort(scores)[::-1][DEPTH] if len(scores) > DEPTH else 0.0
        wanted.append(kept[scores > max(float(last), 0.0) + 1e-5])
    among = np.concatenate(wanted)
    return float(np.isin(among, hits).mean()) if len(among) else 1.0


async def askers(retriever: Retriever, texts: Sequence[str], rounds: int) -> dict[str, Any]:
    """Eight askers at once against one: throughput, p95 of each, and how long the loop waits."""
    loop = asyncio.get_running_loop()
    lags: list[float] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            start = time.perf_counter()
            await asyncio.sleep(0.002)
            lags.append(1000 * (time.perf_counter() - start) - 2)

    with ThreadPoolExecutor(max(2, usable_cores())) as pool:  # as many threads as the service has

        async def ask(questions: Sequence[str], took: list[float]) -> None:
            for text in questions:
                start = time.perf_counter()
                await loop.run_in_executor(pool, retriever.retrieve, text)
                took.append(1000 * (time.perf_counter() - start))

        watcher = asyncio.create_task(watch())
        gains: list[float] = []
        alone: list[float] = []
        together: list[float] = []
        for _ in range(rounds):
            start = time.perf_counter()
            await ask(texts, alone)
            serial = time.perf_counter() - start
            start = time.perf_counter()
            await asyncio.gather(*(ask(texts[n::_ASKERS], together) for n in range(_ASKERS)))
            gains.append(serial / (time.perf_counter() - start))
        done.set()
        await watcher
    return {
        "throughput_of_8": round(float(np.median(gains)), 2),
        "alone": _spread(alone),
        "together": _spread(together),
        "max_loop_lag_ms": round(max(lags), 1),
    }


def _spread(took: Sequence[float]) -> dict[str, float]:
    """The tenth percentile tells what an idle machine would take, on one that is not."""
    found = zip(("p10", "p50", "p95"), np.percentile(took, [10, 50, 95]), strict=True)
    return {name: round(float(value), 2) for name, value in found}


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
