"""Slack's events, command and shortcut, each handed to the door. Nothing here waits for answers."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from service.slack.calls import sdk_logger
from service.slack.door import Door
from service.slack.home import home_view, suggested_prompts
from service.slack.manifest import COMMAND, SHORTCUT
from service.slack.questions import Asked, asked, plain

Ack = Callable[..., Awaitable[Any]]
Context = dict[str, Any]
Body = dict[str, Any]

_HELP = f"Write your question after the command, as in `{COMMAND} How does BM25 weigh terms?`"
_SEARCHING = "Searching the abstracts; the answer comes in a moment."


def bolt_app(door: Door) -> AsyncApp:
    """Bolt's application over the door; it answers a request when its listener has returned."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult | None:
        return await door.authorizer.authorize(enterprise_id, team_id)

    app = AsyncApp(
        name="citelight",
        logger=sdk_logger,
        signing_secret=door.config.signing_secret,
        client=door.client(None),
        authorize=cast(Callable[..., Awaitable[AuthorizeResult]], authorize),
        process_before_response=True,  # else Bolt loses its tasks, and events with them
    )
    _hear_questions(app, door)
    _hear_home(app, door)
    _hear_leaving(app, door)
    return app


def _hear_questions(app: AsyncApp, door: Door) -> None:
    async def question(event: Body, context: Context) -> None:
        found = asked(
            event,
            team=context["team_id"],
            bot_user=context.get("bot_user_id"),
            allow_external=door.config.allow_external,
        )
        if found:
            await door.ask(context["team_id"], found)

    app.event("app_mention")(question)
    app.event("message")(question)

    @app.command(COMMAND)
    async def command(ack: Ack, body: Body) -> None:
        text = plain(body.get("text") or "")
        await ack(text=_SEARCHING if text else _HELP, response_type="ephemeral")
        if text:
            key = body["trigger_id"]
            found = Asked(body["channel_id"], body["user_id"], text, key, key, "command")
            await door.ask_aside(body["team_id"], found, body["response_url"])

    @app.message_shortcut(SHORTCUT)
    async def shortcut(ack: Ack, body: Body) -> None:
        await ack()
        message, channel = body["message"], body["channel"]["id"]
        thread = message.get("thread_ts") or message["ts"]
        text = plain(message.get("text") or "")
        found = Asked(channel, body["user"]["id"], text, body["trigger_id"], thread, "shortcut")
        await door.ask_aside(body["team"]["id"], found, body["response_url"])

    @app.event("agent_session_stopped")
    async def stop(event: Body, context: Context) -> None:
        door.supervisor.stop((context["team_id"], event["channel"], event["thread_ts"]))


def _hear_home(app: AsyncApp, door: Door) -> None:
    @app.event("app_home_opened")
    async def opened(event: Body, context: Context) -> None:
        show = _suggest if event.get("tab") == "messages" else _publish
        door.later(context["team_id"], partial(show, door, context["team_id"], event))


async def _publish(door: Door, team: str, event: Body) -> None:
    about = await asyncio.to_thread(door.parts.about)
    view = home_view(about, may_set_rules=door.may_set_rules(event["user"]))
    client = await door.client_of(team)
    await client.views_publish(user_id=event["user"], view=view)


async def _suggest(door: Door, team: str, event: Body) -> None:
    about = await asyncio.to_thread(door.parts.about)
    client = await door.client_of(team)
    await client.assistant_threads_setSuggestedPrompts(
        channel_id=event["channel"], prompts=suggested_prompts(about.examples)
    )


def _hear_leaving(app: AsyncApp, door: Door) -> None:
    @app.event("app_uninstalled")
    async def uninstalled(context: Context) -> None:
        door.later(context["team_id"], partial(door.uninstall, context["team_id"]))

    @app.event("tokens_revoked")
    async def revoked(event: Body, context: Context) -> None:
        if event.get("tokens", {}).get("bot"):
            door.later(context["team_id"], partial(door.uninstall, context["team_id"]))
