"""The embedder behind any endpoint that speaks OpenAI's embeddings protocol."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ingest.embed import ChunkVectors, QueryVectors, Span, Vectors
from ingest.errors import Unavailable
from ingest.token_vectors import Tokens
from ingest.tokens import count_tokens, truncate

BATCH_TEXTS = 128  # OpenAI takes 2,048; smaller servers time out far below that
BATCH_TOKENS = 50_000  # OpenAI takes 300,000 a request
INPUT_TOKENS = 8_000  # of 8,191 at OpenAI; other servers' tokens are a little shorter
ATTEMPTS = 5
PAUSE_S, LONGEST_PAUSE_S, TIMEOUT_S = 1.0, 30.0, 60.0
RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class OpenAIEmbedder:
    """Any endpoint that speaks OpenAI's embeddings protocol (OpenAI, Ollama, vLLM, TEI, …)."""

    gives_tokens = False

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        dimension: int | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`dimension` asks the server for shorter vectors; without it the model's own is used."""
        from openai import OpenAI  # takes 1.3 s

        self._client = OpenAI(
            base_url=base_url, api_key=api_key or "none", max_retries=0, timeout=TIMEOUT_S
        )
        self._model = model
        self._asked_dimension = dimension
        self._dimension = dimension
        self._pause = pause

    @property
    def name(self) -> str:
        return f"{self._model}/{self._asked_dimension}" if self._asked_dimension else self._model

    @property
    def dimension(self) -> int:
        """The first use asks the server, unless the dimension was given."""
        if self._dimension is None:
            self._dimension = self.embed(["dimension"]).shape[1]
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return INPUT_TOKENS

    def count_tokens(self, text: str) -> int:
        return count_tokens(text)

    def close(self) -> None:
        """Close the connections; the embedder cannot be used after it."""
        self._client.close()

    def embed_query(self, text: str) -> QueryVectors:
        """As `Embedder.embed_query`, without tokens."""
        return QueryVectors(np.asarray(self.embed([text])[0], np.float32), Tokens.none())

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """As `embed`."""
        return self.embed(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape `(len(texts), dimension)`, float32, each of length 1.

        Raises:
            Unavailable: the endpoint refused, failed five times, or sent something else.
        """
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = np.concatenate([self._request(batch) for batch in _batches(texts)])
        if self._dimension not in (None, vectors.shape[1]):
            raise Unavailable(
                f"The embeddings endpoint sent vectors of {vectors.shape[1]} numbers where "
                f"{self._dimension} were expected. Correct the embedder's model or dimension."
            )
        self._dimension = vectors.shape[1]
        return vectors

    def embed_chunks(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> ChunkVectors:
        """As `Embedder.embed_chunks`; every span is sent as a text of its own."""
        parts = [
            text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own
        ]
        vectors = self.embed([*texts, *parts])
        borders = np.cumsum([len(own) for own in spans])[:-1]
        own = list(np.split(vectors[len(texts) :], borders)) if texts else []
        return ChunkVectors(vectors[: len(texts)], own, [Tokens.none()] * len(texts))

    def _request(self, texts: list[str]) -> Vectors:
        """The vectors of one batch, trying again where that can help."""
        import openai

        failure: openai.APIError | None = None
        for attempt in range(ATTEMPTS):
            try:
                return self._send(texts)
            except openai.APIConnectionError as error:
                failure, wait = error, 0.0
            except openai.APIStatusError as error:
                if error.status_code not in RETRIED:
                    raise _refusal(error.status_code) from error
                failure, wait = error, _retry_after(error.response.headers)
            except (openai.APIError, ValueError, TypeError) as error:
                raise _nonsense() from error
            if attempt + 1 < ATTEMPTS:
                self._pause(min(max(wait, PAUSE_S * 2**attempt), LONGEST_PAUSE_S))
        raise Unavailable(
            f"The embeddings endpoint failed {ATTEMPTS} times in a row. Check that it runs and is "
            "reachable, then try again."
        ) from failure

    def _send(self, texts: list[str]) -> Vectors:
        from openai import omit

        reply = self._client.embeddings.create(
            input=texts,
            model=self._model,
            dimensions=self._asked_dimension or omit,
            encoding_format="float",  # some servers do not know base64, the client's default
        )
        return _unit_vectors(reply, len(texts))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, cut to the limit of one input, in lists within the request limits."""
    batch: list[str] = []
    total = 0
    for text in texts:
        fitting = truncate(text, INPUT_TOKENS) or " "  # an empty input is refused by OpenAI
        size = count_tokens(fitting)
        if batch and (len(batch) == BATCH_TEXTS or total + size > BATCH_TOKENS):
            yield batch
            batch, total = [], 0
        batch.append(fitting)
        total += size
    if batch:
        yield batch


def _unit_vectors(reply: Any, n_texts: int) -> Vectors:  # Any: what a server sent
    """The reply's vectors in the order of the texts, each of length 1."""
    data = getattr(reply, "data", None)
    if not data or len(data) != n_texts:
        raise _nonsense()
    if all(isinstance(item.index, int) for item in data):
        data = sorted(data, key=lambda item: item.index)
    vectors = np.array([item.embedding for item in data], np.float32)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise _nonsense()
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not sizes.all():
        raise _nonsense()
    return np.asarray(vectors / sizes, np.float32)


def _retry_after(headers: Any) -> float:  # Any: a mapping of the HTTP library's own kind
    """The seconds that the server asks us to wait; 0 when it says none or a date."""
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


def _refusal(status: int) -> Unavailable:
    if status in (401, 403):
        return Unavailable("The embeddings endpoint refused the key. Set a valid key for it.")
    if status == 404:
        return Unavailable(
            "The embeddings endpoint does not know this address or model. Check its base URL "
            "(it often ends in /v1) and the model's name."
        )
    return Unavailable(
        f"The embeddings endpoint refused the request (HTTP {status}). Check the embedder's model "
        "and dimension."
    )


def _nonsense() -> Unavailable:
    return Unavailable(
        "The embeddings endpoint sent something that is not a list of embeddings. Check that its "
        "base URL leads to an OpenAI-compatible API (it often ends in /v1)."
    )
