"""Command, shortcut, App Home, buttons, forms and rules."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import InvalidInput, NotFound
from service.slack import home
from service.slack.blocks import DELETE, FEEDBACK, FOLLOW_UP, POST, RETRY
from service.slack.rules import Rule, rule_from, rules_file
from tests.fakes.assistant import answer
from tests.fakes.slack_bed import CONFIG, Bed, bed, direct, mention, said

pytestmark = pytest.mark.anyio


def button(blocks: list[dict[str, Any]], action_id: str) -> dict[str, Any]:
    found = [e for b in blocks for e in b.get("elements", []) if e.get("action_id") == action_id]
    return dict(found[0])


async def asked_once(b: Bed) -> str:
    """Asks in a channel's thread; the answer's id."""
    await b.event(mention("Is it so?"))
    await b.idle()
    blocks = b.slack.thread("C1", "1.0")[0].blocks
    return str(button(blocks, DELETE)["value"])


async def test_the_command_is_acknowledged_and_answered_to_the_asker(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        reply = await b.command("Is it so?")
        await b.idle()
        (sent,) = b.slack.responses

        assert reply.json()["response_type"] == "ephemeral"
        assert sent["response_type"] == "ephemeral"
        assert sent["blocks"][0] == {"type": "markdown", "text": "It is so. [1]"}


async def test_the_answer_to_a_command_can_be_posted_once(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.command("Is it so?")
        await b.idle()
        value = button(b.slack.responses[0]["blocks"], POST)["value"]
        await b.act(POST, value, user="U2")
        await b.act(POST, value)
        await b.act(POST, value)
        await b.idle()

        assert [r["response_type"] for r in b.slack.responses] == ["ephemeral", "in_channel"]


async def test_a_command_without_question_says_how(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        reply = await b.command(" ")

        assert "/papers" in reply.json()["text"]
        assert b.assistant.asked == []


async def shortcut(b: Bed) -> None:
    payload = {
        "type": "message_action",
        "callback_id": "citelight_find_papers",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "message": {"ts": "5.0", "text": "I doubt <@U2> that BM25 is dead", "user": "U3"},
        "trigger_id": "t",
        "response_url": b.slack.response_url(),
    }
    await b.form(payload=json.dumps(payload))
    await b.idle()


async def test_the_shortcut_answers_in_the_messages_thread(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await shortcut(b)

        assert b.slack.text("C1", "5.0") == "It is so. [1]"


async def test_the_shortcut_answers_aside_where_the_app_is_no_member(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        b.slack.outside.add("C1")
        await shortcut(b)

        assert b.slack.responses[0]["blocks"][0]["text"] == "It is so. [1]"


@pytest.mark.parametrize("tab", ["home", "messages"])
async def test_opening_the_app_shows_examples(tmp_path: Path, tab: str) -> None:
    event = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": tab, "event_ts": "1"}
    async with bed(tmp_path) as b:
        await b.event(event)
        await b.idle()
        method, args = b.slack.calls[-1]

        assert (
            method
            == {
                "home": "views.publish",
                "messages": "assistant.threads.setSuggestedPrompts",
            }[tab]
        )
        assert "thread_ts" not in args
        assert home.EXAMPLES[0] in json.dumps(args)


async def test_an_opinion_is_kept_with_its_reason(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        answer_id = await asked_once(b)
        await b.act(FEEDBACK, f"good:{answer_id}")
        await b.act(FEEDBACK, f"bad:{answer_id}")
        form = b.slack.views[-1]
        chosen = {"reason": {"value": {"selected_option": {"value": "missing"}}}}
        words = {"words": {"value": {"value": "Where is BM25F?"}}}
        await b.submit(home.REASON_FORM, chosen | words, form["private_metadata"])
        rows = b.conversations._run("SELECT is_helpful, reason FROM feedback ORDER BY id")

        assert rows == [(1, ""), (0, "A paper that matters is missing: Where is BM25F?")]


async def test_a_follow_up_button_asks_in_the_thread(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await asked_once(b)
        await b.act(f"{FOLLOW_UP}_0", "And <!channel> then?", user="U2", thread="1.0")
        await b.idle()
        asks = [args for method, args in b.slack.calls if method == "chat.postMessage"]

        assert [a.question for a in b.assistant.asked] == ["Is it so?", "And <!channel> then?"]
        assert b.assistant.asked[1].conversation_id is not None
        assert "<!channel>" not in json.dumps(asks)


async def test_try_again_asks_the_same(tmp_path: Path) -> None:
    async with bed(tmp_path, error=ValueError("x")) as b:
        await b.event(mention("Is it so?"))
        await b.idle()
        value = button(b.slack.thread("C1", "1.0")[0].blocks, RETRY)["value"]
        b.assistant.error = None
        await b.act(RETRY, value, thread="1.0")
        await b.idle()

        assert [a.question for a in b.assistant.asked] == ["Is it so?", "Is it so?"]
        assert b.slack.thread("C1", "1.0")[-1].text == "It is so. [1]"


async def test_only_the_asker_can_delete_and_then_all_is_gone(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        answer_id = await asked_once(b)
        await b.act(DELETE, answer_id, user="U2")
        await b.idle()
        n_after_a_stranger = len(b.slack.thread("C1", "1.0"))
        await b.act(DELETE, answer_id)
        await b.idle()

        assert n_after_a_stranger == 1
        assert b.slack.thread("C1", "1.0") == []
        with pytest.raises(NotFound):
            b.conversations.answer(answer_id)


def rules_values(**chosen: Any) -> dict[str, Any]:
    flags = [{"value": name} for name in chosen.pop("flags", [])]
    values = {name: {"value": {"value": value}} for name, value in chosen.items()}
    channel = {"channel": {"value": {"selected_conversation": "C1"}}}
    return channel | {"flags": {"value": {"selected_options": flags}}} | values


async def test_a_rule_set_in_the_home_holds_in_its_channel(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.act(home.RULES, "")
        values = rules_values(flags=["mention_only", "is_private"], year_from="2020", venues="A, B")
        await b.submit(home.RULES_FORM, values)
        await b.event(mention("First?", "1.0"))
        await b.idle()
        await b.event(said("Second?", "2.0", "1.0"))
        await b.idle()
        (whisper,) = b.slack.whispers

        assert b.slack.views[-1]["callback_id"] == home.RULES_FORM
        assert [a.question for a in b.assistant.asked] == ["First?"]
        assert b.assistant.asked[0].filters is not None
        assert b.assistant.asked[0].filters.year_from == 2020
        assert b.assistant.asked[0].filters.venues == ("A", "B")
        assert whisper["user"] == "U1"
        assert b.slack.thread("C1", "1.0") == []


async def test_only_admins_set_rules(tmp_path: Path) -> None:
    async with bed(tmp_path, config=replace(CONFIG, admins=frozenset({"U9"}))) as b:
        await b.act(home.RULES, "")
        reply = await b.submit(home.RULES_FORM, rules_values(flags=["mention_only"]))

        assert reply.json()["response_action"] == "errors"
        assert b.slack.views == []
        assert b.store.rule("T1", "C1") == {}


async def test_the_file_is_stronger_than_the_home(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[C1]\nsources = ["arxiv"]\n')
    async with bed(tmp_path, config=replace(CONFIG, rules=file)) as b:
        b.store.set_rule("T1", "C1", Rule(is_private=True).as_dict())

        assert await b.door.rule("T1", "C1") == Rule(sources=("arxiv",))
        assert await b.door.rule("T1", "C2") == Rule()


@pytest.mark.parametrize(
    "values",
    [{"colour": 1}, {"year_from": "2020"}, {"year_to": 3}, {"venues": "A"}, {"is_private": 1}],
)
def test_a_rule_that_does_not_fit_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="channel rule"):
        rule_from(values)


@pytest.mark.parametrize("text", ["not toml", "year_from = 2020", "[C1]\nyear_from = 'x'"])
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)

    with pytest.raises(InvalidInput):
        rules_file(tmp_path / "rules.toml")


async def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        answer_id = await asked_once(b)
        await b.event(direct("Kept?", "2.0"))
        await b.idle()
        b.slack.now += 91 * 24 * 3600
        b.store.join("T1", "D1", "2.0", b.store.conversation("T1", "D1", "2.0"))
        b.door._forget_old()

        with pytest.raises(NotFound):
            b.conversations.answer(answer_id)
        assert len(b.conversations.of("slack:T1")) == 1


def test_the_scripted_answer_is_a_real_one() -> None:
    assert answer().state == "answered"
