from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.thinking import ThinkFilter


def shown(*deltas: str, is_thinking: bool = False) -> str:
    filter_ = ThinkFilter(is_thinking=is_thinking)
    return "".join(map(filter_.feed, deltas)) + filter_.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>So [1]?\n\nHm.</think>\n\nIt works [1].", "It works [1]."),
        ("<THINKING>So?</THINKING>It works.", "It works."),
        ("<think>\n\n</think>\n\nIt works.", "It works."),
        ("It works.\n<think>More?</think>\nYes.", "It works.\nYes."),
        ("It <think>hm</think>works.", "It works."),
        ("<think>never ends", ""),
        ("<think>never ends</thi", ""),
    ],
)
def test_think_blocks_are_dropped(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a < b and <b>bold</b> and a <thi",
        "models write <think> before they think",
        "models wrap it in `<think>` and `</think>` tags",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert shown(text) == text


def test_a_stream_that_starts_inside_a_block_gives_what_follows() -> None:
    assert shown("So?</think>\n\nIt works.", is_thinking=True) == "It works."


def test_an_end_without_a_beginning_is_reported() -> None:
    filter_ = ThinkFilter()
    filter_.feed("So?\n</think>\n\nIt works.")

    assert filter_.has_stray_end


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<", "think", ">", "`", "\n", " ", "a", "</thou"]),
        max_size=20,
    ).map("".join),
    st.data(),
)
def test_the_borders_of_deltas_do_not_matter(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    borders = [0, *cuts, len(text)]

    assert shown(*(text[a:b] for a, b in pairwise(borders))) == shown(text)
