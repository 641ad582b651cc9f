"""The Slack app inside the service: its addresses, and what they say where it is not set up."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

from ingest.errors import CitelightError, Unavailable
from service.app import Core, home_of
from service.records import library_record
from service.slack.config import Config, config_of
from service.slack.home import EXAMPLES, About
from service.slack.manifest import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH

if TYPE_CHECKING:
    from service.slack.door import Parts

logger = logging.getLogger(__name__)

_MAX_BODY = 1_000_000  # bytes; Slack's payloads are far smaller
_SOCKET_ONLY = "Slack comes by Socket Mode here: start it with `citelight slack`."


def mount(app: FastAPI, core: Core) -> None:
    """Adds `/slack/events` and, for many workspaces, the pages of the installation.

    Where the extra or a setting is missing they answer 503 and say what to do.
    """
    config = config_of(core.settings)
    problem = _problem(config)
    if problem is None:
        _mount_open(app, core, config)
        return
    if config.is_wanted:
        logger.warning("%s", problem)

    @app.api_route(EVENTS_PATH, methods=["POST"], include_in_schema=False)
    @app.api_route(INSTALL_PATH, methods=["GET"], include_in_schema=False)
    async def closed() -> Response:
        raise Unavailable(problem)


def _problem(config: Config) -> str | None:
    """Why the app cannot run; None if it can."""
    if config.app_token and not config.signing_secret:
        return _SOCKET_ONLY
    if missing := config.missing():
        return missing
    try:
        check(config)
    except CitelightError as error:
        return str(error)
    return None


def check(config: Config) -> None:
    """Raises `InvalidInput` for a key or a file of rules that cannot be used."""
    from service.slack.installations import Vault
    from service.slack.rules import rules_file

    if config.is_oauth:
        Vault(config.key)
    if config.rules:
        rules_file(config.rules)


def _mount_open(app: FastAPI, core: Core, config: Config) -> None:
    from service.slack.bolt import Desk
    from service.slack.door import opened

    desk: list[Desk] = []
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        parts = parts_of(core)
        try:
            async with inner(app) as state, opened(config, parts) as door:
                desk[:] = [Desk(door)]
                yield state
        finally:
            parts.store.close()

    app.router.lifespan_context = lifespan

    @app.api_route(EVENTS_PATH, methods=["POST"], include_in_schema=False)
    async def events(request: Request) -> Response:
        body = await request.body()
        if len(body) > _MAX_BODY:
            return Response(status_code=413)
        return await desk[0].events(request, body)

    if config.is_oauth:

        @app.api_route(INSTALL_PATH, methods=["GET"], include_in_schema=False)
        async def install(request: Request) -> Response:
            return await desk[0].install(request)

        @app.api_route(REDIRECT_PATH, methods=["GET"], include_in_schema=False)
        async def redirect(request: Request) -> Response:
            return await desk[0].redirect(request)


def parts_of(core: Core) -> "Parts":
    """What the door takes from the core; its store is for the caller to close."""
    from service.slack.door import Parts
    from service.slack.store import SlackStore

    def about() -> About:
        library = library_record(core)
        return About(
            n_papers=int(library["papers"]),
            model=core.settings.model,
            page=core.settings.public_url,
            examples=tuple(library["examples"]) or EXAMPLES,
        )

    store = SlackStore(home_of(core.settings) / "conversations.sqlite")
    return Parts(core.assistant, core.conversations, store, about)
