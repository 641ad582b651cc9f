"""Pytest fixtures of the browser tests; the `test_web_*` modules name this file as their plugin."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.fakes.web_browser import ARGS, CHROMIUM, TIMEOUT_MS, WIDTHS, Chat, watched
from tests.fakes.web_server import Stub, WebServer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: while it runs, no other event loop can run in this thread."""
    if CHROMIUM is None:
        pytest.skip("no browser: install Debian's chromium to run the tests of the web pages")
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MS)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def web_server() -> Iterator[WebServer]:
    with WebServer(Stub()) as server:
        yield server


@pytest.fixture
def chat(browser: Browser, web_server: WebServer) -> Iterator[Chat]:
    """A reader with an empty history, at 1360 px, in the light theme."""
    web_server.stub.reset()
    viewport = {"width": 1360, "height": WIDTHS[1360]}
    context = browser.new_context(viewport=viewport, color_scheme="light")  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT_MS)
    faults: list[str] = []
    yield Chat(web_server, context, watched(context, web_server.url, faults), faults)
    context.close()

    assert faults == []
