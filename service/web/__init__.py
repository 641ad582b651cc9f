"""The web pages: chat, answer, paper and library, hand-written, without a build step.

The pages are the same for everybody and hold no data: what they show comes from `/v1`.
"""

from pathlib import Path

from starlette.applications import Starlette

from service.web.assets import Assets
from service.web.reports import ReportDesk
from service.web.routes import make_routes

STATIC = Path(__file__).parent / "static"


def mount(app: Starlette) -> None:
    """Add the pages, their assets and the desk for browser errors to the application."""
    app.router.routes.extend(make_routes(Assets.load(STATIC), ReportDesk()))
