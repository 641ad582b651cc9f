"""The real `openai` client against servers on loopback: one of ours, and llmock."""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from service.breaker import Breaker
from service.generate import Delta, GenerationFailed, Message, Prompt, Usage
from service.llm import LLM
from service.llm_wire import Dialect, retry_after
from tests.fakes.llm import (
    WAIT_S,
    Connection,
    FakeLLM,
    Reply,
    drops,
    ends_early,
    fails,
    hangs_up,
    never_answers,
    says,
    sends,
    stalls,
)
from tests.serving import served

if TYPE_CHECKING:
    from llmock.pytest_plugin import LLMock

pytestmark = pytest.mark.anyio

PROMPT = Prompt((Message("system", "Cite."), Message("user", "Why?")), 100, "v1", (1,))
DONE = b"data: [DONE]\n\n"


class Waits:
    """Instead of sleeping: the seconds that were asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def collect(llm: LLM) -> list[Delta | Usage]:
    try:
        return [part async for part in llm.generate(PROMPT)]
    finally:
        await llm.close()


async def written(llm: LLM) -> str:
    return "".join(part.text for part in await collect(llm) if isinstance(part, Delta))


async def failure(*replies: Reply, **options: Any) -> tuple[str, FakeLLM]:
    """The reason why these replies gave no answer, and the server."""
    with FakeLLM(*replies) as server:
        llm = LLM("m", base_url=server.base_url, **{"sleep": Waits(), **options})
        with pytest.raises(GenerationFailed) as failed:
            await collect(llm)
    return str(failed.value), server


async def test_an_answer_comes_as_deltas_and_usage() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    with FakeLLM(says("It ", "works [1].", usage=usage)) as server:
        parts = await collect(LLM("m", base_url=server.base_url, api_key="secret"))

    text = "".join(part.text for part in parts[:-1] if isinstance(part, Delta))
    assert (text, parts[-1]) == ("It works [1].", Usage(7, 3))


async def test_the_request_holds_the_prompt_and_the_key() -> None:
    with FakeLLM(says("Yes.")) as server:
        await collect(LLM("m", base_url=server.base_url, api_key="secret"))

    (request,) = server.requests
    assert request.target == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer secret"
    assert request.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Cite."},
            {"role": "user", "content": "Why?"},
        ],
        "stream": True,
        "max_tokens": 100,
        "temperature": 0.0,
        "stream_options": {"include_usage": True},
    }


async def test_azure_is_asked_by_deployment_with_its_own_key_header() -> None:
    with FakeLLM(says("Yes.")) as server:
        root = server.base_url.removesuffix("/v1")
        llm = LLM("gpt", base_url=root, api_key="secret", azure_api_version="2024-10-21")
        await collect(llm)

    (request,) = server.requests
    assert request.target == "/openai/deployments/gpt/chat/completions?api-version=2024-10-21"
    assert request.headers["api-key"] == "secret"


async def test_the_first_delta_does_not_wait_for_the_second() -> None:
    with FakeLLM(stalls("It ")) as server:
        llm = LLM("m", base_url=server.base_url)
        async with aclosing(llm.generate(PROMPT)) as parts:
            first = await anext(parts)
        await llm.close()

    assert first == Delta("It ")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (says("Yes.", has_done=False), "Yes."),
        (says("Yes.", reasoning="Hm, [1]?"), "Yes."),
        (says("<thi", "nk>Hm, [1]?</th", "ink>\n\nYes."), "Yes."),
        (says("\n\nYes."), "Yes."),
        (says("Oui\u2028é \U0001f642."), "Oui\u2028é \U0001f642."),
        (drops("Yes.", finish_reason="stop"), "Yes."),
        (
            sends(
                b': ping\r\nevent: message\r\ndata:{"choices":[{"delta":{"role":"assistant",'
                b'"content":null}}]}\r\n\r\ndata:{"choices":[{"delta":{"content":"Yes."},'
                b'"finish_reason":"stop"}]}\r\n\r\n'
            ),
            "Yes.",
        ),
        (
            sends(
                json.dumps(
                    {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]},
                    indent=2,
                ).encode(),
                "application/json",
            ),
            "Yes.",
        ),
    ],
    ids="no-done reasoning think blank unicode drop-after-end bare whole".split(),
)
async def test_dialects_of_a_whole_answer_are_understood(reply: Reply, expected: str) -> None:
    with FakeLLM(reply) as server:
        text = await written(LLM("m", base_url=server.base_url))

    assert text == expected


async def test_an_answer_that_the_limit_cut_says_so() -> None:
    with FakeLLM(says("It wor", finish_reason="length")) as server:
        parts = await collect(LLM("m", base_url=server.base_url))

    assert parts == [Delta("It wor"), Usage(is_cut=True)]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (ends_early("It "), "broke off in the middle of its answer."),
        (drops("It "), "broke off in the middle of its answer."),
        (
            sends(b'data: {"choices":[{"delta":{"content":"It "}}]}\n\ndata: {"cho\n\n' + DONE),
            "sent a piece that cannot be read.",
        ),
        (sends(b"data: [1, 2]\n\n" + DONE), "sent a piece that cannot be read."),
        (
            sends(b"<!doctype html><title>Welcome</title>", "text/html"),
            "is not what answers at its address: check OPENAI_BASE_URL, which usually ends in /v1.",
        ),
        (
            sends(b'{"status": "ok"}', "application/json"),
            "is not what answers at its address: check OPENAI_BASE_URL, which usually ends in /v1.",
        ),
        (
            sends(b'data: {"object":"error","message":"CUDA","code":500}\n\n' + DONE),
            "reported an error in the middle of its answer.",
        ),
        (
            sends(b'data: {"error":{"message":"overloaded"}}\n\n' + DONE),
            "reported an error in the middle of its answer.",
        ),
        (
            says("It ", finish_reason="content_filter"),
            "was stopped by its provider's content filter.",
        ),
        (says(), "wrote nothing."),
        (says(" \n"), "wrote nothing."),
        (
            says("<think>Hm", finish_reason="length"),
            "spent all its tokens before it wrote a word: raise CITELIGHT_MAX_ANSWER_TOKENS.",
        ),
    ],
)
async def test_a_faulty_stream_fails_with_its_reason(reply: Reply, reason: str) -> None:
    text, server = await failure(reply)

    assert text == f"The language model m {reason}"
    assert len(server.requests) == 1


async def test_an_empty_reply_is_tried_once_more() -> None:
    text, server = await failure(sends(b""), sends(b""))

    assert text == "The language model m sent an empty reply."
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (fails(401, "Bad key sk-123"), "refused the key (HTTP 401): check OPENAI_API_KEY."),
        (
            fails(404, "no such model"),
            "is not there (HTTP 404): check CITELIGHT_MODEL and OPENAI_BASE_URL.",
        ),
        (
            fails(400, "Invalid model name passed in model=m. Call `/v1/models` to view"),
            "is not there (HTTP 400): check CITELIGHT_MODEL and OPENAI_BASE_URL.",
        ),
        (
            fails(429, "You exceeded your quota", "insufficient_quota"),
            "has no quota left (HTTP 429): check the account's plan.",
        ),
        (
            fails(400, "maximum context length is 4096 tokens", "context_length_exceeded"),
            "found the prompt too long (HTTP 400): lower CITELIGHT_CONTEXT_WINDOW.",
        ),
        (fails(400, "I will not"), "did not accept the request (HTTP 400)."),
    ],
)
async def test_an_error_that_would_come_again_is_not_tried_again(reply: Reply, reason: str) -> None:
    text, server = await failure(reply)

    assert text == f"The language model m {reason}"
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [fails(429), fails(500), fails(503), hangs_up])
async def test_a_passing_fault_is_tried_once_more(reply: Reply) -> None:
    with FakeLLM(reply, says("Yes.")) as server:
        waits = Waits()
        text = await written(LLM("m", base_url=server.base_url, sleep=waits))

    assert (text, waits.seconds) == ("Yes.", [0.5])


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (fails(429), "is busy (HTTP 429): ask again in a moment."),
        (fails(500), "has a fault on its server (HTTP 500): ask again in a moment."),
    ],
)
async def test_there_is_one_layer_of_retries(reply: Reply, reason: str) -> None:
    text, server = await failure(reply, reply, says("Yes."))

    assert text == f"The language model m {reason}"
    assert len(server.requests) == 2


async def test_retry_after_is_waited_for() -> None:
    with FakeLLM(fails(429, Retry_After="3"), says("Yes.")) as server:
        waits = Waits()
        await collect(LLM("m", base_url=server.base_url, sleep=waits))

    assert waits.seconds == [3.0]


async def test_a_wait_beyond_the_limit_is_not_begun() -> None:
    waits = Waits()
    _, server = await failure(fails(429, Retry_After="11"), says("Yes."), sleep=waits)

    assert (len(server.requests), waits.seconds) == (1, [])


async def test_a_stream_that_has_begun_is_never_tried_again() -> None:
    _, server = await failure(ends_early("It "), says("Yes."))

    assert len(server.requests) == 1


async def test_a_server_that_is_not_there_is_named() -> None:
    llm = LLM("m", base_url="http://127.0.0.1:1/v1", api_key="secret", sleep=Waits())
    with pytest.raises(GenerationFailed) as failed:
        await collect(llm)

    assert str(failed.value) == (
        "The language model m cannot be reached at 127.0.0.1:1: is its server running?"
    )


@pytest.mark.parametrize("reply", [stalls("It "), never_answers])
async def test_a_server_that_stops_sending_is_left(reply: Reply) -> None:
    text, server = await failure(reply, read_timeout_s=0.1)

    assert text == "The language model m sent nothing for 0.1 s."
    assert await asyncio.to_thread(server.requests[0].was_left.wait, WAIT_S)


async def test_the_whole_answer_has_a_deadline() -> None:
    text, _ = await failure(stalls("It "), timeout_s=0.1)

    assert text == "The language model m did not finish its answer in 0.1 s."


async def test_closing_the_generator_closes_the_connection() -> None:
    with FakeLLM(stalls("It ")) as server:
        llm = LLM("m", base_url=server.base_url)
        async with aclosing(llm.generate(PROMPT)) as parts:
            await anext(parts)
        was_left = await asyncio.to_thread(server.requests[0].was_left.wait, WAIT_S)
        await llm.close()

    assert was_left


async def test_cancelling_the_reader_closes_the_connection() -> None:
    with FakeLLM(stalls("It ")) as server:
        llm = LLM("m", base_url=server.base_url)
        has_begun = asyncio.Event()

        async def read() -> None:
            async with aclosing(llm.generate(PROMPT)) as parts:
                async for _ in parts:
                    has_begun.set()

        task = asyncio.create_task(read())
        await has_begun.wait()
        task.cancel()
        was_left = await asyncio.to_thread(server.requests[0].was_left.wait, WAIT_S)
        await llm.close()

    assert was_left


@pytest.mark.parametrize(
    ("refusal", "changed"),
    [
        ("Unrecognized request argument: stream_options", {"stream_options": None}),
        ("'temperature' does not support 0 with this model", {"temperature": None}),
        (
            "'max_tokens' is not supported: use 'max_completion_tokens' instead.",
            {"max_tokens": None, "max_completion_tokens": 100},
        ),
        ("System role not supported", {"messages": [{"role": "user", "content": "Cite.\n\nWhy?"}]}),
        ("Extra inputs are not permitted", {"stream_options": None}),
    ],
)
async def test_a_field_that_the_server_refuses_is_changed(
    refusal: str, changed: dict[str, object]
) -> None:
    with FakeLLM(fails(400, refusal), says("Yes.")) as server:
        await collect(LLM("m", base_url=server.base_url))

    first, second = (request.body for request in server.requests)
    expected = {**first, **changed}
    assert second == {name: value for name, value in expected.items() if value is not None}


async def test_the_dialect_of_a_server_is_remembered() -> None:
    refusal = fails(422, "extra field: stream_options")
    with FakeLLM(refusal, says("Yes."), says("Yes.")) as server:
        llm = LLM("m", base_url=server.base_url)
        await collect(llm)
        await collect(llm)

    assert [("stream_options" in r.body) for r in server.requests] == [True, False, False]


def test_the_ladder_of_dialects_ends() -> None:
    dialects = [Dialect()]
    while dialect := dialects[-1].adapted("unsupported parameter"):
        dialects.append(dialect)

    assert len(dialects) == 4


async def test_a_think_block_without_opener_is_known_the_next_time() -> None:
    reply = says("Hm, [1]?\n", "</think>\n\nYes.")
    with FakeLLM(reply, reply) as server:
        llm = LLM("m", base_url=server.base_url)
        with pytest.raises(GenerationFailed, match="mixed its reasoning into its answer"):
            await collect(llm)
        text = await written(llm)

    assert text == "Yes."


async def test_a_model_that_stops_thinking_is_heard_again() -> None:
    thinking, plain = says("Hm.</think>Yes."), says("Yes.")
    with FakeLLM(thinking, thinking, plain, plain) as server:
        llm = LLM("m", base_url=server.base_url, sleep=Waits())
        texts = [await written(llm), await written(llm)]

    assert (texts, len(server.requests)) == (["Yes.", "Yes."], 4)


async def test_failures_in_a_row_open_the_breaker() -> None:
    now = [0.0]
    breaker = Breaker(threshold=2, pause_s=30, clock=lambda: now[0])
    with FakeLLM(*[ends_early("It ")] * 2, says("Yes.")) as server:
        llm = LLM("m", base_url=server.base_url, breaker=breaker)
        for _ in range(2):
            with pytest.raises(GenerationFailed):
                await collect(llm)
        with pytest.raises(GenerationFailed, match="left alone"):
            await collect(llm)
        n_requests = len(server.requests)
        now[0] = 30.0
        text = await written(llm)

    assert (n_requests, text) == (2, "Yes.")


async def test_a_refused_key_does_not_open_the_breaker() -> None:
    with FakeLLM(fails(401), says("Yes.")) as server:
        llm = LLM("m", base_url=server.base_url, breaker=Breaker(threshold=1))
        with pytest.raises(GenerationFailed):
            await collect(llm)
        text = await written(llm)

    assert text == "Yes."


async def test_loopback_is_reached_past_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with FakeLLM(says("Yes.")) as server:
        text = await written(LLM("m", base_url=server.base_url))

    assert text == "Yes."


async def test_other_machines_are_reached_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FakeLLM(says("Yes.")) as server:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, server.base_url.removesuffix("/v1"))
        await collect(LLM("m", base_url="http://llm.example/v1"))

    assert server.requests[0].target == "http://llm.example/v1/chat/completions"


async def test_reasons_hold_no_text_of_the_provider() -> None:
    text, _ = await failure(fails(401, "Incorrect API key provided: sk-123"))

    assert "sk-123" not in text


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers) == expected


def test_retry_after_may_be_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)
    seconds = retry_after({"retry-after": format_datetime(moment, usegmt=True)})

    assert seconds == pytest.approx(60, abs=5)


# A server that nobody here wrote.


def mocked(llmock: "LLMock", **options: Any) -> LLM:
    return LLM("gpt-4o", base_url=llmock.base_url("openai"), api_key="k", **options)


async def test_llmock_answers(llmock: "LLMock") -> None:
    llmock.reply("It works [1].")
    parts = await collect(mocked(llmock))

    assert "".join(p.text for p in parts if isinstance(p, Delta)) == "It works [1]."
    assert isinstance(parts[-1], Usage)
    assert parts[-1].completion_tokens


async def test_llmock_finds_the_retry_of_a_rate_limit_in_order(llmock: "LLMock") -> None:
    llmock.rate_limit(retry_after=0.01).reply("Yes.")
    text = await written(mocked(llmock))

    assert text == "Yes."
    llmock.assert_resilient()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda m: m.truncate(after_chunks=2),
        lambda m: m.disconnect(after_chunks=2),
        lambda m: m.corrupt(after_chunks=2),
        lambda m: m.outage(),
        lambda m: m.context_overflow(),
    ],
    ids="truncate disconnect corrupt outage overflow".split(),
)
async def test_llmock_faults_are_failures(
    llmock: "LLMock", break_it: Callable[["LLMock"], object]
) -> None:
    break_it(llmock.reply("It works, and it goes on for a while.", times=None))
    with pytest.raises(GenerationFailed):
        await collect(mocked(llmock, sleep=Waits()))


async def test_the_next_call_takes_the_same_connection() -> None:
    ports = list[int]()

    async def complete(request: Request) -> StreamingResponse:
        ports.append(request.client.port if request.client else 0)
        chunk = b'data: {"choices": [{"delta": {"content": "Yes."}, "finish_reason": "stop"}]}'
        sent = [chunk + b"\n\n", DONE]
        return StreamingResponse(iter(sent), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    with served(app) as url:
        llm = LLM("tiny", base_url=f"{url}/v1")
        for _ in range(2):
            async for _ in llm.generate(PROMPT):
                pass
        await llm.close()

    assert len(ports) == 2
    assert len(set(ports)) == 1


async def test_a_server_that_never_ends_its_reply_holds_nothing_up() -> None:
    async def reply(connection: Connection) -> None:
        await connection.start()
        await connection.delta("Yes.", finish_reason="stop")
        await connection.send(DONE)
        await connection.left()

    with FakeLLM(reply) as server:
        said = await written(LLM("tiny", base_url=server.base_url))

    assert said == "Yes."
