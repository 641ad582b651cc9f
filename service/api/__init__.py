"""The HTTP API under /v1, health checks, and the web page beside it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from ingest.errors import CitelightError
from service import web
from service.access import Access
from service.api.asking import asking
from service.api.gate import Gate
from service.api.history import history
from service.api.keys import key_list
from service.api.library import library
from service.api.operations import add_operations
from service.api.problems import RequestIds, answer_errors, known_parameters
from service.api.recording import Recorded, Traced
from service.app import Core
from service.jobs import Jobs
from service.keys import Keys
from service.logs import AnswerLog
from service.mcp import mount as mount_mcp
from service.meters import Meters
from service.openai_api import openai_routes
from service.runs import Runs
from service.settings import Settings
from service.slack.serving import mount as mount_slack
from service.watched import WatchedAssistant

logger = logging.getLogger(__name__)

_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
    "expose_headers": ["ETag", "Retry-After", "X-RateLimit-Remaining", "X-Request-ID"],
}
_WAITING_THREADS = 32  # for calls to other machines, which need no core
_REFRESH_S = 0.5  # how often a new generation is looked for


def create_app(core: Core, access: Access | None = None, keys: Keys | None = None) -> FastAPI:
    """The service's ASGI application over a core; without `access` all is open."""
    access = access or Access()
    runs, jobs, meters = Runs(), Jobs(core.settings), Meters()
    log = AnswerLog(with_questions=core.settings.log_questions)
    watchers = [meters.watch, log.watch, *([core.tracing.watch] if core.tracing else [])]
    core = replace(core, assistant=WatchedAssistant(core.assistant, watchers))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        threads = ThreadPoolExecutor(_n_threads(core.settings), "citelight")
        asyncio.get_running_loop().set_default_executor(threads)
        watcher = asyncio.create_task(_refresh(core))
        yield
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await jobs.close()
        await runs.close()

    app = FastAPI(
        title="Citelight",
        summary="Questions answered over paper abstracts, every sentence cited.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.runs = runs
    app.add_middleware(Gate, access=access, keys=keys)
    if access.origins:
        app.add_middleware(CORSMiddleware, allow_origins=sorted(access.origins), **_CORS)
    app.add_middleware(Recorded, meters=meters)
    if core.tracing:
        app.add_middleware(Traced, tracing=core.tracing)
    app.add_middleware(RequestIds)
    answer_errors(app)
    own = [asking(core, runs), library(core, jobs), history(core)]
    for router in [*own, key_list(keys)] if keys else own:
        app.include_router(router, dependencies=[Depends(known_parameters)])
    app.include_router(openai_routes(core, runs))  # whose clients add parameters of their own
    add_operations(app, core, jobs, meters)
    web.mount(app)
    mount_slack(app, core)
    mount_mcp(app, core)
    return app


def _n_threads(settings: Settings) -> int:
    """How many threads may be at work for answers.

    One a core where they compute: each more is one more that the event loop waits for, in turns of
    5 ms, before it sees to the streams (50 askers: late by 0.9 s at p99 with six, 0.2 with two).
    """
    if settings.chroma_url or settings.embedder != "embedded":
        return _WAITING_THREADS
    from ingest.minilm import usable_cores

    return max(2, usable_cores())


async def _refresh(core: Core) -> None:
    """Takes up new generations as they are published."""
    while True:
        await asyncio.sleep(_REFRESH_S)
        try:
            await asyncio.to_thread(core.library.refresh)
        except CitelightError as error:
            logger.warning("the new index generation is not used: %s", error)
