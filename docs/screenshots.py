"""Takes the pictures of the web pages that the README shows.

    uv run python docs/screenshots.py            # starts the service on the sample library
    uv run python docs/screenshots.py --url http://127.0.0.1:8765

Needs Debian's chromium. Pictures are written to docs/images/.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
QUESTION = "How are language models pre-trained on unlabelled text?"
FOLLOW_UP = "and which data is BERT trained on?"
START_S = 120  # the first start puts the sample library in
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what to do on the page, and how the reader's screen is."""

    name: str
    show: Callable[[Page], None]
    width: int = 1360
    height: int = 850
    theme: str = "light"


def ask(page: Page, question: str) -> None:
    page.locator("#question").fill(question)
    page.locator("#question").press("Enter")
    page.locator(".turn:last-child[data-state=done]").wait_for()


def answer_with_card(page: Page) -> None:
    ask(page, QUESTION)
    page.locator(".turn .chip").nth(1).click()


def conversation(page: Page) -> None:
    ask(page, QUESTION)
    ask(page, FOLLOW_UP)


def phone(page: Page) -> None:
    ask(page, QUESTION)
    page.locator(".sources-button").click()


def library(page: Page) -> None:
    page.goto(page.url + "library")
    page.locator("#papers li").first.wait_for()


PICTURES = [
    Picture("answer", answer_with_card),
    Picture("conversation-dark", conversation, theme="dark"),
    Picture("phone", phone, 390, 844),
    Picture("library", library, 1360, 850),
]


@contextmanager
def service() -> Iterator[str]:
    """The service on a new home, that is with the sample library; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        environment = {"CITELIGHT_HOME": home, "PATH": str(Path(sys.executable).parent)}
        command = ["citelight", "serve", "--port", str(port)]
        path = shutil.which(command[0], path=environment["PATH"])
        process = subprocess.Popen([str(path), *command[1:]], env=environment)
        try:
            wait_for(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(address: str) -> None:
    """Raises TimeoutError when the service does not come up."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urlopen(f"{address}/readyz", timeout=5):
                return
        except (URLError, ConnectionError):
            time.sleep(0.5)
    raise TimeoutError(f"no service at {address} after {START_S} s")


def take(address: str) -> None:
    """Take all pictures of the service at the address."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or "chromium", args=ARGS
        )
        for picture in PICTURES:
            page = browser.new_page(
                viewport={"width": picture.width, "height": picture.height},
                color_scheme="dark" if picture.theme == "dark" else "light",
            )
            page.goto(address)
            page.locator("#mode").wait_for()
            picture.show(page)
            page.screenshot(path=IMAGES / f"{picture.name}.png", animations="disabled")
            page.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a running service; without it one is started")
    given = parser.parse_args().url
    if given:
        take(given.rstrip("/"))
        return
    with service() as address:
        take(address)


if __name__ == "__main__":
    main()
