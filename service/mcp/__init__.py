"""The door for MCP clients: over HTTP at exactly `/mcp`, and over standard input and output.

The SDK is a quarter of what a service loads, so it is loaded beside the first answers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import Core

_LOADED_AFTER_S = 5.0  # unless a client comes before


def mount(app: Starlette, core: Core) -> None:
    """Adds `/mcp`. The application's own checks of hosts, origins and keys stand before it."""
    door = _Door(core)
    app.router.routes.append(Route("/mcp", door))
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        async with inner(app) as state, door.kept():
            yield state

    app.router.lifespan_context = lifespan


def run_stdio(core: Core) -> None:
    """Serves one client over standard input and output until it leaves."""
    from service.mcp.server import run_stdio as run

    run(core)


class _Door:
    """ASGI endpoint before the SDK's application, which lives for one lifespan only."""

    _wanted: asyncio.Event
    _opened: asyncio.Future[ASGIApp]

    def __init__(self, core: Core) -> None:
        self._core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._wanted.set()
        app = await asyncio.shield(self._opened)
        await app(scope, receive, send)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Within the block clients are let in."""
        self._wanted = asyncio.Event()
        self._opened = asyncio.get_running_loop().create_future()
        self._opened.add_done_callback(_looked_at)
        keeping = asyncio.create_task(self._keep())
        yield
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    async def _keep(self) -> None:
        """Opens and closes the application: the SDK wants both in one task."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), _LOADED_AFTER_S)
        try:
            await asyncio.to_thread(import_module, "service.mcp.server")
            from service.mcp.server import over_http

            async with over_http(self._core) as app:
                self._opened.set_result(app)
                await asyncio.Event().wait()
        except Exception as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)


def _looked_at(opened: "asyncio.Future[ASGIApp]") -> None:
    """An error that no client came for is not reported by the event loop as lost."""
    if not opened.cancelled():
        opened.exception()
