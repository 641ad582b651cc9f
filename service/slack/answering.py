"""One question from the first sign of progress to the end of its reply."""

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from ingest.errors import CitelightError, NotFound
from service import events
from service.citations import Answer
from service.conversations import Conversations
from service.events import Event
from service.followup import Turn, standalone
from service.retrieve import Filters
from service.slack.blocks import answer_blocks, failure_blocks, sources_chunk
from service.slack.calls import FAILURES, code_of
from service.slack.replies import Place, Reply, WhisperedReply
from service.slack.store import Run, RunState, SlackStore

logger = logging.getLogger(__name__)

STOPPED = "Stopped, as you asked."
RESTARTING = "The service is being restarted and could not finish. Try again in a minute."
_FAILED = "Something went wrong here, and there is no answer. Try again in a moment."
_OUTSIDE = ("not_in_channel", "channel_not_found")


class Asking(Protocol):
    """The core that answers; see `service.assistant.Assistant.ask`."""

    def ask(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        owner: str | None = None,
        query: str | None = None,
        filters: Filters | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of one answer."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an answer may draw on, and what was said in the thread before we joined it."""

    filters: Filters | None = None
    earlier: tuple[str, ...] = ()

    def query_for(self, question: str) -> str | None:
        """What to search for, if that is not the question itself."""
        turns = [Turn(said, said, "", ()) for said in self.earlier]
        return standalone(question, turns) if turns else None


def owner_of(team: str) -> str:
    """Whom a workspace's conversations belong to."""
    return f"slack:{team}"


@dataclass(slots=True)
class Session:
    """What Slack shows of our work on a thread beside the messages. All of it is best effort."""

    client: AsyncWebClient
    place: Place

    async def begin(self) -> None:
        """Shows that we work, with a Stop button where Slack has one."""
        if not await self._set(status="processing", initiator_user_id=self.place.user):
            try:
                await self.client.assistant_threads_setStatus(
                    channel_id=self.place.channel,
                    thread_ts=self.place.thread,
                    status="is searching…",
                )
            except FAILURES as error:
                logger.info("no progress is shown: %s", code_of(error) or type(error).__name__)

    async def end(self) -> None:
        """Shows that we are done; the Stop button goes."""
        await self._set(status="active")

    async def _set(self, **values: Any) -> bool:
        try:
            await self.client.agents_sessions_setStatus(
                channel_id=self.place.channel, thread_ts=self.place.thread, **values
            )
        except FAILURES as error:
            logger.info("a status was not set: %s", code_of(error) or type(error).__name__)
            return False
        return True


@dataclass(slots=True)
class Answering:
    """Turns runs into replies. `n_papers` counts the library, `page` is an answer's web page."""

    assistant: Asking
    conversations: Conversations
    store: SlackStore
    n_papers: Callable[[], int]
    page: Callable[[str], str | None]
    is_draining: Callable[[], bool]

    async def answer(
        self,
        run: Run,
        reply: Reply,
        *,
        scope: Scope,
        session: Session | None = None,
        outside: Reply | None = None,
    ) -> None:
        """Answers into `reply`, or into `outside` where the bot is no member of the channel.

        Always ends the reply, also when cancelled or when a part fails; raises nothing.
        """
        await self._set_state(run.id, "running")
        state: RunState
        try:
            if session:
                await session.begin()
            state = await self._answer_or_explain(run, reply, scope, outside)
        except asyncio.CancelledError:
            sentence = RESTARTING if self.is_draining() else STOPPED
            await self._explain(run, reply, sentence)
            state = "stopped"
        if session:
            await session.end()
        await self._set_state(run.id, state)

    async def _answer_or_explain(
        self, run: Run, reply: Reply, scope: Scope, outside: Reply | None
    ) -> RunState:
        try:
            try:
                await reply.begin(f"Searching {await self._count()} abstracts")
            except FAILURES as error:
                if outside is None or code_of(error) not in _OUTSIDE:
                    raise
                reply = outside
            answer = await self._stream(run, reply, scope)
            await self._remember_answer(run.id, answer.id)
            blocks = answer_blocks(
                answer,
                page=self.page(answer.id),
                asker=run.user,
                is_private=isinstance(reply, WhisperedReply),
            )
            await reply.finish(answer.text, blocks)
            return "done"
        except CitelightError as error:
            await self._explain(run, reply, str(error))
        except Exception as error:
            trace = "".join(traceback.format_tb(error.__traceback__))
            logger.error("an answer failed: %s\n%s", type(error).__name__, trace)  # noqa: TRY400
            await self._explain(run, reply, _FAILED)
        return "failed"

    async def _stream(self, run: Run, reply: Reply, scope: Scope) -> Answer:
        conversation = await asyncio.to_thread(self._conversation, run)
        stream = self.assistant.ask(
            run.question,
            conversation_id=conversation,
            owner=owner_of(run.team),
            query=None if conversation else scope.query_for(run.question),
            filters=scope.filters,
        )
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, events.Done):
                    return event.answer
                if isinstance(event, events.Failed):
                    raise CitelightError(f"{event.title}. {event.detail}")
                await self._show(event, run, reply)
        raise CitelightError("The answer ended early. Ask again.")

    async def _show(self, event: Event, run: Run, reply: Reply) -> None:
        if isinstance(event, events.Run):
            place = (run.team, run.channel, run.thread)
            await asyncio.to_thread(self.store.join, *place, event.conversation_id)
        elif isinstance(event, events.Sources):
            n = len(event.papers)
            title = f"Found {n} paper{'' if n == 1 else 's'}"
            await reply.found(title, sources_chunk(event.papers))
        elif isinstance(event, events.Delta):
            await reply.write(event.text)
        elif isinstance(event, events.Restart):
            await reply.restart()

    def _conversation(self, run: Run) -> str | None:
        found = self.store.conversation(run.team, run.channel, run.thread)
        if found:
            try:
                self.conversations.check(found, owner_of(run.team))
            except NotFound:
                return None
        return found

    async def _count(self) -> str:
        return f"{await asyncio.to_thread(self.n_papers):,}"

    async def _explain(self, run: Run, reply: Reply, sentence: str) -> None:
        try:
            await reply.fail(sentence, failure_blocks(run.id))
        except FAILURES as error:
            logger.error("a reply could not be ended: %s", code_of(error) or type(error).__name__)  # noqa: TRY400

    async def _set_state(self, run_id: str, state: RunState) -> None:
        await asyncio.to_thread(self._change, run_id, state=state)

    async def _remember_answer(self, run_id: str, answer_id: str) -> None:
        await asyncio.to_thread(self._change, run_id, answer=answer_id)

    async def remember_message(self, run_id: str, ts: str) -> None:
        """Notes a message of the run's reply, so that it can be deleted or closed later."""
        await asyncio.to_thread(self._change, run_id, message=ts)

    def _change(self, run_id: str, *, message: str = "", **values: Any) -> None:
        if run := self.store.run(run_id):
            messages = (*run.messages, message) if message else run.messages
            self.store.save(replace(run, messages=messages, **values))
