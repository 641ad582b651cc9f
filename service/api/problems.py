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

from ingest.errors import CitelightError, Conflict, InvalidInput
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


_NO_JSON = "There was an error parsing the body"  # FastAPI's words for bytes that are no text
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
    (415, "The body is in another form than its address reads"),
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
        return problem(request, _unfit(request, error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return problem(request, _of_http(request, error), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return problem(request, failure(error))


def _unfit(request: Request, error: RequestValidationError) -> events.Failed:
    """What is wrong with a request: its body is no JSON, is not said to be, or has other fields."""
    errors = error.errors()
    first = errors[0]
    if first["type"] == "json_invalid":
        why = first.get("ctx", {}).get("error", "")
        return _malformed(f"The body is no JSON: {why} at character {first['loc'][-1]}.")
    kind = request.headers.get("content-type", "")
    if first["loc"] == ("body",) and first["type"] != "missing" and "json" not in kind:
        detail = "Send the body as JSON, with the header Content-Type: application/json."
        return events.Failed("wrong-content-type", "This form cannot be read", 415, detail)
    where = "; ".join(
        f"{'.'.join(str(part) for part in e['loc'][1:]) or 'body'}: {e['msg']}" for e in errors
    )
    return events.Failed("invalid-input", "It does not fit", 422, where)


def _malformed(detail: str) -> events.Failed:
    return events.Failed("malformed", "The request cannot be read", 400, detail)


def _of_http(request: Request, error: HTTPException) -> events.Failed:
    """What the framework refused by itself, in our words."""
    status, detail = error.status_code, str(error.detail)
    if status == 400:
        is_json = detail == _NO_JSON
        return _malformed("The body is no JSON in UTF-8." if is_json else detail)
    if status == 404:
        detail = "There is nothing at this address. /openapi.json lists what there is."
        return events.Failed("not-found", "There is no such thing here", 404, detail)
    if status == 405:
        taken = (error.headers or {}).get("Allow", "other methods")
        detail = f"This address takes {taken}, not {request.method[:20]}."
        return events.Failed("method-not-allowed", "That cannot be done here", 405, detail)
    if status == 413:
        return events.Failed("too-large", "This is too large", 413, detail)
    return events.Failed("http", detail, status, detail)


def known_parameters(request: Request) -> None:
    """A dependency of routes that refuses parameters they do not have: a misspelt filter would
    else be no filter.

    Raises:
        InvalidInput: there is one in the query of the address.
    """
    known = [p.alias for p in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            listed = f"There are {', '.join(known)}." if known else "There are none."
            name = name[:50]
            raise InvalidInput(f"{name}: There is no such parameter. {listed}")


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
    held = request.headers.get("if-none-match", "")
    if held.strip() == "*" or f'"{revision}"' in held:
        return Response(status_code=304, headers=headers)
    response = to_json(make())
    response.headers.update(headers)
    return response
