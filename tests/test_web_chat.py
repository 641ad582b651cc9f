"""The chat page in a browser: every state, every part of a turn, and what outlives a reload."""

import re

from playwright.sync_api import expect

from tests.fakes.web_browser import Chat
from tests.fakes.web_papers import BY_ID
from tests.fakes.web_server import too_many

pytest_plugins = ["tests.fakes.web_fixtures"]


def test_the_empty_page_says_what_the_library_holds_and_offers_questions(chat: Chat) -> None:
    page = chat.open()

    expect(page.locator("#empty-lead")).to_contain_text("349 abstracts")
    expect(page.locator(".example")).to_have_text(chat.stub.library["examples"])


def test_an_example_is_asked_by_a_click(chat: Chat) -> None:
    page = chat.open()
    page.locator(".example").first.click()

    expect(page.locator(".turn h2")).to_have_text(chat.stub.library["examples"][0])
    expect(page.locator(".turn")).to_have_attribute("data-state", "done")


def test_an_empty_library_leads_to_adding_papers(chat: Chat) -> None:
    chat.stub.library |= {"papers": 0, "examples": []}
    page = chat.open()

    expect(page.locator("#empty-lead")).to_contain_text("The library is empty")
    expect(page.locator("#empty-lead a")).to_have_attribute("href", "/library")


def test_the_badge_says_who_writes(chat: Chat) -> None:
    chat.stub.library["model"] = "stub-model"
    page = chat.open()

    expect(page.locator("#mode")).to_have_text("stub-model")


def test_without_a_model_the_badge_says_quotes_only(chat: Chat) -> None:
    page = chat.open()

    expect(page.locator("#mode")).to_have_text("Quotes only")


def test_searching_is_shown_and_stop_takes_the_place_of_ask(chat: Chat) -> None:
    turn = chat.ask("what waits?", until="searching")

    expect(turn.locator(".progress")).to_contain_text("Searching the abstracts")
    expect(chat.page.locator("#stop")).to_be_visible()
    expect(chat.page.locator("#ask")).to_be_hidden()


def test_sources_are_shown_before_the_first_word(chat: Chat) -> None:
    chat.stub.gates.clear()
    chat.ask("what holds?", until="streaming")

    expect(chat.page.locator("#sources .source")).to_have_count(6)


def test_the_finished_answer_shows_its_text_with_a_chip_for_every_mark(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")

    expect(turn.locator(".chip")).to_have_text(["1", "1", "2", "3"])
    expect(turn.locator(".trust")).to_have_text("All 4 sentences were found in their sources.")


def test_chips_stand_in_the_text_while_it_grows(chat: Chat) -> None:
    turn = chat.ask("what grows?", until="streaming")

    expect(turn.locator(".chip").first).to_have_text("1")
    chat.stub.gates.add("go")
    expect(turn).to_have_attribute("data-state", "done")


def test_cited_papers_come_first_in_the_sources_and_show_what_is_used(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    sources = chat.page.locator("#sources .source")

    expect(sources.locator(".number")).to_have_text(["1", "2", "3"])
    expect(sources.nth(0).locator("mark")).to_have_text(
        [BY_ID["sparse"]["sentences"][n]["text"] for n in (1, 2)]
    )
    expect(chat.page.locator("#sources .also-title")).to_have_text("Also retrieved")
    expect(sources.nth(3).locator(".why")).to_contain_text("by meaning")


def test_the_abstract_in_the_sources_marks_every_used_sentence(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    source = chat.page.locator("#sources .source").first
    source.get_by_role("button", name="Show abstract").click()

    expect(source.locator(".abstract")).to_have_text(BY_ID["sparse"]["abstract"])
    expect(source.locator(".abstract mark")).to_have_count(2)


def test_every_chip_opens_its_paper_and_the_marked_text_is_the_stored_sentence(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    opened = []
    for chip in turn.locator(".chip").all():
        chip.click()
        card = chat.page.locator(".card")
        opened.append((card.locator("h2").inner_text(), card.locator("mark").first.inner_text()))
        chat.page.keyboard.press("Escape")

    assert opened == [
        (BY_ID[key]["title"], BY_ID[key]["sentences"][n]["text"])
        for key, n in (("sparse", 1), ("sparse", 2), ("scaling", 2), ("probe", 1))
    ]


def test_astral_characters_do_not_move_the_mark(chat: Chat) -> None:
    turn = chat.ask("astral characters?")
    turn.locator(".chip").click()
    chat.page.locator(".card").get_by_role("button", name="Show abstract").click()
    marks = chat.page.locator(".card mark")

    expect(marks).to_have_text([BY_ID["astral"]["sentences"][1]["text"]] * 2)


def test_the_card_shows_the_neighbours_of_the_sentence(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.locator(".chip").nth(2).click()
    sentences = [s["text"] for s in BY_ID["scaling"]["sentences"]]

    expect(chat.page.locator(".card .quote")).to_have_text(" ".join(sentences[1:4]))


def test_the_card_links_to_the_paper_and_says_the_verdict_in_words(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.locator(".chip").first.click()
    card = chat.page.locator(".card")

    expect(card.locator("h2 a")).to_have_attribute("href", BY_ID["sparse"]["url"])
    expect(card.locator(".verdict")).to_have_text("The source says this")
    expect(card.get_by_role("link", name="Open paper")).to_have_attribute("href", "/p/sparse#s2")


def test_a_pointer_that_rests_on_a_chip_opens_the_card_and_leaving_closes_it(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.locator(".chip").first.hover()

    expect(chat.page.locator(".card")).to_be_visible()
    chat.page.mouse.move(5, 700)
    expect(chat.page.locator(".card")).to_be_hidden()


def test_all_chips_of_a_source_light_up_together(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.locator(".chip").first.hover()

    expect(turn.locator(".chip.lit")).to_have_count(2)
    expect(turn.locator(".claim.lit").first).to_contain_text("Sparse autoencoders trained")
    expect(chat.page.locator("#sources .source.lit")).to_have_count(1)


def test_a_number_in_the_sources_leads_to_its_chip(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    chat.page.locator("#sources .number").nth(2).click()

    expect(turn.locator(".chip").nth(3)).to_be_focused()


def test_sentences_that_fail_the_check_are_marked_and_say_why(chat: Chat) -> None:
    turn = chat.ask("mixed verdicts?")

    expect(turn.locator(".flag")).to_have_text(
        ["differs from its source", "loosely supported", "no source"]
    )
    expect(turn.locator(".trust")).to_contain_text("Not one of 2 sentences")
    expect(turn.locator(".claim-altered").first).to_have_css("text-decoration-style", "dashed")
    turn.locator(".flag").first.click()
    expect(chat.page.locator(".card")).to_contain_text("78 % is not in the source")


def test_a_partial_answer_says_what_is_missing(chat: Chat) -> None:
    turn = chat.ask("partial?")

    expect(turn.locator(".notes")).to_have_text(
        "The abstracts do not say how large the models were."
    )


def test_an_answer_after_the_model_failed_carries_the_note(chat: Chat) -> None:
    turn = chat.ask("provider?")

    expect(turn.locator(".notes")).to_contain_text("The language model did not answer")


def test_what_is_not_in_the_library_gets_the_nearest_papers_and_other_questions(chat: Chat) -> None:
    turn = chat.ask("nothing?")

    expect(turn.locator(".nearest .source")).to_have_count(3)
    turn.locator(".followups .example").first.click()
    expect(chat.page.locator(".turn h2").last).to_have_text("What do sparse codes name?")


def test_nearby_papers_are_listed_without_an_answer(chat: Chat) -> None:
    turn = chat.ask("nearby?")

    expect(turn.locator(".answer")).to_contain_text("The papers nearest to it are below.")
    expect(turn.locator(".nearest .source")).to_have_count(3)
    expect(turn.locator(".trust")).to_have_count(0)


def test_the_search_behind_a_follow_up_is_shown_and_can_be_edited(chat: Chat) -> None:
    turn = chat.ask("rewritten?")

    expect(turn.locator(".searched q")).to_have_text(
        "dead features in sparse dictionaries for images"
    )
    turn.get_by_role("button", name="Edit the search").click()
    expect(chat.page.locator("#question")).to_have_value(
        "dead features in sparse dictionaries for images"
    )


def test_what_was_read_as_a_filter_is_shown_and_can_be_taken_back(chat: Chat) -> None:
    turn = chat.ask("what names features since 2022?")

    expect(turn.locator(".searched q")).to_have_text("years 2022-")
    turn.get_by_role("button", name="Ask without it").click()
    expect(chat.page.locator(".turn[data-state=done]")).to_have_count(2)
    assert chat.stub.asked[-1]["is_literal"] is True


def test_a_thorough_answer_is_asked_for_until_the_button_is_pressed_again(chat: Chat) -> None:
    button = chat.page.get_by_role("button", name="Thorough")
    chat.open()
    button.click()
    chat.ask("What do sparse codes name?")
    chat.open()

    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    chat.ask("What do sparse codes name?")
    assert [body["depth"] for body in chat.stub.asked] == ["thorough", "fast"]


def test_an_answer_that_begins_anew_takes_back_what_was_written(chat: Chat) -> None:
    turn = chat.ask("what restarts?", until="searching")

    expect(chat.page.locator("#status")).to_have_text("The model gave up.")
    expect(turn.locator(".answer")).to_be_empty()
    chat.stub.gates.add("go")
    expect(turn).to_have_attribute("data-state", "done")
    expect(turn.locator(".answer")).not_to_contain_text("Thrown away")


def test_an_error_keeps_the_question_and_what_was_written_and_can_be_tried_again(
    chat: Chat,
) -> None:
    turn = chat.ask("failing?", until="error")

    expect(turn.get_by_role("alert")).to_contain_text("The index is being replaced.")
    expect(turn.locator(".answer")).to_contain_text("Sparse Codes Name")
    expect(chat.page.locator("#question")).to_have_value("failing?")
    turn.get_by_role("button", name="Try again").click()
    expect(chat.page.locator(".turn")).to_have_count(1)
    expect(chat.page.locator(".turn")).to_have_attribute("data-state", "error")


def test_too_many_questions_count_down_to_the_next_try(chat: Chat) -> None:
    chat.page.clock.install()
    chat.open()
    chat.stub.refuse = too_many(12)
    turn = chat.ask("What do sparse codes name?", until="error")
    again = turn.get_by_role("button", name="Try again")

    expect(again).to_have_text(re.compile(r"Try again in 1[12] s"))
    expect(again).to_be_disabled()
    chat.page.clock.run_for(13_000)
    expect(again).to_be_enabled()
    again.click()
    expect(chat.page.locator(".turn")).to_have_attribute("data-state", "done")


def test_offline_the_page_stays_readable_and_the_question_is_kept(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    chat.context.set_offline(True)
    chat.page.locator("#question").fill("and then?")
    chat.page.locator("#question").press("Enter")

    expect(chat.page.locator("#banner")).to_contain_text("You are offline")
    expect(chat.page.locator("#question")).to_have_value("and then?")
    expect(chat.page.locator(".turn")).to_have_count(1)
    expect(chat.page.locator(".turn .chip")).to_have_count(4)
    chat.context.set_offline(False)
    expect(chat.page.locator("#banner")).to_be_hidden()


def test_over_a_slow_network_the_answer_comes_whole(chat: Chat) -> None:
    slow = {
        "offline": False,
        "latency": 300,
        "downloadThroughput": 50_000,
        "uploadThroughput": 20_000,
    }
    chat.context.new_cdp_session(chat.page).send("Network.emulateNetworkConditions", slow)

    expect(chat.ask("What do sparse codes name?").locator(".chip")).to_have_count(4)


def test_a_cut_connection_is_taken_up_where_it_broke(chat: Chat) -> None:
    whole = chat.ask("What do sparse codes name?").locator(".answer").inner_text()
    turn = chat.ask("what was cut?")

    expect(turn.locator(".answer")).to_have_text(whole.replace("\n", ""), use_inner_text=False)


def test_an_answer_that_the_server_lost_is_said_to_be_lost(chat: Chat) -> None:
    turn = chat.ask("what was lost?", until="error")

    expect(turn.get_by_role("alert")).to_contain_text("The answer was cut off")
    expect(turn.get_by_role("alert")).to_contain_text("What stands above is not complete.")


def test_stop_ends_the_servers_work_and_keeps_what_was_written(chat: Chat) -> None:
    turn = chat.ask("what holds?", until="streaming")
    run = next(iter(chat.stub.runs.values()))
    with chat.page.expect_response(lambda response: response.request.method == "DELETE"):
        chat.page.locator("#stop").click()

    expect(turn).to_have_attribute("data-state", "stopped")
    expect(turn.locator(".stopped")).to_contain_text("not complete")
    assert run.is_closed.wait(0.3)
    assert run.scene[-1][0] == "error"


def test_reload_while_an_answer_streams_loses_nothing(chat: Chat) -> None:
    chat.ask("what holds?", until="streaming")
    chat.page.reload()
    chat.stub.gates.add("go")

    expect(chat.page.locator(".turn[data-state=done] .chip")).to_have_text(["1", "1", "2", "3"])


def test_reload_keeps_the_conversation_and_back_returns_to_the_one_before(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    first = chat.page.url
    chat.page.get_by_role("button", name="New question").click()
    chat.ask("nothing?")
    chat.page.reload()

    expect(chat.page.locator(".turn h2")).to_have_text("nothing?")
    chat.page.go_back()
    expect(chat.page).to_have_url(first)
    expect(chat.page.locator(".turn h2")).to_have_text("What do sparse codes name?")


def test_a_conversation_can_be_renamed_and_deleted(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    row = chat.page.locator(".conversation")
    row.get_by_role("button").click()
    chat.page.get_by_role("menuitem", name="Rename").click()
    chat.page.get_by_label("Title").fill("Sparse")
    chat.page.get_by_label("Title").press("Enter")

    expect(row.get_by_role("link")).to_have_text("Sparse")
    row.get_by_role("button").click()
    chat.page.get_by_role("menuitem", name="Delete").click()
    chat.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(chat.page.locator(".turn")).to_have_count(0)
    assert chat.stub.conversations == {}


def test_conversations_can_be_searched(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    chat.page.get_by_role("button", name="New question").click()
    chat.ask("nothing?")
    chat.page.locator("#history-search").fill("sparse")

    expect(chat.page.locator(".conversation")).to_have_text(["What do sparse codes name?"])


def test_another_tab_hears_of_a_new_conversation(chat: Chat) -> None:
    other = chat.tab()
    other.open()
    chat.ask("What do sparse codes name?")

    expect(other.page.locator(".conversation")).to_have_count(1)


def test_filters_are_sent_and_shown_as_chips_that_can_be_removed(chat: Chat) -> None:
    page = chat.open()
    page.locator("#filters-open").click()
    page.get_by_role("spinbutton", name="From").fill("2020")
    page.get_by_label("arXiv").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".filter-chip")).to_have_text(["Since 2020", "arXiv"])
    page.get_by_role("button", name="Remove filter: Since 2020").click()
    chat.ask("What do sparse codes name?")

    assert chat.stub.asked[0]["filters"] == {"venues": ["arXiv"]}


def test_ticks_in_the_sources_narrow_the_next_question(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    chat.page.locator("#sources .source input").first.check()
    chat.ask("and then?")

    assert chat.stub.asked[1]["filters"] == {"papers": ["sparse"]}


def test_a_question_of_a_conversation_says_which(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    chat.ask("and then?")
    (conversation,) = chat.stub.conversations

    assert [body.get("conversation_id") for body in chat.stub.asked] == [None, conversation]


def test_feedback_reaches_the_server_with_its_reason(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.get_by_role("button", name="Not helpful").click()
    turn.get_by_role("button", name="Something is missing").click()
    expect(turn.locator(".feedback")).to_contain_text("Thank you")

    assert [(one["helpful"], one.get("reason")) for one in chat.stub.feedback] == [
        (False, None),
        (False, "Something is missing"),
    ]


def test_an_answer_can_be_copied_as_text_markdown_and_bibtex(chat: Chat) -> None:
    chat.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = chat.ask("What do sparse codes name?")
    copied = {}
    for name in ("Copy as text", "Copy as Markdown", "Copy references as BibTeX"):
        turn.get_by_role("button", name=re.compile("^(Export|Copied)$")).click()
        chat.page.get_by_role("menuitem", name=name).click()
        copied[name] = chat.page.evaluate("navigator.clipboard.readText()")

    assert (
        "[2] Tanaka, M. (2024). Dictionaries of a Million Features. arXiv."
        in copied["Copy as text"]
    )
    assert (
        "[^1]: Lind, A. M., van Dijk, J., Ferreira, I., & Mensah, K." in copied["Copy as Markdown"]
    )
    assert "@misc{tanaka2024dictionaries," in copied["Copy references as BibTeX"]


def test_the_references_of_an_answer_can_be_saved(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.get_by_role("button", name="Export").click()
    with chat.page.expect_download() as saved:
        chat.page.get_by_role("menuitem", name="Save references as RIS").click()

    assert saved.value.suggested_filename == "answer.ris"


def test_how_an_answer_was_made_is_shown_on_request(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.get_by_role("button", name="How this was made").click()

    expect(turn.locator(".made")).to_contain_text("stub-model")
    expect(turn.locator(".made")).to_contain_text("1812 in, 143 out")


def test_markdown_becomes_elements_and_headings_stand_below_the_question(chat: Chat) -> None:
    answer = chat.ask("markdown?").locator(".answer")

    assert answer.evaluate("node => [...node.children].map((child) => child.localName)") == (
        "h3 p ul h4 div ol blockquote pre p".split()
    )
    expect(answer.locator("p").last).to_have_text("ell_p and a*b*c stay; [0, 1] too.")
    expect(answer.locator("td .chip")).to_have_text(["1", "2"])


def test_the_page_follows_the_answer_but_keeps_the_question_in_sight(chat: Chat) -> None:
    turn = chat.ask("long?")

    expect(turn.locator("h2")).to_be_in_viewport()
    chat.page.locator("#jump").click()
    expect(turn.locator(".turn-footer")).to_be_in_viewport()
    expect(chat.page.locator("#jump")).to_be_hidden()


def test_a_long_answer_costs_less_than_a_second_of_long_tasks(chat: Chat) -> None:
    chat.open()
    chat.page.evaluate(
        "() => { window.long = 0; new PerformanceObserver((list) => {"
        " for (const task of list.getEntries()) window.long += task.duration;"
        " }).observe({type: 'longtask'}); }"
    )
    turn = chat.ask("long?")
    expect(turn.locator(".chip")).to_have_count(60)

    assert chat.page.evaluate("window.long") < 1000


def test_nothing_moves_while_the_answer_streams(chat: Chat) -> None:
    chat.open()
    chat.page.evaluate(
        "() => { window.shift = 0; new PerformanceObserver((list) => {"
        " for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;"
        " }).observe({type: 'layout-shift'}); }"
    )
    chat.stub.pace_s = 0.004
    chat.ask("What do sparse codes name?")

    assert chat.page.evaluate("window.shift") < 0.02


def test_two_readers_have_separate_histories(chat: Chat) -> None:
    chat.ask("What do sparse codes name?")
    browser = chat.context.browser
    assert browser is not None
    other = browser.new_context()
    page = other.new_page()
    page.goto(chat.server.url)

    expect(page.locator(".history-note")).to_have_text("Your questions will be kept here.")
    other.close()


def test_the_theme_is_chosen_and_kept(chat: Chat) -> None:
    page = chat.open()
    page.locator("#theme").click()
    page.locator("#theme").click()
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#theme")).to_have_accessible_name("Theme: dark")


def test_a_source_can_be_called_wrong(chat: Chat) -> None:
    turn = chat.ask("What do sparse codes name?")
    turn.locator(".chip").nth(2).click()
    chat.page.get_by_role("button", name="Wrong source").click()
    expect(chat.page.get_by_role("button", name="Noted")).to_be_visible()

    assert [(one["helpful"], one["n"]) for one in chat.stub.feedback] == [(False, 2)]


def test_without_cookies_the_page_works_and_says_that_nothing_is_kept(chat: Chat) -> None:
    chat.page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'cookieEnabled', {get: () => false})"
    )
    chat.ask("What do sparse codes name?")
    chat.ask("and then?")

    expect(chat.page.locator(".history-note")).to_contain_text("Cookies are off")
    assert [(body["remember"], "conversation_id" in body) for body in chat.stub.asked] == [
        (False, False)
    ] * 2


def test_the_first_word_is_painted_in_the_next_frame(chat: Chat) -> None:
    chat.open()
    chat.page.evaluate(
        "() => { const read = ReadableStreamDefaultReader.prototype.read;"
        " const decoder = new TextDecoder(); window.frames_ = 0;"
        " const tick = () => { window.frames_ += 1; requestAnimationFrame(tick); };"
        " ReadableStreamDefaultReader.prototype.read = async function () {"
        "   const got = await read.call(this);"
        "   if (got.value && !window.came && decoder.decode(got.value).includes('event: delta')) {"
        "     window.came = true; requestAnimationFrame(tick); }"
        "   return got; };"
        " new MutationObserver(() => {"
        "   if (document.querySelector('.answer p')) window.seen ??= window.frames_; })"
        " .observe(document.getElementById('turns'), {childList: true, subtree: true}); }"
    )
    chat.ask("what holds?", until="streaming")
    expect(chat.page.locator(".answer p")).to_be_visible()

    assert chat.page.evaluate("window.came && window.seen <= 1")
