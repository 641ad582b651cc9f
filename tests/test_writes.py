"""Writes over HTTP: deleting, writing once, and asking for what is known already."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api import create_app
from service.app import Core, build
from tests.conftest import settings
from tests.fakes.homes import copy_home

QUESTION = "How does BM25 weigh the terms of a query?"


@pytest.fixture
def own_client(core: Core, tmp_path: Path) -> Iterator[TestClient]:
    """A service over a copy of the sample library, which a test may change."""
    own = build(settings(copy_home(core.settings.home, tmp_path / "library")))
    with TestClient(create_app(own)) as client:
        yield client
    own.close()


def test_a_deleted_paper_is_gone_from_list_and_search(own_client: TestClient) -> None:
    deleted = own_client.delete("/v1/papers/1706.03762")
    hits = own_client.get("/v1/search", params={"q": "Transformer attention"}).json()["hits"]

    assert deleted.status_code == 204
    assert own_client.get("/v1/papers/1706.03762").status_code == 404
    assert "Attention Is All You Need" not in [hit["paper"]["title"] for hit in hits]


def test_what_is_not_there_cannot_be_deleted(client: TestClient) -> None:
    assert client.delete("/v1/papers/nope").status_code == 404


@pytest.mark.parametrize("path", ["/v1/papers/1706.03762", "answer"])
def test_what_is_known_is_not_sent_again(client: TestClient, path: str) -> None:
    if path == "answer":
        answer = client.post("/v1/ask", json={"question": QUESTION}).json()
        path = f"/v1/answers/{answer['id']}"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"if-none-match": tag})

    assert (again.status_code, again.content) == (304, b"")


def test_a_write_sent_twice_is_done_once(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    path, headers = f"/v1/answers/{answer['id']}/feedback", {"Idempotency-Key": "mine"}
    first = client.post(path, json={"helpful": True}, headers=headers)
    second = client.post(path, json={"helpful": True}, headers=headers)

    assert (first.status_code, second.status_code) == (204, 204)
    assert second.headers["idempotency-replayed"] == "true"


def test_another_write_needs_another_key(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    path, headers = f"/v1/answers/{answer['id']}/feedback", {"Idempotency-Key": "mine"}
    client.post(path, json={"helpful": True}, headers=headers)

    assert client.post(path, json={"helpful": False}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "application/json"), (b" ", "application/x-ndjson"), (b"x", "text/plain")],
)
def test_what_is_no_upload_is_refused(client: TestClient, content: bytes, kind: str) -> None:
    reply = client.post("/v1/papers", content=content, headers={"content-type": kind})

    assert reply.status_code == 422
