"""The routes, and the translation of an answer's events into chunks."""

import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from ingest.errors import NotFound
from service import events
from service.app import Core
from service.citations import Answer, Usage
from service.conversations import new_id
from service.openai_api import reply
from service.openai_api.body import ChatBody
from service.openai_api.documented import COMPLETED, ERRORS, MISSING, Model, Models
from service.openai_api.tasks import chore
from service.runs import Runs

_CREATED = 1_767_225_600  # when the model came about: 2026-01-01
_STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def openai_routes(core: Core, runs: Runs) -> APIRouter:
    """`/v1/models` and `/v1/chat/completions` over a core."""
    router = APIRouter(prefix="/v1", tags=["openai"])

    @router.get("/models", responses=ERRORS | {200: {"model": Models}})
    async def list_models() -> Response:
        """The models there are: `citelight`, and `citelight-references`, which ends its text with
        a list of the cited papers."""
        return _json({"object": "list", "data": reply.models(_CREATED)})

    @router.get("/models/{model}", responses=MISSING | {200: {"model": Model}})
    async def one_model(model: str) -> Response:
        """One of the models."""
        _check_model(model)
        return _json(next(m for m in reply.models(_CREATED) if m["id"] == model))

    @router.post("/chat/completions", responses=MISSING | COMPLETED)
    async def complete(body: ChatBody, request: Request) -> Response:
        """Answers the last user message, for OpenAI's clients. Papers come as `url_citation`
        annotations of the message, from `citelight-references` at the end of the text too. With
        `stream` as server-sent chunks, ended by `[DONE]`."""
        _check_model(body.model)
        body.check()
        question, history = body.conversation()
        if (done := chore(question)) is not None:
            return _chore(body, done)
        run_id = await runs.start(core.assistant.ask(question, history=history))
        base_url = (core.settings.public_url or str(request.base_url)).rstrip("/")
        if not body.stream:
            return await _whole(runs, run_id, base_url, body.lists_references)
        chunks = _chunks(
            runs, run_id, base_url, body.lists_references, with_usage=_wants_usage(body)
        )
        return StreamingResponse(chunks, media_type="text/event-stream", headers=_STREAM)

    return router


def _check_model(name: str) -> None:
    if name not in (reply.MODEL, reply.LISTING):
        raise NotFound(f"There is no model {name!r} here. Use {reply.MODEL!r}.")


def _wants_usage(body: ChatBody) -> bool:
    return bool(body.stream_options and body.stream_options.include_usage)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _chore(body: ChatBody, text: str) -> Response:
    run_id, created = new_id(), int(time.time())
    if not body.stream:
        return _json(reply.completion(run_id, created, {"content": text}, Usage(), {}))
    parts = [
        reply.chunk(run_id, created, {"role": "assistant", "content": text}),
        reply.chunk(run_id, created, {}, "stop"),
        *([reply.usage_chunk(run_id, created, Usage())] if _wants_usage(body) else []),
        b"data: [DONE]\n\n",
    ]
    return Response(b"".join(parts), media_type="text/event-stream", headers=_STREAM)


async def _whole(runs: Runs, run_id: str, base_url: str, with_references: bool) -> Response:
    last: events.Event | None = None
    async for _, event in runs.watch(run_id, is_resumable=False):
        last = event
    if isinstance(last, events.Failed):
        return reply.error_response(last)
    if not isinstance(last, events.Done):
        raise RuntimeError("an answer ended without an end")
    answer = last.answer
    content = answer.text + reply.closing(answer, base_url, with_references=with_references)
    message = {"content": content, "annotations": reply.annotations(answer, content, base_url)}
    more = reply.references(answer, base_url)
    return _json(reply.completion(answer.id, int(time.time()), message, answer.usage, more))


async def _chunks(
    runs: Runs, run_id: str, base_url: str, with_references: bool, *, with_usage: bool
) -> AsyncIterator[bytes]:
    """The answer as chunks: text as it comes, then references, the end, usage, `[DONE]`.

    Text cannot be taken back here: an answer that starts over does so below a line, and its
    references point below it.
    """
    created = int(time.time())
    content, start = "", 0
    yield reply.chunk(run_id, created, {"role": "assistant", "content": ""})
    async for _, event in runs.watch(run_id, is_resumable=False):
        text = ""
        if isinstance(event, events.Delta):
            text = event.text
        elif isinstance(event, events.Restart) and content:
            text = "\n\n---\n\n"
            start = len(content)
        elif isinstance(event, events.Failed):
            yield reply.event(reply.error_content(event))
            return
        elif isinstance(event, events.Done):
            rest = reply.closing(event.answer, base_url, with_references=with_references)
            content += rest
            if rest:
                yield reply.chunk(run_id, created, {"content": rest})
            for part in _end(event.answer, content, start, base_url, with_usage=with_usage):
                yield part
            return
        if text:
            content += text
            yield reply.chunk(run_id, created, {"content": text})


def _end(
    answer: Answer, content: str, start: int, base_url: str, *, with_usage: bool
) -> list[bytes]:
    run_id, created = answer.id, int(time.time())
    parts = []
    if found := reply.annotations(answer, content, base_url, start):
        parts.append(reply.chunk(run_id, created, {"annotations": found}))
    more = reply.references(answer, base_url)
    parts.append(reply.chunk(run_id, created, {}, "stop", **more))
    if with_usage:
        parts.append(reply.usage_chunk(run_id, created, answer.usage))
    return [*parts, b"data: [DONE]\n\n"]
