"""Numbers are read with their units, however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.quantities import Quantity, agrees, follows, quantities_of


def only(text: str) -> Quantity:
    (quantity,) = quantities_of(text)
    return quantity


SAME = [
    ("12.4 %", "12.4 percent"),
    ("12.4 per cent", "12.4%"),
    ("1,000 papers", "1000 papers"),
    ("1e3 steps", "10^3 steps"),
    ("3 × 10^5 cells", "300,000 cells"),
    ("7B parameters", "7 billion parameters"),
    ("two-fold", "twofold"),
    ("2x faster", "doubled"),
    ("10 ms", "10 milliseconds"),
    ("24 h", "1 day"),
    ("2 years", "24 months"),
    ("twenty-one mice", "21 mice"),
    ("0.71 accuracy", "71% accuracy"),
    ("half of them", "50% of them"),
    ("about 13 %", "12.4 %"),
    ("over 90 papers", "93 papers"),
]


@pytest.mark.parametrize(("said", "source"), SAME)
def test_two_forms_of_a_number_agree(said: str, source: str) -> None:
    assert agrees(only(said), only(source))


OTHER = [
    ("12.4 %", "14.2 %"),
    ("13 %", "12.4 %"),
    ("12 mg", "12 g"),
    ("12 %", "12-fold"),
    ("5 hours", "5 days"),
    ("7 million", "7 billion"),
    ("about 20", "12"),
    ("over 93 papers", "90 papers"),
]


@pytest.mark.parametrize(("said", "source"), OTHER)
def test_different_numbers_do_not_agree(said: str, source: str) -> None:
    assert not agrees(only(said), only(source))


@pytest.mark.parametrize("name", ["GPT-4", "p53", "IL-6", "2D", "ResNet-50", "one of them", "3rd"])
def test_digits_in_names_and_pronouns_are_no_numbers(name: str) -> None:
    assert quantities_of(name) == ()


def test_a_difference_of_two_numbers_follows_from_them() -> None:
    assert follows(only("4 points"), only("75%"), only("71%"))


@given(st.text())
def test_any_text_can_be_read_and_numbers_are_quoted_from_it(text: str) -> None:
    assert all(text[q.start :].startswith(q.text) for q in quantities_of(text))
