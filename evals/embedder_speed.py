"""The embedded embedder against Chroma's default embedding function, with the same weights.

    uv run python -m evals.embedder_speed CORPUS.jsonl QUERIES.jsonl [--texts 96] [--rounds 7]

Chroma's own class runs an ONNX file that is written here from our weights. "kept" is one object of
it, "rebuilt" what its `DefaultEmbeddingFunction` does: a new object, and so a new session, at
every call. Rounds are interleaved; figures are medians. Cold start is a process of its own, from
its first line to the first vector. Prints JSON.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ingest import minilm_graph
from ingest.minilm import MiniLM
from ingest.minilm_weights import Weights, find_weights, load_weights
from ingest.runtime import OPSET

_QUERIES = 12  # a round
_FILES = ("config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt")
_COLD_OURS = """
from ingest.minilm import MiniLM
MiniLM.open().embed_query("what holds rain")
"""
_COLD_THEIRS = """
import sys
from pathlib import Path
from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2
ONNXMiniLM_L6_V2.DOWNLOAD_PATH = Path(sys.argv[1])
ONNXMiniLM_L6_V2()(["what holds rain"])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    texts = [f"{row['title']}\n{row['abstract']}" for row in rows(args.corpus, args.texts)]
    queries = [row["text"] for row in rows(args.queries, _QUERIES * args.rounds)]
    with tempfile.TemporaryDirectory(prefix="citelight-embedder-") as folder:
        export(Path(folder, "onnx"))
        figures = _compared(texts, queries, args.rounds, Path(folder))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _compared(
    texts: Sequence[str], queries: Sequence[str], rounds: int, folder: Path
) -> dict[str, Any]:
    ours, theirs = MiniLM.open(), chromas(folder)
    warm = [ours.embed(texts[:2]), theirs(list(texts[:2])), ours.embed_query(texts[0])]
    bulk: dict[str, list[float]] = {"ours": [], "kept": []}
    single: dict[str, list[float]] = {"ours": [], "kept": [], "rebuilt": []}
    cold: dict[str, list[float]] = {"ours": [], "kept": []}
    for n in range(rounds):
        bulk["ours"].append(_seconds(lambda: ours.embed(texts)))
        bulk["kept"].append(_seconds(lambda: theirs(list(texts))))
        for query in queries[n * _QUERIES : (n + 1) * _QUERIES]:
            single["ours"].append(_seconds(partial(ours.embed_query, query)))
            single["kept"].append(_seconds(partial(theirs, [query])))
        single["rebuilt"].append(_seconds(lambda: chromas(folder)([queries[0]])))
        cold["ours"].append(_process(_COLD_OURS, folder))
        cold["kept"].append(_process(_COLD_THEIRS, folder))
    expected = np.stack(theirs(list(queries)))
    quick = np.stack([ours.embed_query(query).vector for query in queries])
    return {
        "min_cosine": float(np.vecdot(ours.embed(queries), expected).min()),
        "min_cosine_of_questions": float(np.vecdot(quick, expected).min()),
        "abstracts_per_s": {k: round(len(texts) / float(np.median(v)), 1) for k, v in bulk.items()},
        "bulk_ratio": _ratio(bulk, "kept"),
        "query_ms": {k: _milliseconds(v) for k, v in single.items()},
        "query_ratio_kept": _ratio(single, "kept"),
        "query_ratio_rebuilt": _ratio(single, "rebuilt"),
        "cold_start_ms": {k: _milliseconds(v) for k, v in cold.items()},
        "cold_ratio": _ratio(cold, "kept"),
        "warmed": len(warm),
    }


def chromas(folder: Path) -> Callable[[list[str]], Any]:
    """A new object of Chroma's class that finds its files in `folder`."""
    from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2

    made = ONNXMiniLM_L6_V2()
    made.DOWNLOAD_PATH = folder
    return made


def network_weights() -> Weights:
    """The weights of the network itself, without what turns its token vectors."""
    weights = load_weights(find_weights())
    return {name: array for name, array in weights.items() if not name.startswith("tokens.")}


def export(folder: Path) -> None:
    """Writes our network as Chroma's class wants it: padded inputs with a mask, token vectors out.

    Made from our graph in standard operators alone, as such files are; pooling is left out.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = network_weights()
    model = onnx.load_model_from_string(minilm_graph.build({}))
    graph = model.graph
    named = dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), TensorProto.INT64)
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["as_float", "one"], ["negative"]),
        helper.make_node("Mul", ["negative", "much"], ["hidden"]),
        helper.make_node("Unsqueeze", ["hidden", "axes"], ["mask"]),
    ]
    for node in graph.node:
        wanted = ["input_ids" if name == minilm_graph.TOKENS else name for name in node.input]
        if minilm_graph.POOL in wanted:
            last = wanted[1]
            break
        node.input[:] = wanted
        nodes.extend(_attention(node) if node.op_type == "MultiHeadAttention" else [node])
    nodes.append(helper.make_node("Identity", [last], ["last_hidden_state"]))
    constants: dict[str, Any] = {
        "one": np.array(1, np.float32),
        "much": np.array(1e9, np.float32),
        "axes": np.array([1, 2], np.int64),
        "heads": np.array([0, 0, minilm_graph.HEADS, minilm_graph.WIDTH // minilm_graph.HEADS]),
        "width": np.array([0, 0, minilm_graph.WIDTH]),
        "scale": np.array((minilm_graph.WIDTH / minilm_graph.HEADS) ** -0.5, np.float32),
    }
    tensors = [numpy_helper.from_array(a, n) for n, a in {**weights, **constants}.items()]
    made = helper.make_graph(
        nodes,
        "minilm",
        [helper.make_tensor_value_info(n, t, ["batch", "length"]) for n, t in named.items()],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [None, None, None])],
        [*graph.initializer, *tensors],
    )
    folder.mkdir(parents=True)
    opset = helper.make_opsetid("", OPSET)
    onnx.save(helper.make_model(made, ir_version=9, opset_imports=[opset]), folder / "model.onnx")
    shutil.copy(find_weights() / "tokenizer.json", folder)
    for name in _FILES:  # Chroma's class only looks whether they are there
        (folder / name).touch()


def _attention(node: Any) -> list[Any]:  # onnx.NodeProto
    """What the operator does, in standard ones, padding masked."""
    from onnx import helper

    made: list[Any] = []

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        result = f"{node.output[0]}_{len(made)}"
        made.append(helper.make_node(operator, inputs, [result], **attributes))
        return result

    query, key, value = (add("Reshape", part, "heads") for part in node.input)
    query = add("Mul", add("Transpose", query, perm=[0, 2, 1, 3]), "scale")
    near = add("MatMul", query, add("Transpose", key, perm=[0, 2, 3, 1]))
    shares = add("Softmax", add("Add", near, "mask"), axis=-1)
    mixed = add("MatMul", shares, add("Transpose", value, perm=[0, 2, 1, 3]))
    joined = add("Transpose", mixed, perm=[0, 2, 1, 3])
    made.append(helper.make_node("Reshape", [joined, "width"], list(node.output)))
    return made


def _process(code: str, folder: Path) -> float:
    command = [sys.executable, "-c", code, str(folder)]
    return _seconds(lambda: subprocess.run(command, check=True))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}


def _ratio(took: dict[str, list[float]], base: str) -> float:
    return round(float(np.median(took[base]) / np.median(took["ours"])), 2)


def rows(path: Path, n: int) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, n)]


if __name__ == "__main__":
    main()
