"""Runs the service: the sample library if there is nothing else, then uvicorn."""

import asyncio
import logging
import socket
import threading

import uvicorn

from service import logs
from service.access import access_of, check_keys
from service.api import create_app
from service.app import add_sample_if_empty, build, home_of
from service.keys import KEYS_FILE, Keys
from service.runs import Runs
from service.settings import Settings

logger = logging.getLogger(__name__)

_SHUTDOWN_S = 10  # seconds that answers under way get to finish


def run(settings: Settings) -> None:
    """Serves until a signal ends it."""
    logs.configure(settings.log_format, settings.log_level)
    access = access_of(settings)
    core, keys = build(settings, is_traced=True), Keys(home_of(settings) / KEYS_FILE)
    try:
        check_keys(access, keys, settings.host)
        if core.library.is_empty:
            logger.info("the library is empty: adding the bundled sample library")
            add_sample_if_empty(core.library)
        core.library.refresh()
        threading.Thread(target=core.warm_up, name="warm-up", daemon=True).start()
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        logger.info("open http://%s:%d", host, settings.port)
        app = create_app(core, access, keys)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            log_config=None,  # its lines go where ours go
            timeout_graceful_shutdown=_SHUTDOWN_S + 5,
        )
        Server(config, app.state.runs).run()
    finally:
        keys.close()
        core.close()


class Server(uvicorn.Server):
    """A server that, when told to stop, lets answers end for a while and stops the late ones with
    a word: the last event of their streams."""

    def __init__(self, config: uvicorn.Config, runs: Runs, patience_s: float = _SHUTDOWN_S) -> None:
        super().__init__(config)
        self._runs = runs
        self._patience_s = patience_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._runs.close(self._patience_s))
        await super().shutdown(sockets)
        await ending
