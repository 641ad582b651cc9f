"""A library and a model that try to break out of the pages, and get nowhere."""

import re

from playwright.sync_api import Page, expect

from tests.fakes.web_browser import Chat
from tests.fakes.web_hostile import VECTORS, hostile_papers, hostile_scene
from tests.fakes.web_papers import Json
from tests.fakes.web_scenes import add_scene

pytest_plugins = ["tests.fakes.web_fixtures"]

_HOME = re.compile(r"^(/|http://127\.0\.0\.1|#)")
_KNOWN = re.compile(r"^https://(doi\.org|arxiv\.org|pubmed\.ncbi\.nlm\.nih\.gov)/")


def intruders(page: Page) -> list[str]:
    """Elements and links that none of our pages makes."""
    links = page.locator("a").evaluate_all("all => all.map((link) => link.getAttribute('href'))")
    foreign = [link for link in links if not _HOME.match(link) and not _KNOWN.match(link)]
    elements: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('script, iframe, object, embed, base, style, video,"
        " audio, form:not(#composer):not(.feedback), img:not(.brand img), meta[http-equiv]')]"
        ".filter((node) => !(node.localName === 'script' && new URL(node.src).pathname"
        ".startsWith('/assets/'))).map((node) => node.outerHTML)"
    )
    return foreign + elements


def _plant(chat: Chat) -> list[Json]:
    papers = hostile_papers()
    chat.stub.papers = {whole["id"]: whole for whole in papers}
    chat.stub.library |= {
        "model": VECTORS[0],
        "examples": VECTORS[:3],
        "sources": [{"name": vector, "papers": 1} for vector in VECTORS],
        "venues": [{"name": vector, "papers": 1} for vector in VECTORS],
    }
    add_scene("hostile", hostile_scene)
    return papers


def test_there_are_enough_vectors() -> None:
    assert len(set(VECTORS)) >= 60


def test_a_hostile_answer_stays_text(chat: Chat) -> None:
    _plant(chat)
    turn = chat.ask("hostile?")
    page = chat.page
    for chip in turn.locator(".chip").all()[:8]:
        chip.click()
        page.locator(".card").get_by_role("button", name="Show abstract").click()
        page.locator(".card .abstract").wait_for()
        page.keyboard.press("Escape")
    turn.locator(".flag").first.click()
    turn.get_by_role("button", name="How this was made").click()
    page.locator("#filters-open").click()

    expect(turn.locator(".notes").first).to_have_text(VECTORS[0])
    assert intruders(page) == []


def test_a_hostile_question_and_title_stay_text(chat: Chat) -> None:
    _plant(chat)
    chat.ask("hostile <img src=x onerror=alert(1)>")
    expect(chat.page.locator(".conversation a")).to_have_text(
        "hostile <img src=x onerror=alert(1)>"
    )
    chat.page.reload()

    expect(chat.page.locator(".turn h2")).to_have_text("hostile <img src=x onerror=alert(1)>")
    assert intruders(chat.page) == []


def test_hostile_papers_stay_text_on_their_pages(chat: Chat) -> None:
    found = []
    for whole in _plant(chat):
        page = chat.open(f"/p/{whole['id']}")
        expect(page.locator("h1")).to_have_text(whole["title"].strip())
        found += intruders(page)

    assert found == []


def test_a_hostile_library_and_answer_page_stay_text(chat: Chat) -> None:
    _plant(chat)
    chat.ask("hostile?")
    page = chat.open(f"/a/{next(iter(chat.stub.answers))}")
    page.locator(".references li").first.wait_for()
    found = intruders(page)
    page = chat.open("/library")
    page.locator("#papers li").first.wait_for()

    assert found + intruders(page) == []


def test_the_watch_sees_a_forbidden_act(chat: Chat) -> None:
    page = chat.open()
    page.evaluate("() => { try { document.body.innerHTML = '<b>x</b>'; } catch {} }")
    page.locator("body").wait_for()

    assert any("csp" in fault or "TrustedHTML" in fault for fault in chat.faults)
    chat.faults.clear()
