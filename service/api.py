"""The HTTP API under /v1, health checks, and how errors look on the wire."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import CitelightError, Conflict, NotFound
from service import events, web
from service.app import Core
from service.assistant import MAX_QUESTION
from service.citations import Answer, plain
from service.records import library_record, paper_record, search_record
from service.retrieve import Filters
from service.runs import Runs, failure

logger = logging.getLogger(__name__)

_REFRESH_S = 0.5  # how often a new generation is looked for
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
    filters: AskFilters | None = None
    stream: bool = Field(default=False, description="Send events instead of one JSON answer.")
    resumable: bool = Field(
        default=False, description="Keep the run going for a while when the reader leaves."
    )


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


_PROBLEM: dict[str, Any] = {"model": Problem, "content": {"application/problem+json": {}}}
_ERRORS: dict[int | str, dict[str, Any]] = {422: _PROBLEM, 503: _PROBLEM, 500: _PROBLEM}
_FINDING: dict[int | str, dict[str, Any]] = {**_ERRORS, 404: _PROBLEM}


def create_app(core: Core) -> FastAPI:
    """The service's ASGI application over a core."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watcher = asyncio.create_task(_refresh(core))
        yield
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await app.state.runs.close()

    app = FastAPI(
        title="Citelight",
        summary="Questions answered over paper abstracts, every sentence cited.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.core, app.state.runs = core, Runs()
    app.add_middleware(_RequestIds)
    _answer_errors(app)
    _add_asking(app, core)
    _add_reading(app, core)
    _add_health(app, core)
    web.mount(app)
    return app


def _add_asking(app: FastAPI, core: Core) -> None:
    @app.post("/v1/ask", responses={**_FINDING, 200: {"model": Answer}}, tags=["ask"])
    async def ask(body: AskBody, request: Request) -> Response:
        """Answers a question, as JSON or, with `stream` or `Accept: text/event-stream`, as
        server-sent events: run, status, sources, cites, delta, and at the end done or error."""
        stream = core.assistant.ask(
            body.question,
            conversation_id=body.conversation_id,
            filters=body.filters.as_filters() if body.filters else None,
        )
        runs: Runs = app.state.runs
        run_id = await runs.start(stream)
        if body.stream or "text/event-stream" in request.headers.get("accept", ""):
            return _event_stream(runs, run_id, is_resumable=body.resumable)
        last: events.Event | None = None
        async for _, event in runs.watch(run_id, is_resumable=False):
            last = event
        if isinstance(last, events.Done):
            return _json(last.answer)
        ended = last if isinstance(last, events.Failed) else failure(RuntimeError())
        return _problem(request, ended)

    @app.get("/v1/runs/{run_id}/events", responses=_FINDING, tags=["ask"])
    async def resume(run_id: str, after: Annotated[int, Query(ge=0)] = 0) -> Response:
        """The events of an answer under way, after the first `after` ones."""
        app.state.runs.check(run_id)
        return _event_stream(app.state.runs, run_id, after=after, is_resumable=True)

    @app.post("/v1/runs/{run_id}/stop", status_code=204, responses=_FINDING, tags=["ask"])
    async def stop(run_id: str) -> Response:
        """Stops an answer under way."""
        await app.state.runs.stop(run_id)
        return Response(status_code=204)


def _add_reading(app: FastAPI, core: Core) -> None:
    @app.get("/v1/search", responses=_ERRORS, tags=["library"])
    async def search(
        q: Annotated[str, Query(min_length=1, max_length=MAX_QUESTION)],
        k: Annotated[int, Query(ge=1, le=100)] = 10,
        year_from: int | None = None,
        year_to: int | None = None,
    ) -> Response:
        """The papers nearest to a query with all scores and why each matched."""
        filters = Filters(year_from=year_from, year_to=year_to)
        found = await asyncio.to_thread(core.retriever.retrieve, q, k=k, filters=filters)
        return _json(search_record(found))

    @app.get("/v1/papers/{paper_id:path}", responses=_FINDING, tags=["library"])
    def paper(paper_id: str) -> Response:
        """A paper by id, DOI, arXiv id or PubMed id, with its abstract cut into sentences."""
        stored = core.library.catalogue.find(paper_id)
        if stored is None:
            raise NotFound("There is no such paper in this library.")
        return _json(paper_record(stored))

    @app.get(
        "/v1/answers/{answer_id}", responses={**_FINDING, 200: {"model": Answer}}, tags=["ask"]
    )
    def stored_answer(answer_id: str) -> Response:
        """A stored answer, as it was given."""
        return _json(core.conversations.answer(answer_id))

    @app.get("/v1/library", responses=_ERRORS, tags=["library"])
    def library() -> Response:
        """What the library holds."""
        return _json(library_record(core))


def _add_health(app: FastAPI, core: Core) -> None:
    @app.get("/healthz", tags=["operations"])
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: _PROBLEM}, tags=["operations"])
    def readyz() -> dict[str, str]:
        """The library is open and can be searched."""
        with core.library.pinned() as generation:
            return {"status": "ready", "snapshot": generation.manifest.snapshot}


def _json(content: Any) -> Response:
    return Response(orjson.dumps(plain(content), default=plain), media_type="application/json")


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


class _RequestIds:
    """ASGI middleware: every request gets an id, which its response carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["id"] = request_id

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        await self._app(scope, receive, tagged)


def _answer_errors(app: FastAPI) -> None:
    """Every error becomes problem+json; those not meant for users say only that they happened."""

    @app.exception_handler(CitelightError)
    async def ours(request: Request, error: CitelightError) -> Response:
        if isinstance(error, Conflict):
            failed = events.Failed("conflict", "Somebody else is at it", 409, str(error))
            return _problem(request, failed)
        return _problem(request, failure(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        where = "; ".join(
            f"{'.'.join(str(part) for part in e['loc'][1:]) or 'body'}: {e['msg']}"
            for e in error.errors()
        )
        failed = events.Failed("invalid-input", "The request does not fit", 422, where)
        return _problem(request, failed)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        failed = events.Failed("http", str(error.detail), error.status_code, str(error.detail))
        return _problem(request, failed, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return _problem(request, failure(error))


def _problem(
    request: Request, failed: events.Failed, headers: dict[str, str] | None = None
) -> Response:
    content = plain(failed) | {"request_id": request.state.id}
    return Response(
        orjson.dumps(content), failed.status, headers, media_type="application/problem+json"
    )


async def _refresh(core: Core) -> None:
    """Takes up new generations as they are published."""
    while True:
        await asyncio.sleep(_REFRESH_S)
        try:
            await asyncio.to_thread(core.library.refresh)
        except CitelightError as error:
            logger.warning("the new index generation is not used: %s", error)
