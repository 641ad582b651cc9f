"""Every request is counted, traced, and written to the log by the pattern of its address."""

import logging
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import facts
from service.meters import Meters
from service.tracing import Tracing

logger = logging.getLogger("citelight.requests")

_QUIET = ("/healthz", "/readyz", "/metrics", "/assets/", "/favicon.ico")
_NO_ROUTE = "none"
_LEFT = 499  # nothing was sent before the caller left or the service ended


class Recorded:
    """ASGI middleware. Addresses hold ids that open answers, and words that were searched for:
    only their patterns are kept."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), _LEFT

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            self._record(scope, status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = pattern(scope), scope["method"]
        self._meters.request(method, route, status, seconds)
        level = logging.DEBUG if scope["path"].startswith(_QUIET) else logging.INFO
        key = scope.get("state", {}).get("key")
        told = facts(
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000),
            key=key.name if key else None,
        )
        logger.log(level, "request", extra=told)


class Traced:
    """ASGI middleware: a span for every request, which ends when the last byte of its response
    was sent."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_QUIET):
            await self._app(scope, receive, send)
            return
        told = {"url.scheme": scope["scheme"], "citelight.request_id": scope["state"]["id"]}
        with self._tracing.request(scope["method"], Headers(scope=scope), told) as span:

            async def seen(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.responded(message["status"])
                await send(message)

            try:
                await self._app(scope, receive, seen)
            finally:
                if (route := pattern(scope)) != _NO_ROUTE:
                    span.routed(route)


def pattern(scope: Scope) -> str:
    """The pattern of the route that took the request; `none` where no route did."""
    return getattr(scope.get("route"), "path", _NO_ROUTE)
