"""What stands under an answer: its papers, their sentences, and buttons, within Slack's limits."""

import re
from dataclasses import replace
from typing import Any

import pytest

from service.slack.blocks import MAX_PAPERS, answer_blocks
from service.slack.home import About, home_view, reason_form, rules_form, suggested_prompts
from service.slack.preview import reply_of
from service.slack.validation import check_blocks
from tests.fakes.assistant import answer, citation, paper

LONG = "A sentence that goes on. " * 200


def texts(blocks: list[dict[str, Any]]) -> list[str]:
    return [e["text"] for b in blocks if b["type"] == "context" for e in b["elements"]]


def test_every_cited_paper_stands_there_with_its_sentence() -> None:
    blocks = answer_blocks(answer(citations=(citation(1, "So it is."),)), page=None)

    assert texts(blocks)[0] == (
        "[1] <https://doi.org/10.1/1|Paper number 1> · Ada Lovelace, Alan Turing · 2001\n"
        "“So it is.”"
    )


def test_numbers_links_and_papers_agree() -> None:
    cited = tuple(citation(n) for n in range(1, 7))
    shown = texts(answer_blocks(answer(citations=cited), page=None))[: len(cited)]

    assert [re.match(r"\[(\d)\] <([^|]+)", text).groups() for text in shown] == [  # type: ignore[union-attr]
        (str(c.n), c.paper.url) for c in cited
    ]


def test_at_most_eight_papers_stand_there_and_the_page_has_the_rest() -> None:
    cited = tuple(citation(n) for n in range(1, 21))
    blocks = answer_blocks(answer(citations=cited), page="https://papers.example/a/1")

    assert sum(text.startswith("[") for text in texts(blocks)) == MAX_PAPERS
    assert texts(blocks)[-1] == "<https://papers.example/a/1|All sources>"


def test_the_longest_answer_is_within_all_limits() -> None:
    cited = tuple(
        citation(n, LONG, "T" * 5_000, "https://x.example/" + "y" * 200) for n in range(20)
    )
    also = tuple(paper(n, "Q" * 5_000) for n in range(9))
    made = answer(LONG, citations=cited, also=also, notes=(LONG,) * 9)

    check_blocks(answer_blocks(made, page="https://papers.example/a/1", asker="U1"))
    assert len(answer_blocks(made, page=None)) <= 50


@pytest.mark.parametrize(
    "title",
    ["<!channel>", "<@U1> & <#C1>", "a|b>c<d", "x\n*bold* <https://evil.example|y>", "“</script>"],
)
def test_a_hostile_title_is_data(title: str) -> None:
    blocks = answer_blocks(answer(citations=(citation(1, title, title),)), page=None)
    text = texts(blocks)[0]

    assert re.findall(r"<[^>]*>", text)[0].startswith("<https://doi.org/10.1/1|")
    assert len(re.findall("<", text)) == 1


def test_it_says_whether_a_model_wrote_it() -> None:
    extracted = texts(answer_blocks(answer(), page=None))[-1]
    written = texts(answer_blocks(answer(engine="gpt-x"), page=None))[-1]

    assert "No model wrote this" in extracted
    assert "Written by the model gpt-x" in written


@pytest.mark.parametrize("state", ["nearby", "not_in_library"])
def test_where_nothing_answers_the_nearest_papers_stand(state: Any) -> None:
    made = answer("Not here.", citations=(), state=state, also=(paper(1), paper(2)))
    sections = [b for b in answer_blocks(made, page=None) if b["type"] == "section"]

    assert sections[0]["text"]["text"].count("<https://doi.org") == 2


def test_only_the_asker_sees_the_bin() -> None:
    (opinion,) = [
        b for b in answer_blocks(answer(), page=None, asker="U7") if b["type"] == "context_actions"
    ]

    assert opinion["elements"][1]["visible_to_user_ids"] == ["U7"]


def test_a_private_answer_can_be_posted() -> None:
    blocks = answer_blocks(answer(), page=None, is_private=True)

    assert blocks[-1]["elements"][0]["text"]["text"] == "Post to channel"


def test_at_most_three_suggestions_can_be_asked_by_a_button() -> None:
    made = replace(answer(), suggestions=tuple(f"What does “Paper {n}” find?" for n in range(5)))

    asked = [e["value"] for e in answer_blocks(made, page=None)[-1]["elements"]]
    assert asked == list(made.suggestions[:3])


def test_the_preview_is_what_slack_would_get() -> None:
    made = answer("x" * 20_000)
    replies = reply_of(made, page=None)

    assert "".join(r["markdown_text"] for r in replies) == made.text
    assert ["blocks" in r for r in replies] == [False, False, True]


def test_the_home_and_the_forms_are_within_limits() -> None:
    views = [
        home_view(About(349, "gpt", "https://papers.example"), may_set_rules=True),
        rules_form(),
        reason_form("a1"),
    ]

    for view in views:
        check_blocks(view["blocks"])
    assert all(len(v["title"]["text"]) <= 24 for v in views if "title" in v)
    assert len(suggested_prompts(["a"] * 9)) == 4
