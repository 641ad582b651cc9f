"""A reader's browser for the tests of the web pages: Debian's Chromium, closely watched.

Whatever a page does that it must never do (an error on the console, a report of the policy, a
request elsewhere, a dialog) fails the test that it happens in.
"""

import re
import shutil
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Locator, Page

from tests.fakes.web_server import Stub, WebServer

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 30_000  # ample for a busy machine; only a test that fails waits so long
# The browser's own note about an answer of 4xx or 5xx, or a connection that a test has cut.
_EXPECTED = re.compile(r"^Failed to load resource|ERR_INCOMPLETE_CHUNKED|ERR_INTERNET_DISCONNECTED")
WIDTHS = {1360: 860, 768: 1024, 375: 780, 320: 640}


@dataclass
class Chat:
    """A reader's browser with the chat open, and what went wrong in it."""

    server: WebServer
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)

    @property
    def stub(self) -> Stub:
        return self.server.stub

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.server.url + path)
        self.page.locator("#mode").wait_for()
        return self.page

    def ask(self, question: str, *, until: str = "done") -> Locator:
        """Ask, wait for the turn's state, and give the turn."""
        if self.page.url == "about:blank":
            self.open()
        before = self.page.locator(".turn").count()
        self.page.locator("#question").fill(question)
        self.page.locator("#question").press("Enter")
        self.page.locator(f".turn:nth-child({before + 1})[data-state={until}]").wait_for()
        return self.page.locator(".turn").nth(before)

    def tab(self) -> "Chat":
        """Another tab of the same reader."""
        return Chat(self.server, self.context, watched(self.context, self.server.url, self.faults))

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": WIDTHS[width]})


def watched(context: BrowserContext, home: str, faults: list[str]) -> Page:
    page = context.new_page()
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (e) =>"
        " console.error('csp: ' + e.violatedDirective + ' ' + e.blockedURI))"
    )
    page.on("console", lambda m: _note(faults, m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: _note(faults, str(error)))
    page.on("request", lambda request: _foreign(faults, request.url, home))

    def refuse(dialog: object) -> None:
        faults.append("a dialog opened")
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", refuse)
    return page


def _note(faults: list[str], text: str) -> None:
    if not _EXPECTED.search(text):
        faults.append(text)


def _foreign(faults: list[str], url: str, home: str) -> None:
    if not url.startswith((home, "data:")):
        faults.append(f"a request went to {url}")
