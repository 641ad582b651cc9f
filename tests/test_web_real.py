"""The chat page on the real service: one wire, from the index to the marked sentence."""

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from service.api import create_app
from service.app import Core
from tests.fakes.web_browser import TIMEOUT_MS, watched

pytest_plugins = ["tests.fakes.web_fixtures"]

QUESTION = "How does contrastive learning help dense retrieval?"


@pytest.fixture(scope="module")
def address(core: Core) -> Iterator[str]:
    """The real service in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(core), log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    faults: list[str] = []
    page = watched(context, address, faults)
    page.goto(address)
    yield page
    context.close()

    assert faults == []


def _ask(page: Page, question: str) -> None:
    page.locator("#question").fill(question)
    page.locator("#question").press("Enter")
    page.locator(".turn[data-state=done]").last.wait_for()


def test_every_mark_opens_the_sentence_that_the_library_holds(page: Page, core: Core) -> None:
    _ask(page, QUESTION)
    held = {
        (stored.paper.title, stored.sentence(n))
        for stored in core.library.catalogue.by_id(
            page.locator("#sources .source[data-n]").evaluate_all(
                "all => all.map((one) => one.dataset.paper)"
            )
        ).values()
        for n in range(len(stored.sentences))
    }
    shown = set()
    for chip in page.locator(".turn .chip").all():
        chip.click()
        card = page.locator(".card")
        shown.add((card.locator("h2").inner_text(), card.locator("mark").first.inner_text()))
        page.keyboard.press("Escape")

    assert shown
    assert shown <= held


def test_history_outlives_a_reload_and_delete_empties_the_database(page: Page, core: Core) -> None:
    _ask(page, QUESTION)
    answer = str(page.locator(".turn-footer a").get_attribute("href")).rpartition("/")[2]
    page.reload()
    expect(page.locator(".turn .chip").first).to_be_visible()
    page.locator(".conversation button").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".conversation")).to_have_count(0)
    page.goto(page.url.partition("?")[0] + f"a/{answer}")

    expect(page.get_by_role("alert")).to_contain_text("There is no such answer.")


def test_the_paper_and_library_pages_show_the_real_library(page: Page, core: Core) -> None:
    page.goto(page.url + "library")
    expect(page.locator("#library-lead")).to_contain_text(str(core.library.catalogue.n_papers()))
    expect(page.locator("#main")).to_contain_text("Venues")
    page.locator("#papers a").first.click()

    expect(page.locator(".sentence").first).to_be_visible()
    expect(page.locator("#related li")).to_have_count(5)


def test_the_empty_page_offers_questions_that_the_real_library_answers(page: Page) -> None:
    page.locator("#examples .example").first.click()

    expect(page.locator(".turn[data-state=done] .chip").first).to_be_visible()


def test_a_question_that_cannot_be_asked_is_explained(page: Page) -> None:
    page.locator("#question").fill("?")
    page.locator("#question").press("Enter")

    expect(page.locator(".turn").get_by_role("alert")).to_contain_text("Ask something")
