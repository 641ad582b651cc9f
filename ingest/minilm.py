"""The embedded embedder: all-MiniLM-L6-v2 in ONNX Runtime, from weights installed as a package."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ingest import minilm_graph
from ingest.embed import Span, Vectors
from ingest.minilm_weights import Weights, find_weights, load_weights, rounded
from ingest.runtime import Session, open_session

MAX_LENGTH = 256  # tokens the model was trained on; the two special ones are among them
BATCH_TOKENS = 512  # more spills the activations out of the cache: 20 % slower at 1,024


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
    else was embedded with it. They are spread over threads with one core each. Questions have a
    network of their own, whose weights are rounded to bytes: for a few tokens, fetching weights is
    most of the work (cosine to the exact vector 0.999, 2.3 times as fast).
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
        self._cores = usable_cores()
        self._weights = load_weights(folder)
        self._quick = _open_session(rounded(self._weights))

    @cached_property
    def _exact(self) -> Session:
        """Made when first needed: asking takes it only to check what an answer says."""
        return _open_session(self._weights)

    def count_tokens(self, text: str) -> int:
        """The text's tokens without the two special ones."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question, shape (384,), of length 1. It is cut at `max_tokens`."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        item = self._input(encoded.ids, encoded.offsets, ())
        vector: Vectors = _vectors(self._quick, [item])[0][0]
        return vector

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

        def fill(batch: list[int]) -> None:
            for i, vectors in zip(
                batch, _vectors(self._exact, [inputs[i] for i in batch]), strict=True
            ):
                results[i] = vectors

        if len(batches) == 1:
            fill(batches[0])
        elif batches:
            _spread(fill, batches, self._cores)
        return results


def _vectors(session: Session, batch: Sequence[_Input]) -> list[Vectors]:
    """The vectors of inputs of equal length: each its own first, and then its spans'."""
    n_groups = 1 + max(len(item.groups) for item in batch)
    feed = {
        minilm_graph.TOKENS: np.stack([item.ids for item in batch]),
        minilm_graph.POOL: np.stack([item.pool(n_groups) for item in batch]),
    }
    (found,) = session.run([minilm_graph.VECTORS], feed)
    return [own[: 1 + len(item.groups)] for own, item in zip(found, batch, strict=True)]


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


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and its container's share of CPU time."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or "max": no limit
        return cores


def _open_session(weights: Weights) -> Session:
    return open_session(minilm_graph.build(weights), weights)
