"""Papers a second, and disk, against Chroma alone: its default embedding function and `add`.

    uv run python -m evals.ingest_speed CORPUS.jsonl.gz [--papers 600] [--rounds 3] [--stored 10000]

The default embedding function is Chroma's own code on the weights that we install, so that nothing
is downloaded; its vectors are checked against ours. The two take the same abstracts in turn, round
by round, so that a machine that gets slower does so for both. Disk is that of `--stored` papers
with an embedder that costs nothing, because small libraries are mostly empty pages.
"""

import argparse
import gzip
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings

from evals.embedder_speed import chromas, export
from evals.ingest_embedder import WordSumEmbedder
from ingest.build import ingest
from ingest.dense import EmbeddedChroma
from ingest.embed import ChunkVectors, Embedder, QueryVectors, Vectors
from ingest.library import Library
from ingest.minilm import MiniLM
from ingest.sentences import Span
from ingest.sources import discover

_BATCH = 500  # papers in one `add`, below Chroma's limit


class _Timed:
    """An embedder that counts the seconds in which it works."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name, self.dimension = embedder.name, embedder.dimension
        self.gives_tokens = embedder.gives_tokens
        self.max_tokens, self.count_tokens = embedder.max_tokens, embedder.count_tokens
        self.seconds = 0.0

    def embed_query(self, text: str) -> QueryVectors:
        return self._embedder.embed_query(text)

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_sentences(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed(texts)

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
        began = time.perf_counter()
        try:
            return self._embedder.embed_chunks(texts, spans)
        finally:
            self.seconds += time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--papers", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stored", type=int, default=10_000)
    args = parser.parse_args()
    with gzip.open(args.corpus, "rt", encoding="utf-8") as lines:
        read = list(itertools.islice(lines, max(args.papers, args.stored)))
    with tempfile.TemporaryDirectory(prefix="citelight-speed-") as folder:
        print(json.dumps(_speed(Path(folder), read[: args.papers], args.rounds)))  # noqa: T201
        print(json.dumps(_disk(Path(folder), read[: args.stored])))  # noqa: T201


def _speed(folder: Path, lines: list[str], n_rounds: int) -> dict[str, float]:
    export(folder / "onnx")
    default, ours = chromas(folder), _Timed(MiniLM.open())
    texts = [json.loads(line)["abstract"] for line in lines[:20]]
    alike = (np.array(default(texts)) * ours.embed(texts)).sum(axis=1)
    assert alike.min() > 0.999, "the baseline's vectors are not the model's"
    took = {"baseline": 0.0, "ours": 0.0}
    for n in range(n_rounds):
        part = lines[n::n_rounds]
        took["baseline"] += _seconds(lambda: _add(folder / f"b{n}", part, default))  # noqa: B023
        took["ours"] += _seconds(lambda: _take(folder / f"o{n}", part, ours))  # noqa: B023
    return {
        "papers": len(lines),
        **{f"{name}_papers_per_s": round(len(lines) / s, 1) for name, s in took.items()},
        "times_as_fast": round(took["baseline"] / took["ours"], 2),
        "share_outside_embedder": round(1 - ours.seconds / took["ours"], 3),
    }


def _disk(folder: Path, lines: list[str]) -> dict[str, float]:
    embedder = WordSumEmbedder()
    _add(folder / "b", lines, lambda texts: list(embedder.embed(texts)))
    _take(folder / "o", lines, embedder)
    per_paper = {name: _size(folder / name[0]) / len(lines) for name in ("baseline", "ours")}
    vectors = _size(folder / "o" / "vectors") / len(lines)
    return {
        "papers": len(lines),
        **{f"{name}_mb_per_100000": round(size / 10) for name, size in per_paper.items()},
        "of_ours_vectors": round(vectors / 10),
        "share": round(per_paper["ours"] / per_paper["baseline"], 2),
    }


def _add(home: Path, lines: Sequence[str], embed: Callable[[list[str]], Any]) -> None:
    """The papers in a collection as its documents, title and year as metadata."""
    client: Any = chromadb.PersistentClient(  # its declared type lacks `close`
        str(home), settings=Settings(anonymized_telemetry=False)
    )
    collection = client.create_collection("papers", embedding_function=None)
    rows = [json.loads(line) for line in lines]
    for at in range(0, len(rows), _BATCH):
        part = rows[at : at + _BATCH]
        texts = [f"{row['title']}. {row['abstract']}" for row in part]
        collection.add(
            ids=[row["id"] for row in part],
            embeddings=embed(texts),
            documents=texts,
            metadatas=[{"title": row["title"], "year": row.get("year") or 0} for row in part],
        )
    client.close()


def _take(home: Path, lines: Sequence[str], embedder: Embedder) -> None:
    file = home.with_suffix(".jsonl")
    file.write_text("\n".join(lines), encoding="utf-8")
    library = Library(home, embedder, EmbeddedChroma())
    ingest(library, list(discover(file)))
    library.close()


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _size(folder: Path) -> int:
    """Bytes on the disk below a folder, a file of several names once."""
    files = {f.stat().st_ino: f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file()}
    return sum(files.values())


if __name__ == "__main__":
    main()
