"""The pages for everybody: axe in all states, widths and themes; the keyboard alone; targets."""

from collections.abc import Callable

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.fakes.web_browser import WIDTHS, Chat

pytest_plugins = ["tests.fakes.web_fixtures"]


def _empty(chat: Chat) -> None:
    chat.open()


def _streaming(chat: Chat) -> None:
    chat.ask("what holds?", until="streaming")


def _done(chat: Chat) -> None:
    chat.ask("rewritten?")
    chat.page.get_by_role("button", name="How this was made").click()
    chat.page.get_by_role("button", name="Not helpful").click()


def _mixed(chat: Chat) -> None:
    chat.ask("mixed?")


def _tables(chat: Chat) -> None:
    chat.ask("markdown?")


def _card(chat: Chat) -> None:
    chat.ask("What do sparse codes name?").locator(".chip").first.click()
    chat.page.locator(".card").get_by_role("button", name="Show abstract").click()


def _error(chat: Chat) -> None:
    chat.ask("failing?", until="error")


def _not_in_library(chat: Chat) -> None:
    chat.ask("nothing?")


def _offline(chat: Chat) -> None:
    _done(chat)
    chat.context.set_offline(True)
    chat.page.locator("#banner").wait_for()


def _drawer(chat: Chat) -> None:
    _done(chat)
    chat.resize(320)
    chat.page.locator("#history-open").click()


def _sheet(chat: Chat) -> None:
    _done(chat)
    chat.resize(320)
    chat.page.locator(".sources-button").click()


def _filters(chat: Chat) -> None:
    chat.open().locator("#filters-open").click()


def _help(chat: Chat) -> None:
    chat.open().locator("#help").click()


def _answer_page(chat: Chat) -> None:
    _mixed(chat)
    chat.open(f"/a/{next(iter(chat.stub.answers))}").locator(".references li").first.wait_for()


def _paper_page(chat: Chat) -> None:
    chat.open("/p/sparse#s2").locator("#related li").first.wait_for()


def _library_page(chat: Chat) -> None:
    page = chat.open("/library")
    file = {"name": "export.bib", "mimeType": "text/plain", "buffer": b"x"}
    page.locator("#files").set_input_files(file)  # type: ignore[arg-type]
    page.locator(".job summary").click()


SCENES: dict[str, tuple[Callable[[Chat], None], tuple[int, ...]]] = {
    "empty": (_empty, (1360, 768, 375, 320)),
    "streaming": (_streaming, (1360, 768, 375, 320)),
    "done": (_done, (1360, 768, 375, 320)),
    "mixed": (_mixed, (1360, 320)),
    "tables": (_tables, (1360, 320)),
    "card": (_card, (1360, 768, 375, 320)),
    "error": (_error, (1360, 768, 375, 320)),
    "not in library": (_not_in_library, (1360, 768, 375, 320)),
    "offline": (_offline, (1360, 768, 375, 320)),
    "drawer": (_drawer, (320, 375, 768)),
    "sheet": (_sheet, (320, 375)),
    "filters": (_filters, (1360, 320)),
    "help": (_help, (1360, 320)),
    "answer page": (_answer_page, (1360, 320)),
    "paper page": (_paper_page, (1360, 320)),
    "library page": (_library_page, (1360, 320)),
}


def violations(page: Page, rules: str = "") -> list[str]:
    """What axe finds, as `rule: target`; `rules` narrows it to one rule."""
    only = f", runOnly: ['{rules}']" if rules else ""
    found = page.evaluate(f"axe.run({{resultTypes: ['violations']{only}}})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("name", SCENES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(chat: Chat, name: str) -> None:
    show, widths = SCENES[name]
    show(chat)
    page = chat.page
    page.evaluate(AXE_SCRIPT)
    faults = []
    for width in widths:
        chat.resize(width)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        faults += [f"{width} {fault}" for fault in violations(page)]
        page.emulate_media(color_scheme="dark")
        faults += [f"{width} dark {fault}" for fault in violations(page, "color-contrast")]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{width} scrolls sideways")

    assert faults == []


def test_the_page_can_be_used_by_the_keyboard_alone(chat: Chat) -> None:
    page = chat.open()
    keys = page.keyboard
    page.locator("body").evaluate("() => document.activeElement.blur()")
    keys.press("/")
    expect(page.locator("#question")).to_be_focused()
    keys.type("What do sparse codes name?")
    keys.press("Enter")
    page.locator(".turn[data-state=done]").wait_for()
    keys.press("Alt+ArrowRight")
    keys.press("Alt+ArrowRight")
    expect(page.locator(".chip").nth(1)).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".card")).to_be_focused()
    keys.press("Tab")
    expect(page.locator(".card h2 a")).to_be_focused()
    keys.press("Escape")
    expect(page.locator(".card")).to_be_hidden()
    expect(page.locator(".chip").nth(1)).to_be_focused()
    keys.press("Alt+ArrowLeft")
    expect(page.locator(".chip").nth(0)).to_be_focused()
    keys.press("Alt+s")
    expect(page.locator("#sources h2").first).to_be_focused()
    keys.press("Alt+ArrowUp")
    expect(page.locator("#question")).to_have_value("What do sparse codes name?")
    keys.press("Alt+n")

    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#question")).to_be_focused()


def test_escape_stops_the_answer(chat: Chat) -> None:
    turn = chat.ask("what holds?", until="streaming")
    chat.page.keyboard.press("Escape")

    expect(turn).to_have_attribute("data-state", "stopped")


def test_shift_enter_breaks_the_line_and_does_not_ask(chat: Chat) -> None:
    page = chat.open()
    page.locator("#question").press_sequentially("one")
    page.locator("#question").press("Shift+Enter")
    page.locator("#question").press_sequentially("two")

    expect(page.locator("#question")).to_have_value("one\ntwo")
    expect(page.locator(".turn")).to_have_count(0)


def test_single_keys_can_be_switched_off(chat: Chat) -> None:
    page = chat.open()
    page.locator("#help").focus()
    page.keyboard.press("?")
    page.get_by_label("Single keys").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.locator("#help").focus()
    page.keyboard.press("?")
    page.keyboard.press("/")

    expect(page.locator("#help-dialog")).to_be_hidden()
    expect(page.locator("#question")).not_to_be_focused()


def test_tab_leaves_the_card_to_where_it_was_opened(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.locator(".chip").first.press("Enter")
    chat.page.keyboard.press("Shift+Tab")

    expect(chat.page.locator(".card")).to_be_hidden()
    expect(turn.locator(".chip").first).to_be_focused()


def test_the_drawer_holds_the_focus_and_gives_it_back(chat: Chat) -> None:
    page = chat.open()
    chat.resize(375)
    page.locator("#history-open").click()
    expect(page.locator("#history-close")).to_be_focused()
    assert page.locator("main").evaluate("main => main.inert")
    page.keyboard.press("Escape")

    expect(page.locator("#history")).to_be_hidden()
    expect(page.locator("#history-open")).to_be_focused()


def test_the_status_region_tells_the_steps(chat: Chat) -> None:
    page = chat.open()
    page.evaluate(
        "() => { window.said = []; new MutationObserver(() =>"
        " window.said.push(document.getElementById('status').textContent))"
        ".observe(document.getElementById('status'), {childList: true}); }"
    )
    chat.ask("What do sparse codes name?")

    said = page.evaluate("window.said")
    assert said[-1] == "Answer complete: 4 sentences, 3 sources"
    assert "Searching the abstracts" in said


@pytest.mark.parametrize("width", WIDTHS)
def test_buttons_and_chips_are_large_enough(chat: Chat, width: int) -> None:
    chat.ask("mixed?")
    chat.resize(width)
    small = chat.page.evaluate(
        "() => [...document.querySelectorAll('button, select, summary')].map((node) =>"
        " [node.id || node.className || node.textContent, node.getBoundingClientRect()])"
        ".filter(([, box]) => box.width && (box.width < 24 || box.height < 24))"
        ".map(([name, box]) => `${name} ${box.width}x${box.height}`)"
    )

    assert small == []


@pytest.mark.parametrize("width", [1360, 768])
def test_a_source_stays_within_its_card(chat: Chat, width: int) -> None:
    chat.ask("mixed?")
    chat.resize(width)
    over = chat.page.evaluate(
        "() => [...document.querySelectorAll('#sources .source')].flatMap((card) =>"
        " [...card.querySelectorAll('*')].filter((node) => node.getBoundingClientRect().right >"
        " card.getBoundingClientRect().right + 1).map((node) => node.outerHTML.slice(0, 80)))"
    )

    assert over == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_composer_is_one_line_and_one_row_of_buttons(chat: Chat, width: int) -> None:
    chat.open()
    chat.resize(width)
    box = chat.page.locator(".box").bounding_box()
    ask = chat.page.locator("#ask").bounding_box()

    assert box
    assert ask
    assert box["height"] < 110
    assert ask["x"] + ask["width"] < box["x"] + box["width"]


def test_reduced_motion_stills_the_page(chat: Chat) -> None:
    chat.page.emulate_media(reduced_motion="reduce")
    chat.ask("what waits?", until="searching")

    expect(chat.page.locator(".progress .dot")).to_have_css("animation-name", "none")


def test_without_script_the_page_says_what_it_needs(chat: Chat) -> None:
    browser = chat.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(chat.server.url)

    expect(page.locator(".noscript")).to_contain_text("This page needs JavaScript")
    context.close()
