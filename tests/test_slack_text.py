"""Text for Slack: nothing in it acts, and messages are cut where readers would."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.slack.text import MESSAGE_BYTES, fitting, inert, link, messages, unfinished

HOSTILE = [
    "<!channel> read",
    "<!here>",
    "<!subteam^S123>",
    "<@U123>",
    "<#C123|general>",
    "[click](https://evil.example)",
    "[1]: https://evil.example",
    "[1]: evil.example",
    "![x](https://evil.example/x.png)",
    "https://evil.example",
    "<https://evil.example|click>",
    "<mailto:a@evil.example|x>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_active_is_left(text: str) -> None:
    made = inert(text)

    assert not any(a in made for a in ("<!", "<@", "<#", "](", "]:", "://", "<mailto:"))
    assert made.replace("\u200b", "") == text


def test_an_ordinary_answer_is_not_changed() -> None:
    text = "**BM25** weighs terms [1][2]; p < 0.05 & x > 3 (see [3]).\n\n- 項目 😀 [4]"

    assert inert(text) == text


@given(st.text(alphabet="<!@#[]():/ab mailto"), st.integers(1, 8))
@example("<mailto:", 1)  # its end may begin another one, "://"
@example("<tel:a", 1)
def test_text_made_inert_in_pieces_is_inert(text: str, size: int) -> None:
    made, pending = "", ""
    for at in range(0, len(text), size):
        pending += text[at : at + size]
        ready = len(pending) - unfinished(pending)
        made, pending = made + inert(pending[:ready]), pending[ready:]

    assert made + inert(pending) == inert(text)


@pytest.mark.parametrize("unit", ["word ", "漢字かな。", "👩🏽‍🔬🇵🇹é", "x", "line\n\n"])
@pytest.mark.parametrize("size", [100, 9_000, 40_000])
def test_messages_are_the_text_and_none_is_too_long(unit: str, size: int) -> None:
    text = (unit * size)[:size]
    parts = messages(text)

    assert "".join(parts) == text
    assert max(len(part.encode()) for part in parts) <= MESSAGE_BYTES


def test_a_message_ends_with_a_paragraph_if_it_can() -> None:
    text = "a" * 6_000 + "\n\n" + "b" * 6_000

    assert messages(text)[0] == "a" * 6_000 + "\n\n"


def test_a_joined_emoji_stays_whole() -> None:
    scientist = "👩🏽‍🔬"
    room = len(("x" + scientist).encode()) - 1

    assert fitting("x" + scientist + "y", room, is_first=True) == 1


def test_a_word_that_does_not_fit_goes_into_the_next_message() -> None:
    assert fitting("longword", 3, is_first=False) == 0


@pytest.mark.parametrize(
    ("url", "title", "made"),
    [
        ("https://doi.org/10.1/x", "A & B <c>", "<https://doi.org/10.1/x|A &amp; B &lt;c&gt;>"),
        ("https://x.example/a|b>c", "t|u", "<https://x.example/a%7Cb%3Ec|t¦u>"),
        ("javascript:alert(1)", "title", "title"),
        ("data:text/html,x", "title", "title"),
        (None, "a\nb", "a b"),
    ],
)
def test_a_link_is_of_the_web_and_its_label_is_data(url: str, title: str, made: str) -> None:
    assert link(url, title) == made
