"""Runs the service: the sample library if there is nothing else, then uvicorn."""

import logging
import sys

import uvicorn

from service.api import create_app
from service.app import add_sample_if_empty, build
from service.settings import Settings

logger = logging.getLogger(__name__)

_SHUTDOWN_S = 10  # seconds that answers under way get to finish


def run(settings: Settings) -> None:
    """Serves until a signal ends it."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    core = build(settings)
    try:
        if core.library.is_empty:
            logger.info("the library is empty: adding the bundled sample library")
            add_sample_if_empty(core.library)
        core.library.refresh()
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        logger.info("open http://%s:%d", host, settings.port)
        uvicorn.run(
            create_app(core),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
    finally:
        core.close()
