"""A Slack app on a test bed: the real door and Bolt, a strict fake Slack, a scripted assistant."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.conversations import Conversations
from service.slack.bolt import Desk
from service.slack.config import Config
from service.slack.door import Door, Parts, opened
from service.slack.home import About
from service.slack.store import SlackStore
from tests.fakes.assistant import ScriptedAssistant
from tests.fakes.slack import FakeSlack

SECRET = "shh"
CONFIG = Config(bot_token="xoxb-1", signing_secret=SECRET, public_url="https://papers.example")


@dataclass(slots=True)
class Bed:
    """All parts of a running app, and the ways into it."""

    slack: FakeSlack
    assistant: ScriptedAssistant
    conversations: Conversations
    store: SlackStore
    door: Door
    http: httpx2.AsyncClient
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    async def post(self, body: str, kind: str, **headers: str) -> httpx2.Response:
        """A signed request."""
        return await self.http.post(
            "/slack/events", content=body, headers={**signed(body), "Content-Type": kind} | headers
        )

    async def event(self, event: dict[str, Any], team: str = "T1") -> httpx2.Response:
        body = json.dumps(envelope(event, team))
        return await self.post(body, "application/json")

    async def form(self, **fields: str) -> httpx2.Response:
        return await self.post(urlencode(fields), "application/x-www-form-urlencoded")

    async def command(self, text: str, user: str = "U1") -> httpx2.Response:
        return await self.form(
            command="/papers",
            text=text,
            user_id=user,
            team_id="T1",
            channel_id="C1",
            trigger_id=f"trigger{next(self._ids)}",
            response_url=self.slack.response_url(),
        )

    async def act(
        self, action_id: str, value: str, *, user: str = "U1", thread: str = "", ts: str = "1.0"
    ) -> httpx2.Response:
        """Presses a button."""
        message = {"ts": ts, "thread_ts": thread or ts}
        payload = {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": user},
            "channel": {"id": "C1"},
            "message": message,
            "container": {"type": "message", "message_ts": ts, "channel_id": "C1"},
            "trigger_id": f"trigger{next(self._ids)}",
            "response_url": self.slack.response_url(),
            "actions": [
                {
                    "action_id": action_id,
                    "block_id": "b",
                    "value": value,
                    "type": "button",
                    "action_ts": f"{next(self._ids)}.0",
                }
            ],
        }
        return await self.form(payload=json.dumps(payload))

    async def submit(self, callback_id: str, values: dict[str, Any], private: str = "") -> Any:
        """Sends a form in."""
        view = {
            "type": "modal",
            "callback_id": callback_id,
            "private_metadata": private,
            "state": {"values": values},
        }
        user, team = {"id": "U1"}, {"id": "T1"}
        payload = {"type": "view_submission", "team": team, "user": user, "view": view}
        return await self.form(payload=json.dumps(payload))

    async def idle(self) -> None:
        """Returns when nothing is under way any more."""
        await self.door.supervisor.idle()
        await self.door.errands.idle()


def envelope(event: dict[str, Any], team: str = "T1") -> dict[str, Any]:
    """An event as Slack wraps it."""
    return {
        "type": "event_callback",
        "team_id": team,
        "api_app_id": "A1",
        "event_id": f"Ev{event.get('ts', event.get('event_ts', 0))}{event['type']}",
        "event": event,
        "authorizations": [{"team_id": team, "user_id": "UBOT", "is_bot": True}],
    }


def signed(body: str, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers that prove a body to be Slack's."""
    moment = str(int(time.time() if at is None else at))
    base = f"v0:{moment}:{body}".encode()
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


def direct(text: str, ts: str = "1.0", **more: Any) -> dict[str, Any]:
    """A direct message."""
    event = {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1"}
    return {**event, "text": text, "ts": ts, "event_ts": ts, **more}


def mention(text: str, ts: str = "1.0", **more: Any) -> dict[str, Any]:
    """A mention in a channel."""
    event = {"type": "app_mention", "channel": "C1", "user": "U1"}
    return {**event, "text": f"<@UBOT> {text}", "ts": ts, "event_ts": ts, **more}


def said(text: str, ts: str, thread: str, **more: Any) -> dict[str, Any]:
    """A message in a channel's thread."""
    event = {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1"}
    return {**event, "text": text, "ts": ts, "thread_ts": thread, "event_ts": ts, **more}


@asynccontextmanager
async def bed(
    home: Path, slack: FakeSlack | None = None, config: Config = CONFIG, **script: Any
) -> AsyncIterator[Bed]:
    """A running app over `home`; at the end there are no violations and no open streams."""
    conversations = Conversations(home / "conversations.sqlite")
    fake = slack or FakeSlack()
    store = SlackStore(home / "conversations.sqlite", lambda: fake.now)
    assistant = ScriptedAssistant(conversations, **script)
    parts = Parts(assistant, conversations, store, lambda: About(349, "", config.public_url))
    try:
        async with _served(fake):
            configured = replace(config, api_url=fake.api_url)
            async with opened(
                configured, parts, sleep=fake.sleep, clock=lambda: fake.now, drain_s=0.3
            ) as door:
                app = _application(Desk(door))
                transport = httpx2.ASGITransport(app)
                base = "https://papers.example"
                async with httpx2.AsyncClient(transport=transport, base_url=base) as http:
                    await asyncio.sleep(0)
                    yield Bed(fake, assistant, conversations, store, door, http)
        assert fake.violations == []
    finally:
        store.close()
        conversations.close()


@asynccontextmanager
async def _served(fake: FakeSlack) -> AsyncIterator[None]:
    if fake.base_url:
        yield
        return
    async with fake.serve():
        yield


def _application(desk: Desk) -> Starlette:
    async def events(request: Request) -> Response:
        return await desk.events(request, await request.body())

    return Starlette(
        routes=[
            Route("/slack/events", events, methods=["POST"]),
            Route("/slack/install", desk.install),
            Route("/slack/oauth_redirect", desk.redirect),
        ]
    )
