"""Socket Mode: the Slack app where no address of ours can be reached from outside."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from service.slack.acting import hear_buttons
from service.slack.calls import sdk_logger
from service.slack.config import Config
from service.slack.door import Door, Parts, opened
from service.slack.listening import bolt_app

logger = logging.getLogger(__name__)

_PING_S = 10.0


@asynccontextmanager
async def connected(door: Door, ping_s: float = _PING_S) -> AsyncIterator[AsyncSocketModeHandler]:
    """The door connected to Slack; it reconnects by itself."""
    app = bolt_app(door)
    hear_buttons(app, door)
    handler = AsyncSocketModeHandler(
        app,
        door.config.app_token,
        logger=sdk_logger,
        web_client=door.client(None),
        ping_interval=ping_s,
    )
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def run(config: Config, parts: Parts) -> None:
    """Answers until a signal ends it."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl+C raises KeyboardInterrupt instead
            loop.add_signal_handler(number, ended.set)
    async with opened(config, parts) as door, connected(door):
        logger.info("connected to Slack by Socket Mode")
        await ended.wait()
