"""The Slack app of one process: questions in, jobs out, and all that lives as long as it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from ingest.errors import CitelightError
from service.conversations import Conversations, new_id
from service.slack.answering import RESTARTING, Answering, Asking, Scope, Session, owner_of
from service.slack.authorizing import Authorizer
from service.slack.blocks import Block, failure_blocks, markdown
from service.slack.calls import FAILURES, Patience, Sleep, code_of, respond, web_client
from service.slack.config import Config
from service.slack.home import About
from service.slack.installations import Installations, Vault
from service.slack.questions import Asked, plain
from service.slack.replies import Place, Reply, StreamedReply, WhisperedReply, content, notice
from service.slack.rules import Rule, rule_from, rules_file
from service.slack.store import Run, SlackStore
from service.slack.supervisor import Job, Supervisor

logger = logging.getLogger(__name__)

_DRAIN_S = 6.0  # with the farewell of cancelled jobs it stays under ten seconds
_TIDY_S = 6 * 3600.0
_EARLIER = 10  # messages of a thread read before the first answer in it
_ERRANDS = 16
_BUSY = "There are too many questions at once. Ask again in a few minutes."


@dataclass(frozen=True, slots=True)
class Parts:
    """What the app takes from the core. `about` says what the library holds now."""

    assistant: Asking
    conversations: Conversations
    store: SlackStore
    about: Callable[[], About]


@asynccontextmanager
async def opened(
    config: Config,
    parts: Parts,
    *,
    sleep: Sleep = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
    drain_s: float = _DRAIN_S,
) -> AsyncIterator["Door"]:
    """The app, ready for events; at the end its answers get `drain_s` to end, or are closed."""
    async with aiohttp.ClientSession() as session:
        door = Door(config, parts, session, sleep, clock)
        tidying = asyncio.create_task(door.keep_tidy())
        try:
            yield door
        finally:
            tidying.cancel()
            with suppress(asyncio.CancelledError):
                await tidying
            await asyncio.gather(door.supervisor.drain(drain_s), door.errands.drain(drain_s))


class Door:
    """Takes questions and answers each once, in its thread's order. Belongs to one event loop."""

    def __init__(
        self,
        config: Config,
        parts: Parts,
        session: aiohttp.ClientSession,
        sleep: Sleep,
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self.parts = parts
        self.store = parts.store
        self.patience = Patience(sleep=sleep)
        self.supervisor = Supervisor(config.at_once)
        self.errands = Supervisor(_ERRANDS)
        self.installations: Installations | None = None
        if config.is_oauth:
            self.installations = Installations(parts.store, Vault(config.key))
        self.authorizer = Authorizer(self._token_of, self.client, self.patience)
        self._session = session
        self._clock = clock
        self._clients: dict[str, AsyncWebClient] = {}
        self._organisations: dict[str, str | None] = {}
        self._file_rules = rules_file(config.rules) if config.rules else {}
        self._answering = Answering(
            parts.assistant,
            parts.conversations,
            parts.store,
            lambda: parts.about().n_papers,
            self.page,
            lambda: self.supervisor.is_draining,
        )

    async def _token_of(self, enterprise_id: str | None, team_id: str | None) -> str | None:
        if team_id:
            self._organisations[team_id] = enterprise_id
        if self.installations:
            return await self.installations.token(enterprise_id, team_id)
        return self.config.bot_token

    def client(self, token: str | None) -> AsyncWebClient:
        """The one client for a token, on the shared connections."""
        key = token or ""
        if key not in self._clients:
            self._clients[key] = web_client(
                token, self.config.api_url, self._session, self.patience.sleep
            )
        return self._clients[key]

    async def client_of(self, team: str) -> AsyncWebClient:
        """The client that acts in a workspace.

        Raises:
            CitelightError: the app is not installed there any more.
        """
        token = await self._token_of(self._organisations.get(team), team)
        if token is None:
            raise CitelightError("The app is no longer installed in this workspace.")
        return self.client(token)

    def page(self, answer_id: str) -> str | None:
        """The web page of an answer, where users can reach one."""
        return f"{self.config.public_url}/a/{answer_id}" if self.config.public_url else None

    def may_set_rules(self, user: str) -> bool:
        return not self.config.admins or user in self.config.admins

    async def rule(self, team: str, channel: str) -> Rule:
        """How to behave in a channel: as the file says, else as the App Home, else as usual."""
        return await asyncio.to_thread(self._rule, team, channel)

    def _rule(self, team: str, channel: str) -> Rule:
        if channel in self._file_rules:
            return self._file_rules[channel]
        return rule_from(self.store.rule(team, channel))

    def later(self, team: str, errand: Job) -> None:
        """Does something short after the request is acknowledged; its failures are logged."""

        async def done() -> None:
            try:
                await errand()
            except (*FAILURES, CitelightError) as error:
                logger.warning("an errand failed: %s", code_of(error) or type(error).__name__)

        self.errands.submit((team, new_id()), done)

    async def ask(self, team: str, asked: Asked) -> None:
        """Takes a question from a message, once; a thread's only where we belong to it.

        Its place in the thread is kept from here on, since threads of the process that look
        things up do not keep the order of the questions.
        """
        run = _run(team, asked)
        found: asyncio.Future[_Taken | None] = asyncio.get_running_loop().create_future()
        place = (run.team, run.channel, run.thread)
        has_place = self.supervisor.submit(place, partial(self._answer_taken, run, found))
        taken = None
        try:
            taken = await asyncio.to_thread(self._take, asked, run)
        finally:
            if not found.done():
                found.set_result(taken)
        if taken and not has_place:
            await self._refuse(run)

    async def _answer_taken(self, run: Run, found: "asyncio.Future[_Taken | None]") -> None:
        if taken := await found:
            await self._answer(run, taken.before, None)

    def _take(self, asked: Asked, run: Run) -> "_Taken | None":
        """Stores the run of a new question; None for one that is known or not for us."""
        has_joined = self.store.has_joined(run.team, run.channel, run.thread)
        if asked.entry == "thread" and (
            not has_joined or self._rule(run.team, run.channel).mention_only
        ):
            return None
        if not self.store.take_run(asked.key, run):
            return None
        is_inside = asked.entry == "mention" and asked.thread != asked.ts and not has_joined
        return _Taken(before=asked.ts if is_inside else None)

    async def ask_aside(self, team: str, asked: Asked, response_url: str) -> None:
        """Takes a question whose answer can only go to its asker, or can do so if need be."""
        run = _run(team, asked)
        if await asyncio.to_thread(self.store.take_run, asked.key, run):
            await self.start(run, response_url=response_url)

    async def start(self, run: Run, *, response_url: str | None = None) -> None:
        """Hands a stored run to the supervisor."""
        job = partial(self._answer, run, None, response_url)
        if not self.supervisor.submit((run.team, run.channel, run.thread), job):
            await self._refuse(run)

    async def _refuse(self, run: Run) -> None:
        if self.supervisor.is_draining:
            return  # the next process finds it in the store
        await asyncio.to_thread(self.store.save, replace(run, state="failed"))
        await self._say(run, _BUSY)

    async def _answer(self, run: Run, before: str | None, response_url: str | None) -> None:
        try:
            client = await self.client_of(run.team)
        except CitelightError:
            await asyncio.to_thread(self.store.save, replace(run, state="failed"))
            return
        earlier = await self._said_before(client, run, before) if before else ()
        if not run.question and earlier:
            run = replace(run, question=earlier[-1])
            await asyncio.to_thread(self.store.save, run)
        rule = await self.rule(run.team, run.channel)
        reply, session, outside = self._replies(client, run, rule, response_url)
        scope = Scope(rule.filters, earlier)
        await self._answering.answer(run, reply, scope=scope, session=session, outside=outside)

    def _replies(
        self, client: AsyncWebClient, run: Run, rule: Rule, response_url: str | None
    ) -> tuple[Reply, Session | None, Reply | None]:
        """Where the answer goes, the status beside it, and where to go if we may not go there."""
        outside = self._aside(response_url) if response_url else None
        if outside and run.entry == "command":
            return outside, None, None
        place = Place(run.team, run.channel, run.thread, run.user)
        session = Session(client, place)
        if rule.is_private and run.entry != "direct":
            whisper = partial(self._whisper, client, place)
            return WhisperedReply(whisper, self.patience), session, outside
        posted = partial(self._answering.remember_message, run.id)
        reply = StreamedReply(client, place, self.patience, posted, self._clock)
        return reply, session, outside

    def _aside(self, url: str) -> WhisperedReply:
        async def whisper(text: str, blocks: list[Block]) -> None:
            await self.respond(url, text, blocks)

        return WhisperedReply(whisper, self.patience)

    async def respond(
        self, url: str, text: str, blocks: list[Block], *, is_public: bool = False
    ) -> None:
        """Sends inert Markdown and blocks by a response_url; see `calls.respond` for errors."""
        await respond(
            url,
            self._session,
            text=notice(text),
            blocks=content(text, blocks),
            is_public=is_public,
            sleep=self.patience.sleep,
        )

    async def _whisper(
        self, client: AsyncWebClient, place: Place, text: str, blocks: list[Block]
    ) -> None:
        await client.chat_postEphemeral(
            channel=place.channel,
            user=place.user,
            thread_ts=place.thread,
            text=notice(text),
            blocks=content(text, blocks),
        )

    async def _said_before(self, client: AsyncWebClient, run: Run, before: str) -> tuple[str, ...]:
        """What people said in the thread before the question; nothing where we may not read."""
        try:
            response = await client.conversations_replies(
                channel=run.channel, ts=run.thread, limit=100
            )
        except FAILURES as error:
            logger.info("a thread was not read: %s", code_of(error) or type(error).__name__)
            return ()
        messages: list[dict[str, Any]] = response.get("messages") or []
        said = [
            plain(str(m.get("text") or ""))
            for m in messages
            if not m.get("bot_id") and float(m.get("ts", 0)) < float(before)
        ]
        return tuple([text for text in said if text][-_EARLIER:])

    async def _say(self, run: Run, sentence: str) -> None:
        """Says something under a question that gets no answer; best effort."""
        if run.entry == "command":
            return
        try:
            client = await self.client_of(run.team)
            response = await client.chat_postMessage(
                channel=run.channel,
                thread_ts=run.thread,
                text=sentence,
                blocks=[markdown(sentence), *failure_blocks(run.id)],
                unfurl_links=False,
                unfurl_media=False,
            )
        except (*FAILURES, CitelightError) as error:
            logger.warning("a thread stays without a word: %s", code_of(error) or type(error))
            return
        await self._answering.remember_message(run.id, str(response["ts"]))

    async def recover(self) -> None:
        """Takes up what an earlier process left: begins what waited, closes what was under way."""
        for run in await asyncio.to_thread(self.store.unfinished):
            if run.state == "queued" and run.entry != "command":
                await self.start(run)
                continue
            await asyncio.to_thread(self.store.save, replace(run, state="failed"))
            try:
                client = await self.client_of(run.team)
            except CitelightError:
                continue
            for ts in run.messages:
                with suppress(*FAILURES):
                    await client.chat_stopStream(channel=run.channel, ts=ts)
            await self._say(run, RESTARTING)

    async def keep_tidy(self) -> None:
        """Recovers, then deletes what is too old, again and again."""
        await self.recover()
        while True:
            await asyncio.to_thread(self._forget_old)
            await asyncio.sleep(_TIDY_S)

    def _forget_old(self) -> None:
        for team, conversation in self.store.forget_old(self.config.days_kept):
            with suppress(CitelightError):  # deleted before
                self.parts.conversations.delete(conversation, owner_of(team))

    async def uninstall(self, team: str) -> None:
        """Stops what runs for a workspace and deletes all that is known of it."""
        await self.supervisor.stop_where(lambda thread: thread[0] == team)
        await asyncio.to_thread(self._forget, team)
        self.authorizer.forget()
        self._clients.clear()
        if self.installations:
            self.installations.forget()
        logger.info("uninstalled from the workspace %s", team)

    def _forget(self, team: str) -> None:
        self.store.forget_team(team)
        while found := self.parts.conversations.of(owner_of(team)):
            for conversation in found:
                self.parts.conversations.delete(conversation.id, owner_of(team))

    async def delete_reply(self, run: Run) -> None:
        """Deletes a run's messages, and its conversation if it holds nothing else."""
        client = await self.client_of(run.team)
        for ts in run.messages:
            with suppress(*FAILURES):
                await client.chat_delete(channel=run.channel, ts=ts)
        await asyncio.to_thread(self._delete_run, run)

    def _delete_run(self, run: Run) -> None:
        where = (run.team, run.channel, run.thread)
        self.store.delete_run(run.id)
        conversation = self.store.conversation(*where)
        if conversation and not self.store.runs_of_thread(*where):
            self.store.join(*where, None)
            with suppress(CitelightError):
                self.parts.conversations.delete(conversation, owner_of(run.team))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A question that is ours now; `before` is its ts if it joins a thread that had begun."""

    before: str | None


def _run(team: str, asked: Asked) -> Run:
    return Run(
        id=new_id(),
        team=team,
        channel=asked.channel,
        thread=asked.thread,
        user=asked.user,
        question=asked.text,
        entry=asked.entry,
    )
