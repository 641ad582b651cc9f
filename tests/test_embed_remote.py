"""The OpenAI-compatible embedder through the real client, against a server on loopback."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from ingest.embed_remote import ATTEMPTS, BATCH_TEXTS, LONGEST_PAUSE_S, OpenAIEmbedder
from ingest.errors import Unavailable
from ingest.tokens import count_tokens, truncate

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[[dict[str, Any]], Reply]  # Any: a request body


class Server:
    """Speaks the wire format; `replies` are used up first, then every request succeeds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.replies: list[Answer | Reply] = []

    def reply(self, body: dict[str, Any]) -> Reply:
        self.requests.append(body)
        answer = self.replies.pop(0) if self.replies else good
        return answer(body) if callable(answer) else answer


def good(body: dict[str, Any], shuffled: bool = False) -> Reply:
    """A vector (length of the text, 1) for each text."""
    data = [
        {"object": "embedding", "index": i, "embedding": [float(len(text)), 1.0]}
        for i, text in enumerate(body["input"])
    ]
    if shuffled:
        data.reverse()
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    reply = {"object": "list", "data": data, "model": body["model"], "usage": usage}
    return 200, {}, json.dumps(reply).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.keys.append(self.headers["Authorization"])
            status, headers, content = fake.reply(body)
            self.send_response(status)
            kind = "text/html" if content.startswith(b"<") else "application/json"
            for name, value in {"Content-Type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        fake = Server(f"http://127.0.0.1:{http.server_port}/v1")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        http.shutdown()
        thread.join()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def embedder(server: Server, pauses: list[float]) -> Iterator[OpenAIEmbedder]:
    made = OpenAIEmbedder(server.url, "small", "secret", pause=pauses.append)
    yield made
    made.close()


def unit(*rows: tuple[float, float]) -> Any:  # Any: what assert_allclose takes
    array = np.array(rows, np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def error(status: int, **headers: str) -> Reply:
    return status, headers, b'{"error": {"message": "no", "type": "x"}}'


def test_vectors_are_unit_float32_in_order(embedder: OpenAIEmbedder, server: Server) -> None:
    server.replies = [lambda body: good(body, shuffled=True)]
    vectors = embedder.embed(["a", "bb", "ccc"])

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, unit((1, 1), (2, 1), (3, 1)), atol=1e-6)


def test_the_model_and_the_key_are_sent(embedder: OpenAIEmbedder, server: Server) -> None:
    embedder.embed(["a"])

    assert server.keys == ["Bearer secret"]
    assert server.requests == [{"input": ["a"], "model": "small", "encoding_format": "float"}]


def test_a_dimension_is_asked_for_when_given(server: Server) -> None:
    embedder = OpenAIEmbedder(server.url, "small", "secret", dimension=2)
    embedder.embed(["a"])
    embedder.close()

    assert server.requests[0]["dimensions"] == 2
    assert embedder.name == "small/2"


def test_the_dimension_is_found_by_asking(embedder: OpenAIEmbedder) -> None:
    assert embedder.dimension == 2


def test_no_texts_give_no_vectors(embedder: OpenAIEmbedder) -> None:
    vectors, spans, _ = embedder.embed_chunks([], [])

    assert (vectors.shape, spans) == ((0, 2), [])


def test_spans_are_embedded_as_texts(embedder: OpenAIEmbedder) -> None:
    texts, spans, _ = embedder.embed_chunks(["One. Three.", "x"], [[(0, 4), (5, 11)], []])

    np.testing.assert_allclose(texts, unit((11, 1), (1, 1)), atol=1e-6)
    np.testing.assert_allclose(spans[0], unit((4, 1), (6, 1)), atol=1e-6)
    assert spans[1].shape == (0, 2)


def test_many_texts_go_in_several_requests(embedder: OpenAIEmbedder, server: Server) -> None:
    embedder.embed(["a"] * (BATCH_TEXTS + 1))

    assert [len(request["input"]) for request in server.requests] == [BATCH_TEXTS, 1]


def test_a_long_text_is_cut_to_the_limit(embedder: OpenAIEmbedder, server: Server) -> None:
    embedder.embed(["word " * 20_000])

    assert count_tokens(server.requests[0]["input"][0]) <= embedder.max_tokens


def test_retry_after_is_honoured(
    embedder: OpenAIEmbedder, server: Server, pauses: list[float]
) -> None:
    server.replies = [error(429, **{"Retry-After": "7"}), error(500)]
    embedder.embed(["a"])

    assert pauses == [7.0, 2.0]


def test_an_endless_retry_after_is_capped(
    embedder: OpenAIEmbedder, server: Server, pauses: list[float]
) -> None:
    server.replies = [error(503, **{"Retry-After": "9999"})]
    embedder.embed(["a"])

    assert pauses == [LONGEST_PAUSE_S]


def test_retries_come_to_an_end(embedder: OpenAIEmbedder, server: Server) -> None:
    server.replies = [error(500)] * 20
    with pytest.raises(Unavailable, match="failed 5 times"):
        embedder.embed(["a"])

    assert len(server.requests) == ATTEMPTS


def test_an_absent_server_is_unavailable(pauses: list[float]) -> None:
    embedder = OpenAIEmbedder("http://127.0.0.1:9/v1", "small", "secret", pause=pauses.append)
    with pytest.raises(Unavailable, match="reachable"):
        embedder.embed(["a"])
    embedder.close()

    assert pauses == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error(401), "key"),
        (error(404), "base URL"),
        (error(400), "HTTP 400"),
        ((200, {}, b"<html>Sign in</html>"), "base URL"),
        ((200, {}, b"{}"), "not a list of embeddings"),
        ((200, {}, b'{"data": [], "object": "list"}'), "not a list of embeddings"),
        ((200, {}, b'{"data": [{"index": 0, "embed'), "not a list of embeddings"),
        ((200, {}, b'{"data": [{"index": 0, "embedding": [0, 0]}]}'), "not a list of embeddings"),
        ((200, {}, b'{"data": [{"index": 0, "embedding": "x"}]}'), "not a list of embeddings"),
    ],
)
def test_a_fault_is_said_at_once(
    embedder: OpenAIEmbedder, server: Server, pauses: list[float], reply: Reply, words: str
) -> None:
    server.replies = [reply]
    with pytest.raises(Unavailable, match=words):
        embedder.embed(["a"])

    assert pauses == []


def test_a_changed_dimension_is_an_error(server: Server) -> None:
    embedder = OpenAIEmbedder(server.url, "small", "secret", dimension=3)
    with pytest.raises(Unavailable, match="2 numbers where 3"):
        embedder.embed(["a"])
    embedder.close()


def test_tokens_are_counted_as_openai_does() -> None:
    assert count_tokens("tiktoken is great!") == 6


def test_truncation_keeps_whole_characters() -> None:
    text = "naïve 日本語 😀 text"

    assert [truncate(text, n) for n in (0, 1, 100)] == ["", "na", text]
    assert all(text.startswith(truncate(text, n)) for n in range(12))
