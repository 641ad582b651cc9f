"""The App Home, its forms, and the questions suggested in the Messages tab."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.errors import InvalidInput
from service.slack.blocks import Block, section
from service.slack.manifest import COMMAND
from service.slack.rules import Rule, rule_from
from service.slack.text import escaped, shortened, web_address

RULES = "citelight_rules"
OPEN_PAGE = "citelight_open_page"
RULES_FORM = "citelight_rules_form"
REASON_FORM = "citelight_reason_form"
REASONS = {
    "wrong": "The answer is wrong",
    "unsupported": "A sentence quoted does not support it",
    "missing": "A paper that matters is missing",
    "off": "It answers another question",
    "other": "Something else",
}
EXAMPLES = (
    "How do dense and lexical retrieval differ?",
    "Which methods make attention cheaper, and at what cost?",
    "What is known about the calibration of language models?",
)
_FLAGS = {
    "mention_only": "Answer in threads only when mentioned",
    "is_private": "Show answers to the asker first",
}


@dataclass(frozen=True, slots=True)
class About:
    """What the App Home says of the library."""

    n_papers: int
    model: str
    page: str
    examples: tuple[str, ...] = EXAMPLES


def home_view(about: About, *, may_set_rules: bool) -> dict[str, Any]:
    """The App Home for `views.publish`."""
    engine = f"the model {escaped(about.model)}" if about.model else "quoting, without a model"
    asking = (
        f"Write to me in the *Messages* tab, mention me in a channel, or use `{COMMAND}`. "
        "Under every answer stand the papers it cites, each with the sentence that supports it."
    )
    examples = "\n".join(f"• {escaped(question)}" for question in about.examples[:3])
    kept = (
        "Your questions, the answers and your opinion of them are kept for a limited time, so "
        "that a thread can go on; *Delete* under an answer removes it, uninstalling the app "
        "removes everything."
    )
    blocks: list[Block] = [
        {"type": "header", "text": _plain("Ask the paper library")},
        section(asking),
        section(f"*For example*\n{examples}"),
        {"type": "divider"},
        section(f"*The library* holds {about.n_papers:,} abstracts; answers come from {engine}."),
        section(f"*What is stored* {kept}"),
    ]
    if buttons := _home_buttons(about, may_set_rules):
        blocks.append({"type": "actions", "elements": buttons})
    return {"type": "home", "blocks": blocks}


def _home_buttons(about: About, may_set_rules: bool) -> list[dict[str, Any]]:
    buttons = []
    if address := web_address(about.page):
        page = {"type": "button", "action_id": OPEN_PAGE, "text": _plain("Open the web page")}
        buttons.append(page | {"url": address})
    if may_set_rules:
        button = {"type": "button", "action_id": RULES, "text": _plain("Rules for a channel")}
        buttons.append(button)
    return buttons


def suggested_prompts(examples: Sequence[str]) -> list[dict[str, str]]:
    """At most four prompts for `assistant.threads.setSuggestedPrompts`."""
    return [{"title": shortened(e, 60), "message": e} for e in examples[:4]]


def rules_form() -> dict[str, Any]:
    """The form that sets the rule of a channel."""
    channel = {
        "type": "conversations_select",
        "action_id": "value",
        "filter": {"include": ["public", "private", "mpim"]},
    }
    flags = {
        "type": "checkboxes",
        "action_id": "value",
        "options": [{"text": _plain(text), "value": name} for name, text in _FLAGS.items()],
    }
    year = {
        "type": "number_input",
        "action_id": "value",
        "is_decimal_allowed": False,
        "min_value": "1000",
        "max_value": "2999",
    }
    listed = {"type": "plain_text_input", "action_id": "value", "max_length": 500}
    return _form(
        RULES_FORM,
        "Rules for a channel",
        [
            _input("channel", "Channel", channel, is_optional=False),
            _input("flags", "Behaviour", flags),
            _input("year_from", "Papers from this year on", year),
            _input("year_to", "Papers up to this year", year),
            _input("venues", "Only these venues, separated by commas", listed),
            _input("sources", "Only these sources, separated by commas", listed),
        ],
    )


def rule_of(values: Mapping[str, Any]) -> tuple[str, Rule]:
    """The channel and the rule that a submitted form holds.

    Raises:
        InvalidInput: no channel was chosen, or a value does not fit.
    """

    def value(name: str) -> dict[str, Any]:
        return dict(values.get(name, {}).get("value", {}))

    channel = value("channel").get("selected_conversation")
    if not channel:
        raise InvalidInput("Choose a channel.")
    chosen = {option["value"] for option in value("flags").get("selected_options") or []}
    rule: dict[str, Any] = {name: name in chosen for name in _FLAGS}
    for name in ("year_from", "year_to"):
        given = str(value(name).get("value") or "")
        rule[name] = int(given) if given.isdigit() else None
    for name in ("venues", "sources"):
        given = str(value(name).get("value") or "")
        rule[name] = [part.strip() for part in given.split(",") if part.strip()]
    return str(channel), rule_from(rule)


def reason_form(answer_id: str) -> dict[str, Any]:
    """The form that asks why an answer did not help."""
    reasons = {
        "type": "radio_buttons",
        "action_id": "value",
        "options": [{"text": _plain(text), "value": name} for name, text in REASONS.items()],
    }
    words = {"type": "plain_text_input", "action_id": "value", "multiline": True}
    blocks = [
        _input("reason", "What was wrong?", reasons, is_optional=False),
        _input("words", "In your words", words | {"max_length": 1_000}),
    ]
    return _form(REASON_FORM, "Not helpful", blocks) | {"private_metadata": answer_id}


def reason_of(values: Mapping[str, Any]) -> str:
    """The reason that a submitted form holds, with the user's words if there are any."""
    chosen = values["reason"]["value"]["selected_option"]["value"]
    words = values.get("words", {}).get("value", {}).get("value")
    reason = REASONS.get(chosen, REASONS["other"])
    return f"{reason}: {words}" if words else reason


def _form(callback_id: str, title: str, blocks: list[Block]) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": _plain(title),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": blocks,
    }


def _input(
    block_id: str, label: str, element: dict[str, Any], *, is_optional: bool = True
) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "label": _plain(label),
        "element": element,
        "optional": is_optional,
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
