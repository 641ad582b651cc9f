import re

import pytest

import prompts

NAMES = ("answer", "question", "passage", "history", "rewrite")


@pytest.mark.parametrize("name", NAMES)
def test_every_slot_is_filled(name: str) -> None:
    slots = set(re.findall(r"\{\{(\w+)\}\}", prompts.template_of(name)))
    filled = prompts.render(name, **dict.fromkeys(slots, "value"))

    assert "{{" not in filled


def test_a_missing_or_surplus_value_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"missing \['facts'.*surplus \['colour'\]"):
        prompts.render("passage", fence="f", key="1", title="T", colour="red")


def test_slots_inside_a_value_stay_text() -> None:
    filled = prompts.render("history", turns="{{question}}")

    assert "{{question}}" in filled


def test_the_rules_of_answering_are_the_same_for_every_question() -> None:
    assert "{{" not in prompts.template_of("answer")


def test_the_version_changes_with_the_templates_it_names() -> None:
    versions = {prompts.version("answer"), prompts.version("question"), prompts.version(*NAMES)}

    assert len(versions) == 3
    assert all(re.fullmatch("[0-9a-f]{12}", version) for version in versions)
