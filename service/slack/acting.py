"""Buttons and forms under answers and in the App Home."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from slack_bolt.async_app import AsyncApp

from ingest.errors import InvalidInput, NotFound
from service.citations import Answer
from service.conversations import new_id
from service.slack import home
from service.slack.blocks import DELETE, FEEDBACK, FOLLOW_UP, POST, RETRY, answer_blocks, section
from service.slack.calls import FAILURES, code_of
from service.slack.door import Door
from service.slack.store import Run
from service.slack.text import escaped, inert, messages

logger = logging.getLogger(__name__)

Ack = Callable[..., Awaitable[Any]]
Body = dict[str, Any]

_stored_answer = TypeAdapter(Answer)


def hear_buttons(app: AsyncApp, door: Door) -> None:
    """Registers every button and form."""
    _hear_opinions(app, door)
    _hear_questions(app, door)
    _hear_replies(app, door)
    _hear_rules(app, door)


def _hear_opinions(app: AsyncApp, door: Door) -> None:
    conversations = door.parts.conversations

    @app.action(FEEDBACK)
    async def opinion(ack: Ack, body: Body) -> None:
        await ack()
        verdict, _, answer_id = body["actions"][0]["value"].partition(":")
        if verdict == "good":
            await _keep_opinion(answer_id, True, "")
            return
        await _open(door, body, home.reason_form(answer_id))

    @app.view(home.REASON_FORM)
    async def reason(ack: Ack, body: Body) -> None:
        await ack()
        view = body["view"]
        await _keep_opinion(
            view["private_metadata"], False, home.reason_of(view["state"]["values"])
        )

    async def _keep_opinion(answer_id: str, is_helpful: bool, reason: str) -> None:
        try:
            await asyncio.to_thread(
                conversations.give_feedback, answer_id, is_helpful, reason=reason
            )
        except NotFound:
            logger.info("an opinion came for an answer that was deleted")


def _hear_questions(app: AsyncApp, door: Door) -> None:
    @app.action(re.compile(rf"^{FOLLOW_UP}_\d$"))
    async def follow_up(ack: Ack, body: Body) -> None:
        await ack()
        await _ask_again(door, body, body["actions"][0]["value"])

    @app.action(RETRY)
    async def retry(ack: Ack, body: Body) -> None:
        await ack()
        run = await asyncio.to_thread(door.store.run, body["actions"][0]["value"])
        if run:
            await _ask_again(door, body, run.question)


async def _ask_again(door: Door, body: Body, question: str) -> None:
    """Answers a question that a button asks, in the thread of its message."""
    container, action = body["container"], body["actions"][0]
    channel = container.get("channel_id") or body["channel"]["id"]
    message = body.get("message") or {}
    thread = message.get("thread_ts") or container.get("thread_ts") or container["message_ts"]
    team, user = body["team"]["id"], body["user"]["id"]
    run = Run(
        id=new_id(),
        team=team,
        channel=channel,
        thread=thread,
        user=user,
        question=question,
        entry="button",
    )
    key = f"{container['message_ts']}:{action['action_id']}:{user}:{action.get('action_ts')}"
    if not await asyncio.to_thread(door.store.take_run, key, run):
        return
    if action["action_id"] != RETRY:
        door.later(team, partial(_show_question, door, run))
    await door.start(run, response_url=body.get("response_url"))


async def _show_question(door: Door, run: Run) -> None:
    """Posts the question that a button asked, so that the thread can be read."""
    client = await door.client_of(run.team)
    await client.chat_postMessage(
        channel=run.channel,
        thread_ts=run.thread,
        text=escaped(inert(run.question)),
        blocks=[section(f"<@{run.user}> asks: _{escaped(inert(run.question))}_")],
        unfurl_links=False,
        unfurl_media=False,
    )


def _hear_replies(app: AsyncApp, door: Door) -> None:
    @app.action(DELETE)
    async def delete(ack: Ack, body: Body) -> None:
        await ack()
        run = await asyncio.to_thread(door.store.run_of_answer, body["actions"][0]["value"])
        if run and run.user == body["user"]["id"] and run.team == body["team"]["id"]:
            door.later(run.team, partial(door.delete_reply, run))

    @app.action(POST)
    async def post(ack: Ack, body: Body) -> None:
        await ack()
        answer_id, team = body["actions"][0]["value"], body["team"]["id"]
        run = await asyncio.to_thread(door.store.run_of_answer, answer_id)
        if not run or run.user != body["user"]["id"] or run.team != team:
            return
        if await asyncio.to_thread(door.store.take, team, f"post:{answer_id}"):
            door.later(team, partial(_post, door, body["response_url"], answer_id))


async def _post(door: Door, url: str, answer_id: str) -> None:
    stored = await asyncio.to_thread(door.parts.conversations.answer, answer_id)
    answer = _stored_answer.validate_python(stored)
    blocks = answer_blocks(answer, page=door.page(answer.id))
    *first, last = messages(inert(answer.text)) or [""]
    for text in first:
        await door.respond(url, text, [], is_public=True)
    await door.respond(url, last, blocks, is_public=True)


def _hear_rules(app: AsyncApp, door: Door) -> None:
    @app.action(home.OPEN_PAGE)
    async def opened(ack: Ack) -> None:
        await ack()

    @app.action(home.RULES)
    async def rules(ack: Ack, body: Body) -> None:
        await ack()
        if door.may_set_rules(body["user"]["id"]):
            await _open(door, body, home.rules_form())

    @app.view(home.RULES_FORM)
    async def rule(ack: Ack, body: Body) -> None:
        if not door.may_set_rules(body["user"]["id"]):
            await ack(response_action="errors", errors={"channel": "You may not set rules here."})
            return
        try:
            channel, found = home.rule_of(body["view"]["state"]["values"])
        except InvalidInput as error:
            await ack(response_action="errors", errors={"channel": str(error)})
            return
        await asyncio.to_thread(door.store.set_rule, body["team"]["id"], channel, found.as_dict())
        await ack()


async def _open(door: Door, body: Body, form: dict[str, Any]) -> None:
    try:
        client = await door.client_of(body["team"]["id"])
        await client.views_open(trigger_id=body["trigger_id"], view=form)
    except FAILURES as error:
        logger.warning("a form did not open: %s", code_of(error) or type(error).__name__)
