"""Socket Mode: the same app over a WebSocket that Slack may drop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from service.slack.socketmode import connected
from tests.fakes.slack_bed import CONFIG, Bed, bed, direct, envelope, mention

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def socket_bed(home: Path) -> AsyncIterator[Bed]:
    config = replace(CONFIG, signing_secret="", app_token="xapp-1")
    async with bed(home, config=config) as b, connected(b.door, ping_s=0.2):
        await asyncio.wait_for(b.slack.connected.wait(), 5)
        yield b


async def test_an_event_is_acknowledged_and_answered(tmp_path: Path) -> None:
    async with socket_bed(tmp_path) as b:
        await b.slack.send("events_api", envelope(direct("Is it so?")))
        await b.idle()

        assert b.slack.text("D1", "1.0") == "It is so. [1]"


async def test_the_same_event_is_answered_once(tmp_path: Path) -> None:
    async with socket_bed(tmp_path) as b:
        for _ in range(4):
            await b.slack.send("events_api", envelope(mention("Is it so?")))
        await b.idle()

        assert len(b.assistant.asked) == 1


async def test_a_command_is_answered(tmp_path: Path) -> None:
    async with socket_bed(tmp_path) as b:
        payload = {
            "command": "/papers",
            "text": "Is it so?",
            "user_id": "U1",
            "team_id": "T1",
            "channel_id": "C1",
            "trigger_id": "t1",
            "response_url": b.slack.response_url(),
        }
        await b.slack.send("slash_commands", payload)
        await b.idle()

        assert b.slack.responses[0]["blocks"][0]["text"] == "It is so. [1]"


async def test_a_dropped_connection_comes_back(tmp_path: Path) -> None:
    async with socket_bed(tmp_path) as b:
        await b.slack.drop_socket()
        await asyncio.wait_for(b.slack.connected.wait(), 10)
        await b.slack.send("events_api", envelope(direct("Is it so?")))
        await b.idle()

        assert b.slack.text("D1", "1.0") == "It is so. [1]"
