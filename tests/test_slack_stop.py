"""Stop ends an answer at once; a shutdown ends or closes all of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from service.slack.supervisor import Supervisor
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_bed import bed, direct

pytestmark = pytest.mark.anyio

TEXT = "It is so. [1] " * 100


def stop_event(channel: str = "D1", thread: str = "1.0") -> dict[str, Any]:
    return {
        "type": "agent_session_stopped",
        "channel": channel,
        "thread_ts": thread,
        "user": "U1",
        "event_ts": "9.0",
        "streaming_message_ts": [],
    }


async def test_stop_cancels_an_answer_whose_model_hangs(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT) as b:
        b.assistant.gate.clear()
        await b.event(direct("Is it so?"))
        await b.assistant.writing.wait()
        await b.event(stop_event())
        await b.idle()

        assert b.assistant.n_cancelled == 1
        assert b.slack.text("D1", "1.0").endswith("Stopped, as you asked.")
        assert b.slack.open_streams() == []
        assert b.slack.sessions["D1", "1.0"] == "active"


async def test_stop_of_another_thread_does_nothing(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT) as b:
        b.assistant.gate.clear()
        await b.event(direct("Is it so?"))
        await b.assistant.writing.wait()
        await b.event(stop_event(thread="7.0"))
        b.assistant.gate.set()
        await b.idle()

        assert b.slack.text("D1", "1.0") == TEXT


async def test_the_streams_that_slack_stopped_are_put_right(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT) as b:
        b.assistant.gate.clear()
        await b.event(direct("Is it so?"))
        await b.assistant.writing.wait()
        for message in b.slack.open_streams():
            message.is_streaming = False
        await b.event(stop_event())
        await b.idle()

        assert b.slack.text("D1", "1.0").endswith("Stopped, as you asked.")


async def test_a_shutdown_closes_what_does_not_end_in_time(tmp_path: Path) -> None:
    slack = FakeSlack()
    async with slack.serve():
        async with bed(tmp_path, slack, text=TEXT) as b:
            b.assistant.gate.clear()
            await b.event(direct("Is it so?"))
            await b.assistant.writing.wait()

        assert slack.open_streams() == []
        assert "being restarted" in slack.text("D1", "1.0")


async def test_a_shutdown_lets_an_answer_end(tmp_path: Path) -> None:
    slack = FakeSlack()
    async with slack.serve():
        async with bed(tmp_path, slack, text=TEXT) as b:
            b.assistant.gate.clear()
            await b.event(direct("Is it so?"))
            await b.assistant.writing.wait()
            asyncio.get_running_loop().call_later(0.05, b.assistant.gate.set)

        assert slack.text("D1", "1.0") == TEXT


async def test_too_many_questions_are_refused_with_a_word(tmp_path: Path) -> None:
    async with bed(tmp_path) as b:
        b.door.supervisor = Supervisor(1, most_waiting=0)
        await b.event(direct("Is it so?"))
        await b.idle()

        assert "too many questions" in b.slack.text("D1", "1.0")


async def test_jobs_of_a_thread_run_one_after_another() -> None:
    supervisor, order = Supervisor(limit=4), list[str]()

    def job(name: str) -> Any:
        async def work() -> None:
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

        return work

    for name in "abc":
        supervisor.submit(("thread",), job(name))
    await supervisor.idle()

    assert order == [f"{n} {what}" for n in "abc" for what in ("begins", "ends")]
