"""Replies: an answer as messages in a thread, streamed, or whispered to the asker alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

import orjson
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.blocks import Block, markdown
from service.slack.calls import FAILURES, Patience, code_of
from service.slack.text import (
    MESSAGE_BYTES,
    escaped,
    fitting,
    inert,
    messages,
    shortened,
    unfinished,
)

logger = logging.getLogger(__name__)

_FLUSH = 256  # characters; about six calls for an answer, within Slack's rates
_FIRST_FLUSH = 40
_UPDATE_S = 3.0  # between updates of a message whose stream has ended early
_MAX_WHISPERS = 5  # messages Slack takes at one response_url
_SEARCH = "search"  # the id of the progress step

Mode = Literal["unposted", "streaming", "broken", "closed"]


class Reply(Protocol):
    """Where an answer goes. `fail` and `finish` end it; one of them is always called."""

    async def begin(self, title: str) -> None:
        """Shows that work has begun."""

    async def found(self, title: str, sources: Sequence[dict[str, str]]) -> None:
        """Shows what was found."""

    async def write(self, text: str) -> None:
        """Adds to the answer's text."""

    async def finish(self, text: str, blocks: list[Block]) -> None:
        """Ends with the answer's whole text, whatever was written before, and blocks under it."""

    async def fail(self, sentence: str, blocks: list[Block]) -> None:
        """Ends without an answer, saying why."""

    async def restart(self) -> None:
        """Takes back all text."""


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, and the user who is answered in it."""

    team: str
    channel: str
    thread: str
    user: str


@dataclass(slots=True)
class _Message:
    """A message of ours. `text` is all it should hold; `n_other` bytes of progress come on top.

    unposted: not in Slack yet. streaming: Slack holds exactly `text`. broken: Slack may hold
    less or more, and is put right by an update. closed: nothing more comes.
    """

    ts: str = ""
    mode: Mode = "unposted"
    text: str = ""
    n_other: int = 0
    is_stopped: bool = False
    updated_at: float = 0.0

    @property
    def room(self) -> int:
        return MESSAGE_BYTES - self.n_other - len(self.text.encode())


@dataclass(slots=True)
class StreamedReply:
    """Messages streamed into a thread.

    A failed append is never repeated, since it may have arrived: the message is then stopped and
    put right by an update, which can be repeated. `posted` is told the ts of each new message.
    """

    client: AsyncWebClient
    place: Place
    patience: Patience
    posted: Callable[[str], Awaitable[None]]
    clock: Callable[[], float]
    _messages: list[_Message] = field(default_factory=lambda: [_Message()])
    _pending: str = ""

    @property
    def _last(self) -> _Message:
        return self._messages[-1]

    async def begin(self, title: str) -> None:
        await self._start(_step(title, "in_progress"))

    async def found(self, title: str, sources: Sequence[dict[str, str]]) -> None:
        if self._last.mode == "streaming":
            step = _step(title, "complete", sources)
            await self._append(self._last, chunks=[step], n_other=len(orjson.dumps(step)))

    async def write(self, text: str) -> None:
        self._pending += text
        held = unfinished(self._pending)
        enough = _FLUSH if self._last.text else _FIRST_FLUSH
        if len(self._pending) - held >= enough:
            ready = self._pending[: len(self._pending) - held]
            self._pending = self._pending[len(ready) :]
            await self._put(inert(ready))

    async def restart(self) -> None:
        self._pending = ""
        for earlier in self._messages[:-1]:
            await self._try(partial(self._delete, earlier.ts))
        del self._messages[:-1]
        if self._last.text:
            self._last.text = ""
            self._last.mode = "broken"

    async def finish(self, text: str, blocks: list[Block]) -> None:
        wanted = inert(text)
        rest, self._pending = inert(self._pending), ""
        if "".join(m.text for m in self._messages) + rest != wanted:
            await self.restart()
            rest = wanted
        await self._put(rest)
        await self._close(self._last, blocks)

    async def fail(self, sentence: str, blocks: list[Block]) -> None:
        rest, self._pending = inert(self._pending), ""
        has_text = any(m.text for m in self._messages) or rest
        await self._put(rest + ("\n\n" if has_text else "") + sentence)
        await self._close(self._last, blocks)

    async def _start(self, step: dict[str, Any] | None = None) -> None:
        """Opens the stream of the last message; where that fails it is posted at its end."""
        message = self._last
        task = asyncio.ensure_future(self._open(message, step))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])  # else a stream would stay open that nobody knows of
            raise

    async def _open(self, message: _Message, step: dict[str, Any] | None) -> None:
        try:
            response = await self.patience.insist(
                lambda: self.client.chat_startStream(
                    channel=self.place.channel,
                    thread_ts=self.place.thread,
                    recipient_team_id=self.place.team,
                    recipient_user_id=self.place.user,
                    chunks=[step] if step else None,
                )
            )
        except FAILURES as error:
            if code_of(error) in ("not_in_channel", "channel_not_found"):
                raise
            logger.warning("a stream could not be started: %s", code_of(error) or type(error))
            return
        message.ts, message.mode = str(response["ts"]), "streaming"
        message.n_other = len(orjson.dumps(step)) if step else 0
        await self.posted(message.ts)

    async def _put(self, text: str) -> None:
        """Adds inert text, going on in a new message where one is full."""
        while text:
            n = fitting(text, self._last.room, is_first=not self._last.text)
            if n:
                await self._add(self._last, text[:n])
                text = text[n:]
            if text:
                await self._close(self._last, [])
                self._messages.append(_Message())
                await self._start()

    async def _add(self, message: _Message, text: str) -> None:
        message.text += text
        if message.mode == "streaming":
            await self._append(message, markdown_text=text)
        elif message.mode == "broken" and self.clock() - message.updated_at >= _UPDATE_S:
            await self._stop(message)
            await self._try(lambda: self._update(message, []))

    async def _append(self, message: _Message, *, n_other: int = 0, **content: Any) -> None:
        message.n_other += n_other
        try:
            await self.client.chat_appendStream(
                channel=self.place.channel, ts=message.ts, **content
            )
        except asyncio.CancelledError:
            message.mode = "broken"
            raise
        except FAILURES as error:
            logger.warning("a stream broke off: %s", code_of(error) or type(error))
            message.mode = "broken"
            message.is_stopped = code_of(error) == "message_not_in_streaming_state"
            message.updated_at = self.clock()

    async def _close(self, message: _Message, blocks: list[Block]) -> None:
        """Makes the message complete and final, as well as that can be done."""
        if message.mode == "streaming":
            await self._stop(message, blocks=blocks or None)
        if message.mode == "broken":
            await self._stop(message)
            if not await self._try(lambda: self._update(message, blocks)):
                await self._try(lambda: self._update(message, []))
        elif message.mode == "unposted" and not await self._try(
            lambda: self._post(message, blocks)
        ):
            await self._try(lambda: self._post(message, []))
        message.mode = "closed"

    async def _stop(self, message: _Message, **more: Any) -> None:
        """Ends the message's stream, whatever state it is in; broken where that failed."""
        if message.is_stopped:
            return
        try:
            await self.patience.insist(
                lambda: self.client.chat_stopStream(
                    channel=self.place.channel, ts=message.ts, **more
                )
            )
        except FAILURES as error:
            message.mode = "broken"
            message.is_stopped = code_of(error) == "message_not_in_streaming_state"
        else:
            message.is_stopped = True

    async def _update(self, message: _Message, blocks: list[Block]) -> None:
        message.updated_at = self.clock()
        await self.client.chat_update(
            channel=self.place.channel,
            ts=message.ts,
            text=notice(message.text),
            blocks=content(message.text, blocks),
        )

    async def _post(self, message: _Message, blocks: list[Block]) -> None:
        response = await self.client.chat_postMessage(
            channel=self.place.channel,
            thread_ts=self.place.thread,
            text=notice(message.text),
            blocks=content(message.text, blocks),
            unfurl_links=False,
            unfurl_media=False,
        )
        message.ts = str(response["ts"])
        await self.posted(message.ts)

    async def _delete(self, ts: str) -> None:
        await self.client.chat_delete(channel=self.place.channel, ts=ts)

    async def _try(self, call: Callable[[], Awaitable[None]]) -> bool:
        try:
            await self.patience.insist(call)
        except FAILURES as error:
            logger.warning("a message could not be put right: %s", code_of(error) or type(error))
            return False
        return True


Whisper = Callable[[str, list[Block]], Awaitable[None]]


@dataclass(slots=True)
class WhisperedReply:
    """A reply that only the asker sees: messages sent by `whisper` when the answer is there."""

    whisper: Whisper
    patience: Patience

    async def begin(self, title: str) -> None:
        """Nothing: the acknowledgement has said it."""

    async def found(self, title: str, sources: Sequence[dict[str, str]]) -> None:
        """Nothing."""

    async def write(self, text: str) -> None:
        """Nothing: the whole text comes with `finish`."""

    async def restart(self) -> None:
        """Nothing."""

    async def finish(self, text: str, blocks: list[Block]) -> None:
        parts = messages(inert(text))[:_MAX_WHISPERS]
        for part in parts[:-1]:
            await self._send(part, [])
        await self._send(parts[-1] if parts else "", blocks)

    async def fail(self, sentence: str, blocks: list[Block]) -> None:
        await self._send(sentence, blocks)

    async def _send(self, text: str, blocks: list[Block]) -> None:
        await self.patience.insist(lambda: self.whisper(text, blocks))


def notice(text: str) -> str:
    """The beginning of inert Markdown, for notifications."""
    return shortened(escaped(text), 300)


def content(text: str, blocks: list[Block]) -> list[Block]:
    """All blocks of a message with this inert Markdown."""
    return [markdown(text), *blocks] if text else blocks


def _step(title: str, status: str, sources: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    step: dict[str, Any] = {
        "type": "task_update",
        "id": _SEARCH,
        "title": shortened(title, 200),
        "status": status,
    }
    return step | ({"sources": list(sources)} if sources else {})
