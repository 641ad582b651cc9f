"""Measures the constants of the embedder's network that `ingest/minilm.npz` holds.

    uv run python -m evals.minilm_constants FOLDER... [--papers 250] [--queries 50]

Each folder has a corpus.jsonl and a queries.jsonl; all count alike. The largest inputs of the
layers are those of queries, the mean and the axes those of papers' tokens.

The token vectors that libraries hold are along these axes: other ones make them worthless.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from tokenizers import Tokenizer

from evals.embedder_speed import rows
from ingest import minilm_graph
from ingest.embed import Vectors
from ingest.minilm import MiniLM
from ingest.minilm_weights import Weights, find_weights, load_weights
from ingest.runtime import open_session
from ingest.token_vectors import WIDTH

_OUT = Path(__file__).parents[1] / "ingest" / "minilm.npz"
_TOKENS = 20_000  # of each folder, at most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--papers", type=int, default=250)
    parser.add_argument("--queries", type=int, default=50)
    args = parser.parse_args()
    queries = [r["text"] for f in args.folders for r in rows(f / "queries.jsonl", args.queries)]
    papers = [_spread(f / "corpus.jsonl", args.papers) for f in args.folders]
    weights = load_weights(find_weights())
    made = {f"largest.{layer}": sizes for layer, sizes in _largest(weights, queries)}
    made |= _basis(weights, papers)
    halves: dict[str, Any] = {name: array.astype(np.float16) for name, array in made.items()}
    np.savez(_OUT, **halves)
    sys.stdout.write(f"{_OUT}: {', '.join(sorted(made))}\n")


def _spread(corpus: Path, n: int) -> list[str]:
    """Texts of papers from all over the file."""
    every = [f"{row['title']}\n{row['abstract']}" for row in rows(corpus, 1_000_000)]
    return [every[i] for i in np.linspace(0, len(every) - 1, n).astype(int)]


def _largest(weights: Weights, texts: Sequence[str]) -> Iterator[tuple[str, Vectors]]:
    """The largest size of each column of what goes into "qkv" and "up"."""
    model = onnx.load_model_from_string(minilm_graph.build(weights))
    names = {
        node.input[1].removesuffix(".weight"): node.input[0]
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1].endswith((".qkv.weight", ".up.weight"))
    }
    floats = onnx.TensorProto.FLOAT
    for name in names.values():
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, floats, None))
    session = open_session(model.SerializeToString(), weights)
    tokenizer = Tokenizer.from_file(str(find_weights() / "tokenizer.json"))
    tokenizer.no_padding()
    found = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids])
        pool = np.ones((1, 1, ids.shape[1]), np.float32)
        feed = {minilm_graph.TOKENS: ids, minilm_graph.POOL: pool}
        values = session.run(list(names.values()), feed)
        found.append([np.abs(value[0]).max(axis=0) for value in values])
    yield from zip(names, np.max(found, axis=0), strict=True)


def _basis(weights: Weights, papers: Sequence[Sequence[str]]) -> dict[str, Vectors]:
    """The mean of tokens' vectors, and their main axes, turned at random."""
    plain = {"tokens.mean": np.zeros(384, np.float32), "tokens.axes": np.eye(384, dtype=np.float32)}
    minilm = MiniLM(find_weights(), weights | plain)
    sampled = np.concatenate([_sampled(minilm, texts) for texts in papers])
    _, axes = np.linalg.eigh(np.cov(sampled.T))
    turn, sizes = np.linalg.qr(np.random.default_rng(0).standard_normal((WIDTH, WIDTH)))
    turned = axes[:, ::-1][:, :WIDTH] @ (turn * np.sign(np.diag(sizes)))
    return {"tokens.mean": sampled.mean(axis=0), "tokens.axes": turned}


def _sampled(minilm: MiniLM, texts: Sequence[str]) -> Vectors:
    """Vectors of the texts' tokens as they come out of the network, shape (n, 384)."""
    found = minilm.embed_chunks(texts, [()] * len(texts)).tokens
    every = np.concatenate([tokens.vectors for tokens in found])
    picked = np.linspace(0, len(every) - 1, min(_TOKENS, len(every))).astype(int)
    return np.asarray(every[picked], np.float32)


if __name__ == "__main__":
    main()
