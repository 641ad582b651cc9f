"""POST /v1/ask and the runs it starts."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from service import events
from service.api.owners import owner_of, remember
from service.api.problems import FINDING, UNCHANGED, given, problem, tagged, to_json
from service.app import Core
from service.assistant import MAX_QUESTION
from service.citations import Answer, Depth
from service.exports import export, media_types
from service.retrieve import Filters
from service.runs import Runs, failure

_YEAR = Field(default=None, ge=1000, le=2999)


class AskFilters(BaseModel):
    """What the answer may draw on; leave out what does not matter."""

    model_config = ConfigDict(extra="forbid")

    year_from: int | None = _YEAR
    year_to: int | None = _YEAR
    sources: list[str] = Field(default=[], max_length=100)
    venues: list[str] = Field(default=[], max_length=100)
    papers: list[str] = Field(default=[], max_length=1000, description="Paper ids.")

    def as_filters(self) -> Filters:
        return Filters(
            year_from=self.year_from,
            year_to=self.year_to,
            sources=tuple(self.sources),
            venues=tuple(self.venues),
            papers=tuple(self.papers),
        )


class AskBody(BaseModel):
    """A question."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"question": "Which activation weights its input by the Gaussian CDF?"},
                {"question": "How is retrieval evaluated?", "filters": {"year_from": 2020}},
            ]
        },
    )

    question: str = Field(max_length=4 * MAX_QUESTION, description="At most 4,000 characters.")
    conversation_id: str | None = Field(default=None, max_length=64)
    query: str | None = Field(
        default=None,
        max_length=4 * MAX_QUESTION,
        description="What to search for instead of the question: a corrected rewriting.",
    )
    filters: AskFilters | None = None
    depth: Depth = Field(
        default="fast",
        description="`thorough` searches for each part of the question and mends its draft; it "
        "takes a few times as long.",
    )
    is_literal: bool = Field(
        default=False,
        description="Read no filter (years, authors, venues) out of the words of the question.",
    )
    stream: bool = Field(default=False, description="Send events instead of one JSON answer.")
    remember: bool = Field(
        default=False,
        description="Keep the answer in this browser's history (by cookie), and the run going for "
        "a while when the reader leaves.",
    )


def asking(core: Core, runs: Runs) -> APIRouter:
    """The routes that answer questions."""
    router = APIRouter(prefix="/v1", tags=["ask"])

    @router.post("/ask", responses=FINDING | _ANSWERED)
    async def ask(body: AskBody, request: Request) -> Response:
        """Answers a question, as JSON or, with `stream` or `Accept: text/event-stream`, as
        server-sent events: run, status, sources, cites, delta, and at the end done or error."""
        owner = owner_of(request)
        stream = core.assistant.ask(
            body.question,
            conversation_id=body.conversation_id,
            owner=owner if body.remember or body.conversation_id else None,
            query=body.query,
            filters=body.filters.as_filters() if body.filters else None,
            depth=body.depth,
            is_literal=body.is_literal,
        )
        run_id = await runs.start(stream)
        if body.stream or "text/event-stream" in request.headers.get("accept", ""):
            response: Response = _event_stream(runs, run_id, is_resumable=body.remember)
        else:
            response = await _whole(runs, run_id, request)
        return remember(response, request, owner) if body.remember else response

    @router.get(
        "/runs/{run_id}/events", response_class=StreamingResponse, responses=FINDING | _EVENTS
    )
    async def resume(run_id: str, after: Annotated[int, Query(ge=0)] = 0) -> Response:
        """The events of an answer under way, after the first `after` ones."""
        runs.check(run_id)
        return _event_stream(runs, run_id, after=after, is_resumable=True)

    @router.delete("/runs/{run_id}", status_code=204, responses=FINDING)
    async def stop(run_id: str) -> Response:
        """Stops an answer under way."""
        await runs.stop(run_id)
        return Response(status_code=204)

    @router.get("/answers/{answer_id}", responses=FINDING | UNCHANGED | given(Answer))
    def stored_answer(answer_id: str, request: Request) -> Response:
        """A stored answer, as it was given; it never changes."""
        stored = core.conversations.answer(answer_id)
        return tagged(request, answer_id, lambda: stored)

    @router.get(
        "/answers/{answer_id}/export", response_class=Response, responses=FINDING | _EXPORTED
    )
    def export_answer(answer_id: str, format: str = "markdown") -> Response:
        """A stored answer as a file: markdown, plain, bibtex, ris, csl-json, csv or json."""
        made = export(core.conversations.answer(answer_id), format)
        name = f'attachment; filename="citelight-{answer_id}.{made.suffix}"'
        return Response(
            made.text.encode(), media_type=made.media_type, headers={"Content-Disposition": name}
        )

    return router


_EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "event": {"enum": [*events.NAMES]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_STREAM = {"text/event-stream": {"itemSchema": _EVENT}}
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"description": "The events", "content": _STREAM}}
_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {kind: {"schema": {"type": "string"}} for kind in media_types().values()},
    }
}
_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {"model": Answer, "description": "The answer", "content": _STREAM}
}


async def _whole(runs: Runs, run_id: str, request: Request) -> Response:
    last: events.Event | None = None
    async for _, event in runs.watch(run_id, is_resumable=False):
        last = event
    if isinstance(last, events.Done):
        return to_json(last.answer)
    return problem(
        request, last if isinstance(last, events.Failed) else failure(RuntimeError("no end"))
    )


def _event_stream(
    runs: Runs, run_id: str, *, after: int = 0, is_resumable: bool
) -> StreamingResponse:
    async def lines() -> AsyncIterator[bytes]:
        async for number, event in runs.watch(run_id, after, is_resumable=is_resumable):
            data = orjson.dumps(events.payload(event))
            yield b"id: %d\nevent: %b\ndata: %b\n\n" % (number, events.name(event).encode(), data)

    return StreamingResponse(
        lines(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
