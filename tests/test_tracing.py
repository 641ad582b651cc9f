"""Traces as a collector gets them from the real exporter."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ingest.errors import InvalidInput, Unavailable
from service import events
from service.api import create_app
from service.app import Core, build
from service.assistant import Assistant
from service.llm import LLM
from service.tracing import TracedGenerator, Tracing
from tests.conftest import settings
from tests.fakes.collector import Collector, attributes
from tests.fakes.llm import FakeLLM, says

QUESTION = "How does BM25 weigh the terms of a query?"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def traced(core: Core, url: str) -> Iterator[TestClient]:
    """A client of a service that sends traces; they have arrived when the block ends."""
    tracing = Tracing(url)
    with TestClient(create_app(replace(core, tracing=tracing))) as client:
        yield client
    tracing.close()


@pytest.fixture(scope="module")
def told(core: Core) -> Iterator[Collector]:
    """What a collector knows after an answer, a stream for a caller with a trace, and a miss."""
    with Collector() as collector:
        with traced(core, collector.url) as client:
            client.get("/healthz")
            client.get("/v1/answers/the-secret-id-of-an-answer")
            body = {"question": QUESTION, "stream": True}
            client.post("/v1/ask", json=body, headers={"traceparent": CALLER})
        yield collector


@pytest.fixture(scope="module")
def written(core: Core) -> Iterator[Collector]:
    """What a collector knows after a model wrote an answer."""
    usage = {"prompt_tokens": 812, "completion_tokens": 9}
    reply = says("BM25 saturates ", "term frequency [1].", usage=usage)
    with Collector() as collector, FakeLLM(reply) as server:
        tracing = Tracing(collector.url)
        llm = LLM("tiny", base_url=server.base_url, api_key="sk-very-secret")
        generator = TracedGenerator(llm, tracing, base_url=server.base_url, provider="openai")
        assistant = Assistant(
            core.retriever, core.library.embedder, core.conversations, generator=generator
        )
        app = create_app(replace(core, assistant=assistant, tracing=tracing))
        with TestClient(app) as client:
            client.post("/v1/ask", json={"question": QUESTION})
        tracing.close()
        yield collector


def test_a_request_is_named_by_the_pattern_of_its_address(told: Collector) -> None:
    assert [s.name for s in told.spans if s.kind == s.SPAN_KIND_SERVER] == [
        "GET /v1/answers/{answer_id}",
        "POST /v1/ask",
    ]


def test_a_request_tells_what_the_conventions_ask_for(told: Collector) -> None:
    found = attributes(told.named("POST /v1/ask"))
    assert found.pop("citelight.request_id")

    assert found == {
        "http.request.method": "POST",
        "http.route": "/v1/ask",
        "http.response.status_code": 200,
        "url.path": "/v1/ask",
        "url.scheme": "http",
    }


def test_a_path_that_opens_an_answer_is_not_told(told: Collector) -> None:
    assert "url.path" not in attributes(told.named("GET /v1/answers/{answer_id}"))
    assert b"the-secret-id" not in told.raw


def test_the_trace_of_the_caller_goes_on(told: Collector) -> None:
    span = told.named("POST /v1/ask")

    assert f"00-{span.trace_id.hex()}-{span.parent_span_id.hex()}-01" == CALLER


def test_an_answer_and_its_stages_are_within_the_request(told: Collector) -> None:
    request, answer = told.named("POST /v1/ask"), told.named("invoke_workflow answer")
    stages = [s.name for s in told.spans if s.parent_span_id == answer.span_id]

    assert answer.parent_span_id == request.span_id
    assert stages == ["retrieval", "writing"]


def test_the_span_of_a_stream_ends_with_the_stream(told: Collector) -> None:
    request, answer = told.named("POST /v1/ask"), told.named("invoke_workflow answer")

    assert request.start_time_unix_nano <= answer.start_time_unix_nano
    assert request.end_time_unix_nano >= answer.end_time_unix_nano


def test_an_answer_tells_its_figures(told: Collector) -> None:
    found = attributes(told.named("invoke_workflow answer"))

    assert found["gen_ai.operation.name"] == "invoke_workflow"
    assert found["citelight.answer.state"] == "answered"
    assert found["citelight.answer.engine"] == "extractive"
    assert attributes(told.named("retrieval"))["citelight.papers"] == 8


def test_neither_question_nor_answer_is_told(told: Collector) -> None:
    assert b"BM25" not in told.raw


def test_the_service_names_itself_where_collectors_take_traces(told: Collector) -> None:
    assert told.resource["service.name"] == "citelight"
    assert told.paths == {"/v1/traces"}


def test_a_call_to_the_model_is_a_span_of_its_stage(written: Collector) -> None:
    call = written.named("chat tiny")
    found = attributes(call)
    assert isinstance(waited := found.pop("gen_ai.response.time_to_first_chunk"), float)

    assert waited > 0
    assert call.parent_span_id == written.named("writing").span_id
    assert call.kind == call.SPAN_KIND_CLIENT
    assert found.pop("server.port")
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "tiny",
        "gen_ai.request.stream": True,
        "gen_ai.request.max_tokens": 800,
        "gen_ai.usage.input_tokens": 812,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.response.finish_reasons": ("stop",),
        "server.address": "127.0.0.1",
    }


def test_what_the_model_is_sent_and_writes_is_not_told(written: Collector) -> None:
    for secret in (b"BM25", b"saturates", b"very-secret"):
        assert secret not in written.raw


def test_checking_is_a_stage_of_a_model_s_answer(written: Collector) -> None:
    assert attributes(written.named("checking")) == {}


def test_a_caller_who_wants_no_trace_gets_none(core: Core) -> None:
    with Collector() as collector, traced(core, collector.url) as client:
        client.get("/v1/library", headers={"traceparent": CALLER[:-1] + "0"})

    assert collector.spans == []


@pytest.mark.anyio
async def test_an_answer_that_fails_is_told_by_its_kind() -> None:
    async def failing() -> AsyncGenerator[events.Event]:
        yield events.Status("searching", "")
        raise Unavailable("The model of sam@example.org does not answer.")

    with Collector() as collector:
        tracing = Tracing(collector.url)
        with pytest.raises(Unavailable):
            [event async for event in tracing.watch(failing())]
        await asyncio.to_thread(tracing.close)

    assert attributes(collector.named("retrieval"))["error.type"] == "Unavailable"
    assert b"example.org" not in collector.raw


@pytest.mark.anyio
async def test_an_answer_that_nobody_waits_for_is_told_as_stopped() -> None:
    async def endless() -> AsyncGenerator[events.Event]:
        while True:
            yield events.Delta("more")

    with Collector() as collector:
        tracing = Tracing(collector.url)
        stream = tracing.watch(endless())
        await anext(stream)
        await stream.aclose()
        await asyncio.to_thread(tracing.close)

    assert attributes(collector.named("invoke_workflow answer"))["error.type"] == "stopped"


def test_a_server_error_is_told_as_one(core: Core) -> None:
    class Broken(Assistant):
        def __init__(self) -> None:
            pass

        async def ask(self, question: str, **asked: object) -> AsyncGenerator[events.Event]:
            raise RuntimeError("of the inside")
            yield

    with Collector() as collector:
        tracing = Tracing(collector.url)
        app = create_app(replace(core, assistant=Broken(), tracing=tracing))
        with TestClient(app, raise_server_exceptions=False) as client:
            client.post("/v1/ask", json={"question": QUESTION})
        tracing.close()

    request = collector.named("POST /v1/ask")
    assert request.status.code == request.status.STATUS_CODE_ERROR
    assert b"of the inside" not in collector.raw


def test_a_collector_that_hangs_costs_no_answer_and_little_at_the_end(core: Core) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        tracing = Tracing(f"http://127.0.0.1:{mute.getsockname()[1]}")
        with TestClient(create_app(replace(core, tracing=tracing))) as client:
            reply = client.post("/v1/ask", json={"question": QUESTION})
        began = time.monotonic()
        tracing.close(timeout_s=0.1)

    assert reply.json()["state"] == "answered"
    assert time.monotonic() - began < 2


def test_the_address_of_a_collector_may_name_the_path() -> None:
    with Collector() as collector:
        tracing = Tracing(f"{collector.url}/v1/traces/")
        tracing.start("alone", None).end()
        tracing.close()

    assert collector.paths == {"/v1/traces"}


@pytest.mark.parametrize("endpoint", ["localhost:4318", "grpc://here:4317", "http://", "http://["])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="CITELIGHT_OTLP_ENDPOINT"):
        Tracing(endpoint)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(InvalidInput, match=r"pip install 'citelight\[otel\]'"):
        Tracing("http://127.0.0.1:4318")


def test_without_an_endpoint_nothing_is_traced(tmp_path: Path) -> None:
    core = build(settings(tmp_path / "home"), is_traced=True)
    core.close()

    assert core.tracing is None
