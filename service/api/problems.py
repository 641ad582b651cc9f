"""Errors on the wire: every one is problem+json (RFC 9457) and carries the id of its request."""

import secrets
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import CitelightError, Conflict
from service import events, logs, openai_api
from service.citations import plain
from service.runs import failure


class Problem(BaseModel):
    """An error: what is wrong, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


_PROBLEM: dict[str, Any] = {
    "content": {"application/problem+json": {"schema": Problem.model_json_schema()}}
}
_LIMITS = {
    name: {"schema": {"type": "integer"}, "description": text}
    for name, text in (
        ("Retry-After", "Seconds to wait"),
        ("X-RateLimit-Limit", "Requests a minute"),
        ("X-RateLimit-Remaining", "Requests left now"),
        ("X-RateLimit-Reset", "Seconds until all are left again"),
    )
}


def _problems(*statuses: tuple[int, str]) -> dict[int | str, dict[str, Any]]:
    return {status: _PROBLEM | {"description": text} for status, text in statuses}


ERRORS = _problems(
    (400, "The request cannot be read"),
    (401, "An API key is needed"),
    (403, "This key, or this page, may not do that"),
    (413, "The request is too large"),
    (421, "This service does not answer under that name"),
    (422, "The request does not fit"),
    (429, "Too many requests"),
    (500, "Something went wrong here"),
    (503, "A part does not answer"),
)
ERRORS[429]["headers"] = _LIMITS
FINDING = ERRORS | _problems((404, "There is no such thing here"))
CHANGING = FINDING | _problems((409, "Another process is writing to the library"))
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "It is what `If-None-Match` names"}
}


def given(model: type[Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The documentation of a response that succeeds."""
    return {status: {"model": model, "description": (model.__doc__ or "").split("\n")[0]}}


class RequestIds:
    """ASGI middleware: every request gets an id, which its response carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["id"] = request_id
        logs.request_id.set(request_id)

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        await self._app(scope, receive, tagged)


def answer_errors(app: FastAPI) -> None:
    """Turns every error into a problem; those not meant for users say only that they happened."""

    @app.exception_handler(CitelightError)
    async def ours(request: Request, error: CitelightError) -> Response:
        if isinstance(error, Conflict):
            busy = events.Failed("conflict", "Somebody else is at it", 409, str(error))
            return problem(request, busy)
        return problem(request, failure(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        where = "; ".join(
            f"{'.'.join(str(part) for part in e['loc'][1:]) or 'body'}: {e['msg']}"
            for e in error.errors()
        )
        return problem(request, events.Failed("invalid-input", "It does not fit", 422, where))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        failed = events.Failed("http", str(error.detail), error.status_code, str(error.detail))
        return problem(request, failed, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return problem(request, failure(error))


def problem(
    request: Request, failed: events.Failed, headers: dict[str, str] | None = None
) -> Response:
    """The response that says what failed, in the form that the address's clients read."""
    if openai_api.owns(request.url.path):
        return openai_api.error_response(failed, headers)
    content = plain(failed) | {"request_id": request.state.id}
    return Response(
        orjson.dumps(content), failed.status, headers, media_type="application/problem+json"
    )


def to_json(content: Any, status: int = 200) -> Response:
    """A JSON response of plain values and dataclasses."""
    return Response(orjson.dumps(plain(content)), status, media_type="application/json")


def tagged(request: Request, revision: str, make: Callable[[], Any]) -> Response:
    """What `make` makes as JSON with the revision as ETag; 304 for who has that revision."""
    headers = {"ETag": f'"{revision}"', "Cache-Control": "private, no-cache"}
    if f'"{revision}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    response = to_json(make())
    response.headers.update(headers)
    return response
