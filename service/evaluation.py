"""Measures retrieval on a set in BEIR layout, in a temporary library."""

import csv
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import orjson

from ingest.build import ingest
from ingest.errors import InvalidInput
from ingest.sources import discover
from service.app import open_library
from service.retrieve import Retriever
from service.settings import Settings

Qrels = dict[str, dict[str, int]]  # query id -> document id -> relevance
_DEPTH = 100


def retrieval(data: Path, settings: Settings) -> dict[str, float]:
    """nDCG@10, recall@10 and recall@100, averaged over the queries that have judgements.

    Raises:
        InvalidInput: a file of the layout is missing or cannot be read.
    """
    qrels, queries = read_qrels(data / "qrels.tsv"), read_queries(data / "queries.jsonl")
    with tempfile.TemporaryDirectory(prefix="citelight-eval-") as folder:
        own = settings.model_copy(update={"home": Path(folder), "chroma_url": ""})
        library = open_library(own)
        try:
            ingest(library, list(discover(data / "corpus.jsonl")))
            retriever = Retriever(library)
            names = library.catalogue.keys_of_papers()
            run = {
                query_id: [
                    name
                    for passage in retriever.retrieve(queries[query_id], k=_DEPTH).passages
                    for name in names[passage.stored.id]
                ]
                for query_id in qrels
                if query_id in queries
            }
        finally:
            library.close()
    return metrics(run, qrels)


def metrics(run: Mapping[str, Sequence[str]], qrels: Qrels) -> dict[str, float]:
    """Averages over the queries of the run; gains are the judgements themselves, as trec_eval."""
    scored = [(ranking, qrels[query]) for query, ranking in run.items()]
    n = max(len(scored), 1)
    return {
        "ndcg@10": sum(ndcg(r, q, 10) for r, q in scored) / n,
        "recall@10": sum(recall(r, q, 10) for r, q in scored) / n,
        "recall@100": sum(recall(r, q, 100) for r, q in scored) / n,
        "queries": len(scored),
    }


def ndcg(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """nDCG@k with linear gain and log2 discount (Järvelin & Kekäläinen 2002), 0 to 1."""
    gained = sum(
        max(judged.get(d, 0), 0) / math.log2(rank + 2) for rank, d in enumerate(ranking[:k])
    )
    best = sorted((max(g, 0) for g in judged.values()), reverse=True)[:k]
    ideal = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(best))
    return gained / ideal if ideal else 0.0


def recall(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """The share of relevant documents among the first k."""
    relevant = {d for d, gain in judged.items() if gain > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def read_qrels(path: Path) -> Qrels:
    """Judgements of a qrels.tsv with a header line; queries with none above 0 are left out."""
    qrels: Qrels = {}
    with _opened(path) as file:
        rows = csv.reader(file, delimiter="\t")
        next(rows, None)
        for row in rows:
            try:
                qrels.setdefault(row[0], {})[row[1]] = int(row[2])
            except (IndexError, ValueError) as error:
                raise InvalidInput(
                    f"{path.name}, line {rows.line_num}: expected query-id, doc-id, relevance."
                ) from error
    return {query: judged for query, judged in qrels.items() if any(g > 0 for g in judged.values())}


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by id."""
    with _opened(path) as file:
        rows = [orjson.loads(line) for line in file if line.strip()]
    return {str(row.get("id", row.get("_id"))): row["text"] for row in rows}


def _opened(path: Path) -> TextIO:
    if not path.is_file():
        raise InvalidInput(
            f"{path} is missing. The folder needs corpus.jsonl, queries.jsonl and qrels.tsv."
        )
    return path.open(encoding="utf-8", newline="")
