"""A server on loopback that speaks OpenAI's streaming wire format, and its faults, as scripted."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

WAIT_S = 60.0  # for what must happen at once


@dataclass(slots=True)
class Request:
    """A request as it came; `was_left` is set when its client closes the connection."""

    target: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    was_left: threading.Event = field(default_factory=threading.Event)


class Connection:
    """The server's side of one request."""

    def __init__(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self._reader = reader
        self._writer = writer

    async def start(
        self, status: int = 200, content_type: str = "text/event-stream", **headers: str
    ) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", f"Content-Type: {content_type}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += ["Transfer-Encoding: chunked", "Connection: close", "", ""]
        self._writer.write("\r\n".join(lines).encode())
        await self._writer.drain()

    async def send(self, data: bytes) -> None:
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def event(self, event: Mapping[str, Any]) -> None:
        await self.send(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")

    async def delta(self, text: str, finish_reason: str | None = None, **more: str) -> None:
        delta = {"content": text, **more}
        await self.event({"choices": [{"delta": delta, "finish_reason": finish_reason}]})

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def left(self) -> None:
        """Returns when the client has closed the connection."""
        await self._reader.read()
        self.request.was_left.set()

    def abort(self) -> None:
        self._writer.transport.abort()


Reply = Callable[[Connection], Awaitable[None]]


def says(
    *deltas: str,
    finish_reason: str = "stop",
    usage: Mapping[str, int] | None = None,
    reasoning: str = "",
    has_done: bool = True,
) -> Reply:
    """A whole answer. `usage` goes into a last chunk of its own, `reasoning` into a first one."""

    async def reply(connection: Connection) -> None:
        await connection.start()
        if reasoning:
            await connection.delta("", reasoning_content=reasoning)
        for delta in deltas:
            await connection.delta(delta)
        await connection.delta("", finish_reason=finish_reason)
        if usage:
            await connection.event({"choices": [], "usage": usage})
        if has_done:
            await connection.send(b"data: [DONE]\n\n")
        await connection.end()

    return reply


def fails(status: int, message: str = "no", code: str = "", **headers: str) -> Reply:
    """An error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "code": code}}).encode()

    async def reply(connection: Connection) -> None:
        await connection.start(status, "application/json", **headers)
        await connection.send(body)
        await connection.end()

    return reply


def sends(data: bytes, content_type: str = "text/event-stream") -> Reply:
    """These bytes, with status 200."""

    async def reply(connection: Connection) -> None:
        await connection.start(content_type=content_type)
        if data:
            await connection.send(data)
        await connection.end()

    return reply


def ends_early(*deltas: str) -> Reply:
    """Deltas, and then a clean end that nothing announced."""

    async def reply(connection: Connection) -> None:
        await connection.start()
        for delta in deltas:
            await connection.delta(delta)
        await connection.end()

    return reply


def drops(*deltas: str, finish_reason: str | None = None) -> Reply:
    """Deltas, and then a connection that breaks."""

    async def reply(connection: Connection) -> None:
        await connection.start()
        for delta in deltas:
            await connection.delta(delta)
        if finish_reason:
            await connection.delta("", finish_reason)
        connection.abort()

    return reply


def stalls(*deltas: str) -> Reply:
    """Deltas, and then nothing until the client goes away."""

    async def reply(connection: Connection) -> None:
        await connection.start()
        for delta in deltas:
            await connection.delta(delta)
        await connection.left()

    return reply


async def never_answers(connection: Connection) -> None:
    """Not even a status, until the client goes away."""
    await connection.left()


async def hangs_up(connection: Connection) -> None:
    """Breaks the connection before any reply."""
    connection.abort()


class FakeLLM:
    """The server: gives each request the next scripted reply, then 500s.

    It runs in a thread of its own, so that blocking and asynchronous tests can use it.
    """

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[Request] = []
        self.base_url = ""
        self._replies = list(replies)
        self._is_up = threading.Event()
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "FakeLLM":
        self._thread.start()
        assert self._is_up.wait(WAIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._is_up.set()
        await self._stop.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            self.requests.append(request)
            reply = self._replies.pop(0) if self._replies else fails(500, "the script is over")
            await reply(Connection(request, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in filter(None, head[1:]):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split()[1], headers, json.loads(body) if body else {})
