"""What a question is read as: the words to search for, and the filters it names."""

import numpy as np
import pytest

from service.filters import Facets, Filters
from service.operators import read, stripped

FACETS = Facets(
    venues={"neurips": np.array([0, 2])},
    categories={"cs": np.array([0])},
    name_parts={"vaswani": np.array([0]), "ashish": np.array([0]), "muller": np.array([1])},
    authors=[("Ashish Vaswani", "Noam Shazeer"), ("Jörg Müller",), ()],
)


def facets() -> Facets:
    return FACETS


@pytest.mark.parametrize(
    ("question", "text", "filters"),
    [
        ("late interaction since 2022", "late interaction", Filters(year_from=2022)),
        ("Papers on pruning after 2019?", "pruning", Filters(year_from=2020)),
        ("pruning before 2015", "pruning", Filters(year_to=2014)),
        (
            "studies of pruning between 2018 and 2020",
            "pruning",
            Filters(year_from=2018, year_to=2020),
        ),
        ("attention by Vaswani", "attention", Filters(authors=("Vaswani",))),
        ("sparse coding in NeurIPS", "sparse coding", Filters(venues=("NeurIPS",))),
        ("sparse coding by Nobody", "sparse coding by Nobody", Filters()),
        ("Mortality has fallen since 1990.", "Mortality has fallen since 1990.", Filters()),
    ],
)
def test_filters_are_read_out_of_a_question(question: str, text: str, filters: Filters) -> None:
    asked = read(question, facets)

    assert (asked.text.rstrip("."), asked.filters) == (text.rstrip("."), filters)


def test_a_quoted_phrase_filters_and_is_searched_for() -> None:
    asked = read('Who uses "late interaction" today?', facets)

    assert asked.filters == Filters(phrases=("late interaction",))
    assert "late interaction" in asked.text


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("Are there any papers that explore sparse coding?", "sparse coding"),
        ("Could you recommend research on sparse coding?", "sparse coding"),
        ("What is sparse coding?", "What is sparse coding"),
        ("studies", "studies"),
    ],
)
def test_the_asking_is_left_out(question: str, left: str) -> None:
    assert stripped(question) == left


def test_an_author_is_found_by_part_initial_and_without_accents() -> None:
    found = [FACETS.by_author(n).tolist() for n in ("Vaswani", "A. Vaswani", "Muller", "B. Muller")]

    assert found == [[0], [0], [1], []]
