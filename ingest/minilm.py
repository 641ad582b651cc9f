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
from ingest.embed import ChunkVectors, QueryVectors, Span, Vectors
from ingest.minilm_weights import Weights, find_weights, load_weights, rounded
from ingest.runtime import Session, multiplies_whole_bytes, open_session
from ingest.stop_words import STOP_WORDS
from ingest.token_vectors import Tokens

MAX_LENGTH = 256  # tokens the model was trained on; the two special ones are among them
BATCH_TOKENS = 512  # more spills the activations out of the cache: 20 % slower at 1,024


@dataclass(frozen=True, slots=True)
class _Input:
    """One text as the network takes it: token ids, and the spans' tokens as ranges of them."""

    ids: NDArray[np.int64]
    groups: tuple[tuple[int, int], ...]
    spans: NDArray[np.int64]  # where each token stands in the text, none of the special ones

    def pool(self, n_groups: int) -> Vectors:
        """Weights of the mean over all tokens and over each span's, shape (n_groups, length)."""
        weights = np.zeros((n_groups, len(self.ids)), np.float32)
        weights[0] = 1 / len(self.ids)
        for row, (start, end) in enumerate(self.groups, 1):
            weights[row, start:end] = 1 / max(1, end - start)
        return weights


@dataclass(frozen=True, slots=True)
class _Result:
    """The vectors of one text: its own first, then its spans', shape (1 + spans, 384)."""

    vectors: Vectors
    tokens: Tokens


class MiniLM:
    """all-MiniLM-L6-v2: 384 dimensions, mean pooling. Safe for use from several threads.

    Texts of equal length run together, so nothing is padded and a vector does not depend on what
    else was embedded with it. They are spread over threads with one core each. Questions have a
    network of their own, whose weights are rounded to bytes: for a few tokens, fetching weights is
    most of the work (cosine to the exact vector 0.999, 1.5 to 2.2 times as fast).
    """

    name = "all-MiniLM-L6-v2"
    dimension = minilm_graph.WIDTH
    gives_tokens = True
    max_tokens = MAX_LENGTH - 2

    @classmethod
    def open(cls) -> "MiniLM":
        """The model from the installed weights package.

        Raises:
            Unavailable: the package is not there; the text lists the ways out.
        """
        folder = find_weights()
        return cls(folder, load_weights(folder))

    def __init__(self, folder: Path, weights: Weights) -> None:
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()  # the file asks for 128 tokens, padded
        self._tokenizer.no_padding()
        self._first, self._last = self._tokenizer.encode("").ids  # [CLS] and [SEP]
        self._is_meaningful = _meaningful(self._tokenizer)
        self._cores = usable_cores()
        self._weights = weights
        self._quick = _open_session(rounded(weights) if multiplies_whole_bytes() else weights)

    @cached_property
    def _exact(self) -> Session:
        """Made when first needed: a service may never embed papers."""
        return _open_session(self._weights)

    def count_tokens(self, text: str) -> int:
        """The text's tokens without the two special ones."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def embed_query(self, text: str) -> QueryVectors:
        """The vectors of a question, of 384 numbers. It is cut at `max_tokens`."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        (found,) = self._results(self._quick, [self._input(encoded.ids, encoded.offsets, ())])
        return QueryVectors(found.vectors[0], found.tokens)

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384) by the network for questions, one after the other:
        rounded together, each would depend on the others."""
        vectors = [self.embed_query(text).vector for text in texts]
        return np.array(vectors, np.float32).reshape(-1, self.dimension)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384), each of length 1. Texts are cut at `max_tokens`."""
        return self.embed_chunks(texts, [()] * len(texts))[0]

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
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
                found[row].vectors[1 + span] = vector
        whole = np.array([own.vectors[0] for own in found], np.float32)
        return ChunkVectors(
            whole.reshape(-1, self.dimension),
            [own.vectors[1:] for own in found],
            [own.tokens for own in found],
        )

    def _input(self, ids: list[int], offsets: list[Span], spans: Sequence[Span]) -> _Input:
        ids = [self._first, *ids[: self.max_tokens], self._last]
        starts = [start for start, _ in offsets[: self.max_tokens]]
        edges = 1 + np.searchsorted(starts, np.array(spans, np.int64).reshape(-1, 2))
        groups = tuple((int(start), int(end)) for start, end in edges)
        return _Input(np.array(ids, np.int64), groups, _spans(offsets[: self.max_tokens]))

    def _run(self, inputs: list[_Input]) -> list[_Result]:
        """What the network makes of each input, in the inputs' order."""
        results: dict[int, _Result] = {}
        batches = _batches(inputs)

        def fill(batch: list[int]) -> None:
            found = self._results(self._exact, [inputs[i] for i in batch])
            results.update(zip(batch, found, strict=True))

        if len(batches) == 1:
            fill(batches[0])
        elif batches:
            _spread(fill, batches, self._cores)
        return [results[i] for i in range(len(inputs))]

    def _results(self, session: Session, batch: Sequence[_Input]) -> list[_Result]:
        """What the network makes of inputs of equal length."""
        n_groups = 1 + max(len(item.groups) for item in batch)
        feed = {
            minilm_graph.TOKENS: np.stack([item.ids for item in batch]),
            minilm_graph.POOL: np.stack([item.pool(n_groups) for item in batch]),
        }
        wanted = [minilm_graph.VECTORS, minilm_graph.TOKEN_VECTORS]
        vectors, tokens = session.run(wanted, feed)
        results = []
        for item, own, ones in zip(batch, vectors, tokens, strict=True):
            kept = self._is_meaningful[item.ids[1:-1]]
            if not kept.any():
                kept[:] = True  # of a text of signs alone, all
            found = Tokens(ones[1:-1][kept], item.spans[kept])
            results.append(_Result(own[: 1 + len(item.groups)], found))
        return results


def _spans(offsets: list[Span]) -> NDArray[np.int64]:
    return np.array(offsets, np.int64).reshape(-1, 2)


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


def _meaningful(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Which tokens, by id, are more than a stop word or punctuation."""
    names = (tokenizer.id_to_token(i) or "" for i in range(tokenizer.get_vocab_size()))
    found = [name not in STOP_WORDS and any(map(str.isalnum, name)) for name in names]
    return np.array(found, np.bool_)


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
