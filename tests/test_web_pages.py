"""The pages of one answer, one paper, and the library."""

import re

from playwright.sync_api import expect

from tests.fakes.web_browser import Chat
from tests.fakes.web_papers import BY_ID, PAPERS

pytest_plugins = ["tests.fakes.web_fixtures"]


def test_the_link_of_an_answer_shows_it_with_its_references(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    chat.open(
        str(turn.get_by_role("link", name="Link").get_attribute("href")).removeprefix(
            chat.server.url
        )
    )
    page = chat.page

    expect(page.locator("h1")).to_have_text("What do sparse codes name?")
    expect(page.locator(".answer .chip")).to_have_text(["1", "1", "2", "3"])
    expect(page.locator(".references li")).to_have_count(3)
    expect(page.locator(".references mark").first).to_have_text(
        BY_ID["sparse"]["sentences"][1]["text"]
    )


def test_chips_of_a_stored_answer_open_their_sentences(chat: Chat) -> None:
    chat.ask("mixed?")
    page = chat.open(f"/a/{next(iter(chat.stub.answers))}")
    page.locator(".chip").first.click()

    expect(page.locator(".card .verdict")).to_have_text(
        "Differs from its source: 78 % is not in the source"
    )


def test_a_printed_answer_has_its_references_and_no_buttons(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    page = chat.open(f"/a/{next(iter(chat.stub.answers))}")
    page.emulate_media(media="print")

    expect(page.locator(".references li").first).to_be_visible()
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".turn-footer")).to_be_hidden()


def test_a_printed_conversation_has_its_references_too(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    expect(turn.locator(".printed")).to_be_hidden()
    chat.page.emulate_media(media="print")

    expect(turn.locator(".printed li")).to_have_count(3)
    expect(turn.locator(".printed")).to_be_visible()
    expect(chat.page.locator("#composer")).to_be_hidden()


def test_an_unknown_answer_says_so(chat: Chat) -> None:
    page = chat.open("/a/unknown")

    expect(page.get_by_role("alert")).to_contain_text("There is no such answer.")


def test_the_paper_page_shows_the_abstract_by_numbered_sentences(chat: Chat) -> None:
    page = chat.open("/p/sparse")

    expect(page.locator("h1")).to_have_text(BY_ID["sparse"]["title"])
    expect(page.locator(".verse")).to_have_text(["1", "2", "3", "4"])
    expect(page.locator(".sentence").nth(2)).to_contain_text(
        BY_ID["sparse"]["sentences"][2]["text"]
    )


def test_the_address_of_a_sentence_leads_to_it(chat: Chat) -> None:
    page = chat.open("/p/sparse#s3")

    expect(page.locator(".sentence:target")).to_contain_text("Raters found 87 %")


def test_the_paper_page_lists_related_papers_without_itself(chat: Chat) -> None:
    page = chat.open("/p/sparse")
    titles = [whole["title"] for whole in PAPERS if whole["id"] != "sparse"]

    expect(page.locator("#related li a")).to_have_text(titles)


def test_a_paper_can_be_asked_alone(chat: Chat) -> None:
    page = chat.open("/p/sparse")
    page.get_by_role("link", name="Ask this paper").click()
    expect(page.locator(".filter-chip")).to_have_count(1)
    chat.ask("What does it find?")

    assert chat.stub.asked[0]["filters"] == {"papers": ["sparse"]}


def test_a_paper_without_a_title_or_an_abstract_of_its_own_says_so(chat: Chat) -> None:
    expect(chat.open("/p/steer").locator(".paper .tag")).to_have_text("untitled: first words shown")
    expect(chat.open("/p/walnut").locator(".paper .tag")).to_have_text(
        "summary, not the authors' abstract"
    )


def test_a_paper_can_be_removed_after_a_question(chat: Chat) -> None:
    page = chat.open("/p/walnut")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.wait_for_url("**/library")

    assert "walnut" not in chat.stub.papers


def test_an_unknown_paper_says_so(chat: Chat) -> None:
    page = chat.open("/p/unknown")

    expect(page.get_by_role("alert")).to_contain_text("There is no such paper")


def test_the_library_shows_what_is_in_it(chat: Chat) -> None:
    page = chat.open("/library")

    expect(page.locator("#library-lead")).to_have_text("349 abstracts from 2 sources.")
    expect(page.locator(".chart figcaption")).to_have_text(["Years", "Sources", "Venues"])
    expect(page.locator(".columns li")).to_have_count(14)


def test_the_papers_of_the_library_come_page_by_page(chat: Chat) -> None:
    page = chat.open("/library")
    expect(page.locator("#papers li")).to_have_count(4)
    page.get_by_role("button", name="Show more").click()

    expect(page.locator("#papers li a")).to_have_text([whole["title"] for whole in PAPERS])
    expect(page.locator("#more")).to_be_hidden()


def test_the_papers_of_the_library_can_be_searched(chat: Chat) -> None:
    page = chat.open("/library")
    page.locator("#paper-search").fill("walnut")

    expect(page.locator("#papers li")).to_have_count(1)
    expect(page.locator("#paper-count")).to_have_text("1 paper with “walnut”")


def test_an_uploaded_file_is_followed_to_its_report(chat: Chat) -> None:
    page = chat.open("/library")
    file = {"name": "export.bib", "mimeType": "text/plain", "buffer": b"@misc{x}"}
    page.locator("#files").set_input_files(file)  # type: ignore[arg-type]
    job = page.locator(".job")

    expect(job).to_contain_text("export.bib 4 records: 2 new, 1 unchanged, 1 rejected.")
    job.locator("summary").click()
    expect(job.locator(".rejections")).to_have_text("export.bib, record 3: no abstract")


def test_a_dropped_file_is_taken(chat: Chat) -> None:
    page = chat.open("/library")
    transfer = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['x'], 'drop.ris')); return data; }"
    )
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": transfer})

    expect(page.locator(".job")).to_contain_text(re.compile("drop.ris 4 records"))


def test_errors_of_a_page_reach_the_log(chat: Chat) -> None:
    page = chat.open()
    with page.expect_request("**/browser-reports") as sent:
        page.evaluate("() => { setTimeout(() => { throw new Error('broken'); }); }")
    response = sent.value.response()

    assert response is not None
    assert response.status == 204
    assert chat.faults == ["broken"]
    chat.faults.clear()
