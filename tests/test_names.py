"""Names that a source does not have are foreign, however they are written."""

import pytest

from service.names import foreign_name, names_in
from service.statements import Source, Statement

SENTENCES = ("We train BERT-based large language models on U.S. patents.", "GPT-4 is weaker.")
SOURCE = Source([Statement(s) for s in SENTENCES], (0, 1), "Patents. Ada Lovelace. 2023", {})


@pytest.mark.parametrize(
    "sentence",
    [
        "Such LLMs read patents from the US.",
        "In 2023, Lovelace et al. used BERT.",
        "GPT4 is weaker than BERTs.",
        "Findings: Large Language Models read patents.",
        "Transformers read patents.",
        "Limitations. Small samples.",
    ],
)
def test_known_names_and_words_at_a_start_are_not_foreign(sentence: str) -> None:
    assert foreign_name(Statement(sentence), SOURCE) is None


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("They train T5 on patents.", "T5"),
        ("They train on Japanese patents.", "Japanese"),
        ("RNNs are weaker.", "RNNs"),
        ("GPT-3 is weaker.", "GPT-3"),
    ],
)
def test_a_name_that_the_source_lacks_is_foreign(sentence: str, name: str) -> None:
    assert foreign_name(Statement(sentence), SOURCE) == f"“{name}” is not in the source"


def test_letters_that_begin_words_by_chance_are_foreign_in_a_names_place() -> None:
    source = Statement("Mice with a CD2 promoter build tumors and others do not at once.")
    said = Statement("Mice with an AO promoter build tumors.")

    assert foreign_name(said, Source([source], (0,), "", {})) == "“AO” is not in the source"


def test_numbers_with_units_are_no_names() -> None:
    assert list(names_in(Statement("it needs 12 GB and 7B parameters"))) == []
