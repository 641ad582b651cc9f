"""Messages in, replies out: the whole Slack app against a strict fake of Slack."""

import asyncio
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import Unavailable
from service.slack.store import SlackStore
from tests.fakes.assistant import answer, paper
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_bed import CONFIG, bed, direct, envelope, mention, said, signed

pytestmark = pytest.mark.anyio


async def test_a_direct_message_is_answered_in_its_thread(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        reply = await b.event(direct("Is it so?"))
        await b.idle()

        assert reply.status_code == 200
        assert b.slack.text("D1", "1.0") == "It is so. [1]"
        assert b.slack.sessions == {("D1", "1.0"): "active"}
        assert b.slack.open_streams() == []


async def test_progress_shows_what_was_found(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.event(mention("Is it so?"))
        await b.idle()
        (message,) = b.slack.thread("C1", "1.0")

        assert [s["title"] for s in message.steps] == ["Searching 349 abstracts", "Found 2 papers"]
        assert len(message.steps[1]["sources"]) == 2
        assert message.blocks[0]["type"] == "context"


@pytest.mark.parametrize("case", ["unsigned", "wrong", "stale", "tampered", "no text"])
async def test_what_slack_did_not_sign_is_refused_and_calls_nobody(
    tmp_path: Path, case: str
) -> None:
    body = json.dumps(envelope(direct("Is it so?")))
    headers = {
        "unsigned": {},
        "wrong": signed(body, secret="other"),
        "stale": signed(body, at=time.time() - 301),
        "tampered": signed(body.replace("so", "no")),
        "no text": signed(body),
    }[case]
    content = b"\xff\xfe" if case == "no text" else body.encode()
    async with bed(tmp_path) as b:
        kind = {"Content-Type": "application/json"}
        reply = await b.http.post("/slack/events", content=content, headers=headers | kind)
        await b.idle()

        assert reply.status_code == 401
        assert b.slack.calls == []


async def test_the_address_is_verified(tmp_path: Path) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c", "token": "t"})
    async with bed(tmp_path) as b:
        reply = await b.post(body, "application/json")

        assert reply.json() == {"challenge": "c"}


async def test_an_event_sent_four_times_is_answered_once(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        for _ in range(4):
            await b.event(direct("Is it so?"))
        await b.idle()

        assert len(b.assistant.asked) == 1


async def test_an_event_sent_again_after_a_restart_is_answered_once(tmp_path: Path) -> None:
    slack = FakeSlack()
    async with slack.serve():
        async with bed(tmp_path, slack) as b:
            await b.event(direct("Is it so?"))
            await b.idle()
        async with bed(tmp_path, slack) as b:
            await b.event(direct("Is it so?"))
            await b.idle()

            assert b.assistant.asked == []


async def test_a_mention_that_comes_twice_is_answered_once(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.event(said("<@UBOT> Is it so?", "1.0", ""))
        await b.event(mention("Is it so?"))
        await b.event({**mention("Is it so?"), "type": "message", "channel_type": "channel"})
        await b.idle()

        assert [a.question for a in b.assistant.asked] == ["Is it so?"]


async def test_a_hundred_events_are_acknowledged_while_answers_run(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        b.assistant.gate.clear()
        await asyncio.gather(
            *(b.event(direct("Is it so?", f"{n}.0", channel=f"D{n}")) for n in range(1, 101))
        )
        b.assistant.gate.set()
        await b.idle()

        assert len(b.assistant.asked) == 100
        assert b.slack.methods().count("auth.test") == 1
        assert b.assistant.most_running <= 8


async def test_a_thread_keeps_its_order_and_its_conversation(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.event(mention("First?", "1.0"))
        await b.event(mention("Second?", "2.0", thread_ts="1.0"))
        await b.event(mention("Third?", "3.0", thread_ts="1.0"))
        await b.idle()
        conversations = [a.conversation_id for a in b.assistant.asked]

        assert [a.question for a in b.assistant.asked] == ["First?", "Second?", "Third?"]
        assert conversations[0] is None
        assert conversations[1] == conversations[2] is not None
        assert b.conversations.of("slack:T1")[0].id == conversations[1]


async def test_questions_that_come_at_once_are_answered_in_the_order_they_came(
    tmp_path: Path,
) -> None:
    async with bed(tmp_path) as b:
        events = [mention(f"Question {n}?", f"{n}.0", thread_ts="1.0") for n in range(1, 21)]
        await asyncio.gather(*(b.event(event) for event in events))
        await b.idle()

        assert [a.question for a in b.assistant.asked] == [f"Question {n}?" for n in range(1, 21)]


async def test_a_reply_in_a_thread_we_joined_needs_no_mention(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.event(said("Not for us", "1.5", "1.0"))
        await b.event(mention("First?", "2.0", thread_ts="1.0"))
        await b.idle()
        await b.event(said("And it?", "3.0", "1.0"))
        await b.event(said("<@U2> see this", "4.0", "1.0"))
        await b.idle()

        assert [a.question for a in b.assistant.asked] == ["First?", "And it?"]


async def test_a_mention_inside_a_thread_knows_what_was_said(tmp_path: Path) -> None:
    before = [{"ts": f"0.{n}", "text": f"Talk {n} of <@U2> &amp; BM25"} for n in range(1, 10)]
    async with bed(tmp_path) as b:
        b.slack.readable["0.1"] = [*before, {"ts": "0.95", "bot_id": "B2", "text": "beep"}]
        await b.event(mention("What is known about it?", "1.0", thread_ts="0.1"))
        await b.idle()
        await b.event(mention("And?", "2.0", thread_ts="0.1"))
        await b.idle()
        first = b.assistant.asked[0]

        assert first.question == "What is known about it?"
        assert first.query is not None
        assert "Talk 9 of  & BM25" in first.query
        assert b.slack.methods().count("conversations.replies") == 1


async def test_a_bare_mention_in_a_thread_asks_what_was_said_last(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        b.slack.readable["0.1"] = [{"ts": "0.1", "text": "Is BM25 good?"}]
        await b.event(mention("", "1.0", thread_ts="0.1"))
        await b.idle()

        assert [a.question for a in b.assistant.asked] == ["Is BM25 good?"]


async def test_a_thread_that_cannot_be_read_is_lived_without(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        await b.event(mention("Is it so?", "1.0", thread_ts="0.1"))
        await b.idle()

        assert b.slack.text("C1", "0.1") == "It is so. [1]"


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B2"},
        {"user": "UBOT"},
        {"subtype": "message_changed"},
        {"subtype": "bot_message"},
        {"edited": {"user": "U1"}},
        {"hidden": True},
        {"user_team": "T2"},
        {"user": None},
        {"text": " "},
    ],
)
async def test_bots_edits_and_strangers_get_no_answer(tmp_path: Path, more: dict[str, Any]) -> None:
    async with bed(tmp_path) as b:
        await b.event(direct("Is it so?", **{k: v for k, v in more.items() if k != "text"}))
        if "text" in more:
            await b.event(direct(" ", "2.0"))
        await b.idle()

        assert [a.question for a in b.assistant.asked] == (["Is it so?"] if "text" in more else [])


async def test_strangers_are_answered_where_allowed(tmp_path: Path) -> None:
    async with bed(tmp_path, config=replace(CONFIG, allow_external=True)) as b:
        await b.event(direct("Is it so?", user_team="T2"))
        await b.idle()

        assert len(b.assistant.asked) == 1


@pytest.mark.parametrize("error", [Unavailable("The model rests. Try later."), ValueError("x")])
async def test_a_failure_ends_with_a_sentence_and_try_again(
    tmp_path: Path, error: Exception
) -> None:
    async with bed(tmp_path, error=error) as b:
        await b.event(direct("Is it so?"))
        await b.idle()
        (message,) = b.slack.thread("D1", "1.0")

        expected = "The model rests. Try later." if isinstance(error, Unavailable) else "went wrong"
        assert expected in message.text
        assert message.blocks[0]["elements"][0]["text"]["text"] == "Try again"
        assert b.slack.open_streams() == []


async def test_not_in_the_library_offers_the_nearest_papers(tmp_path: Path) -> None:
    def make(text: str, **values: Any) -> Any:
        return answer(text, citations=(), state="not_in_library", also=(paper(3),), **values)

    async with bed(tmp_path, text="This library does not hold it.", make=make) as b:
        await b.event(direct("What is the capital of Portugal?"))
        await b.idle()
        (message,) = b.slack.thread("D1", "1.0")

        assert message.text == "This library does not hold it."
        assert "Paper number 3" in message.blocks[0]["text"]["text"]


async def test_what_an_earlier_process_left_is_taken_up(tmp_path: Path) -> None:
    slack = FakeSlack()
    async with slack.serve():
        async with bed(tmp_path, slack) as b:
            b.assistant.gate.clear()
            await b.event(direct("First?", "1.0"))
            await b.event(direct("Second?", "2.0", thread_ts="1.0"))
            await b.assistant.writing.wait()
            store = SlackStore(tmp_path / "conversations.sqlite")
            left = {run.question: run.state for run in store.unfinished()}
            store.close()
        async with bed(tmp_path, slack) as b:
            await asyncio.to_thread(lambda: None)
            await b.door.supervisor.idle()
            while not b.assistant.asked:
                await asyncio.sleep(0)
            await b.idle()

            assert left == {"First?": "running", "Second?": "queued"}
            assert [a.question for a in b.assistant.asked] == ["Second?"]
            assert "being restarted" in slack.text("D1", "1.0")
            assert slack.open_streams() == []


async def test_no_text_of_messages_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with bed(tmp_path, text="Secretanswer. [1]", error=ValueError("Secretanswer")) as b:
        await b.event(direct("Secretquestion?"))
        await b.command("Secretquestion?")
        body = json.dumps(envelope(direct("Secretquestion?")))
        await b.http.post(
            "/slack/events", content=body, headers={"Content-Type": "application/json"}
        )
        b.slack.fault = lambda index, method: "500"
        await b.event(direct("Secretquestion?", "2.0"))
        await b.idle()
    ours = [r for r in caplog.records if r.name.startswith(("service", "slack", "citelight"))]
    text = "\n".join(f"{r.getMessage()} {r.exc_text or ''}" for r in ours)

    assert ours
    assert "Secret" not in text
