"""Opposites exclude each other, and a denial reaches the next words of its clause."""

import pytest

from service.opposites import axes, denied, relation
from service.wording import stem, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("increases", "reduced"),
        ("outperforms", "underperforms"),
        ("effective", "ineffective"),
        ("normal", "abnormal"),
        ("mice", "rats"),
        ("before", "after"),
        ("increased", "unchanged"),
    ],
)
def test_opposites_exclude_each_other_both_ways(one: str, other: str) -> None:
    assert relation(stem(one), stem(other)) is relation(stem(other), stem(one)) is False


@pytest.mark.parametrize(
    ("one", "other"), [("increases", "rising"), ("reduced", "lower"), ("improves", "enhanced")]
)
def test_words_of_one_side_say_the_same(one: str, other: str) -> None:
    assert relation(stem(one), stem(other)) is True


def test_other_words_are_not_related() -> None:
    assert relation(stem("attention"), stem("memory")) is None


def test_no_stem_stands_on_two_sides_of_an_axis() -> None:
    doubles = {
        word for word, sides in axes().items() if len({axis for axis, _ in sides}) < len(sides)
    }

    assert doubles == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It does not improve recall, but precision.", {"improve", "recall"}),
        ("It was not found that attention helps.", {"found", "attention", "helps"}),
        ("It is not only fast but small.", set()),
        ("It isn't unable to learn.", {"unable"}),
    ],
)
def test_a_denial_reaches_the_next_words_of_its_clause(text: str, expected: set[str]) -> None:
    words = words_of(text)

    assert {words[i].text for i in denied(words)} == expected
