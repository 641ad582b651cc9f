"""Uploads: taken in by a process of their own."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api import create_app
from service.app import build
from tests.conftest import settings

PAPER = {"title": "Moss on flat roofs", "abstract": "Moss on a flat roof holds rain for days."}
DEADLINE_S = 120


@pytest.fixture
def own_client(tmp_path: Path) -> Iterator[TestClient]:
    """A service over an empty library of its own, which uploads may change."""
    core = build(settings(tmp_path / "library"))
    with TestClient(create_app(core)) as client:
        yield client
    core.close()


def upload(client: TestClient, name: str, content: bytes) -> dict[str, object]:
    """Sends a file and polls its job to the end, as the page does."""
    reply = client.post("/v1/papers", files={"files": (name, content)})
    assert reply.status_code == 202
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        job: dict[str, object] = client.get(f"/v1/jobs/{reply.json()['job']}").json()
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(0.1)
    raise AssertionError("the upload did not end")


@pytest.mark.slow
def test_an_uploaded_paper_is_found(own_client: TestClient) -> None:
    job = upload(own_client, "papers.jsonl", json.dumps(PAPER).encode())
    papers = own_client.get("/v1/papers").json()["papers"]

    assert job["state"] == "done"
    assert [p["title"] for p in papers] == ["Moss on flat roofs"]


@pytest.mark.slow
def test_a_file_that_is_none_says_why(own_client: TestClient) -> None:
    job = upload(own_client, "../../evil.bin", bytes(range(256)))

    assert job["state"] == "failed"
    assert "evil.bin" in str(job["error"])


def test_an_unknown_job_is_not_found(own_client: TestClient) -> None:
    assert own_client.get("/v1/jobs/nope").status_code == 404


def test_an_upload_without_files_is_refused(own_client: TestClient) -> None:
    assert own_client.post("/v1/papers").status_code == 422
