"""The figures of the service, read from /metrics after real requests."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from ingest.errors import Unavailable
from service import events
from service.access import Access
from service.api import create_app
from service.app import Core
from service.keys import Keys
from service.meters import Meters

QUESTION = "How does BM25 weigh the terms of a query?"


def figures(text: str) -> dict[str, float]:
    """Every sample, named as it is written."""
    return {
        s.name + "".join(f" {k}={v}" for k, v in sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


@pytest.fixture
def read(client: TestClient) -> dict[str, float]:
    """The figures after an answer, a refusal and a paper that is not there."""
    client.post("/v1/ask", json={"question": QUESTION})
    client.post("/v1/ask", json={"question": "What is the capital of Portugal?", "stream": True})
    client.get("/v1/papers/nope")
    return figures(client.get("/metrics").text)


def test_requests_are_counted_by_the_pattern_of_their_address(read: dict[str, float]) -> None:
    assert read["citelight_requests_total method=POST route=/v1/ask status=200"] == 2
    name = "citelight_requests_total method=GET route=/v1/papers/{paper_id:path} status=404"
    assert read[name] == 1


def test_answers_and_refusals_are_counted(read: dict[str, float]) -> None:
    states = {
        name.partition("state=")[2]: n
        for name, n in read.items()
        if name.startswith("citelight_answers_total")
    }

    assert sum(states.values()) == 2
    assert read["citelight_refusals_total"] == 1


def test_stages_and_the_first_text_are_timed(read: dict[str, float]) -> None:
    assert read["citelight_stage_seconds_count stage=searching"] == 2
    assert read["citelight_first_text_seconds_count"] == 2


def test_the_library_and_its_queue_are_looked_at(read: dict[str, float]) -> None:
    assert (read["citelight_papers"], read["citelight_jobs_open"]) == (92, 0)


def test_quoted_sentences_are_counted_as_verbatim(read: dict[str, float]) -> None:
    assert read["citelight_sentences_total verdict=verbatim"] > 0


def test_nothing_is_under_way_when_all_is_answered(read: dict[str, float]) -> None:
    assert read["citelight_answers_under_way"] == 0


def test_two_applications_count_for_themselves(core: Core, read: dict[str, float]) -> None:
    with TestClient(create_app(core)) as other:
        fresh = figures(other.get("/metrics").text)

    assert "citelight_refusals_total" in fresh
    assert fresh["citelight_refusals_total"] == 0


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    keys = Keys(tmp_path / "keys.sqlite")
    yield keys
    keys.close()


@pytest.mark.parametrize(("has_key", "status"), [(False, 401), (True, 200)])
def test_where_keys_are_needed_metrics_need_one(
    core: Core, keys: Keys, has_key: bool, status: int
) -> None:
    headers = {"Authorization": f"Bearer {keys.create('scraper', 'read')}"} if has_key else {}
    with TestClient(create_app(core, Access(needs_key=True), keys)) as client:
        reply = client.get("/metrics", headers=headers)

    assert reply.status_code == status


@pytest.mark.anyio
async def test_an_answer_that_fails_is_counted_by_its_kind() -> None:
    meters = Meters()

    async def failing() -> AsyncGenerator[events.Event]:
        yield events.Status("searching", "")
        raise Unavailable("The model does not answer.")

    with pytest.raises(Unavailable):
        [event async for event in meters.watch(failing())]

    read = figures(meters.text().decode())
    assert read["citelight_failures_total type=Unavailable"] == 1
    assert read["citelight_answers_under_way"] == 0


@pytest.mark.anyio
async def test_an_answer_that_nobody_waits_for_counts_as_stopped() -> None:
    meters = Meters()

    async def endless() -> AsyncGenerator[events.Event]:
        while True:
            yield events.Delta("x")

    stream = meters.watch(endless())
    await anext(stream)
    await stream.aclose()

    assert figures(meters.text().decode())["citelight_failures_total type=stopped"] == 1
