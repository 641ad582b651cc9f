"""A strict Slack: its Web API, response_urls and Socket Mode, over HTTP on this machine.

What the real one refuses is refused; what it takes but we must not do is a violation. Every call
is counted, and `fault` may spoil it. The clock is moved by hand.
"""

import asyncio
import itertools
import json
import socket
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from aiohttp import WSMsgType, web

from ingest.errors import CitelightError
from service.slack.manifest import METHODS
from service.slack.validation import check_blocks

Fault = Literal["429", "500", "lost", "drop", "expired"]  # lost: carried out, the reply is a 500

STREAM_S = 300
OUR_LIMIT = 9_000
_HARD_LIMIT = 10_600
_CALL_CHARS = 12_000
_REQUIRED: dict[str, set[str]] = {
    "agents.sessions.setStatus": {"channel_id", "status", "thread_ts"},
    "assistant.threads.setStatus": {"channel_id", "thread_ts", "status"},
    "assistant.threads.setSuggestedPrompts": {"channel_id", "prompts"},
    "chat.startStream": {"channel", "thread_ts"},
    "chat.appendStream": {"channel", "ts"},
    "chat.stopStream": {"channel", "ts"},
    "chat.update": {"channel", "ts"},
    "chat.delete": {"channel", "ts"},
    "chat.postMessage": {"channel", "text", "unfurl_links", "unfurl_media"},
    "chat.postEphemeral": {"channel", "user", "text"},
    "conversations.replies": {"channel", "ts"},
    "views.open": {"trigger_id", "view"},
    "views.publish": {"user_id", "view"},
    "oauth.v2.access": {"code", "client_id", "client_secret"},
}
_OPTIONAL: dict[str, set[str]] = {
    "agents.sessions.setStatus": {"initiator_user_id", "title"},
    "chat.startStream": {"recipient_user_id", "recipient_team_id", "chunks", "markdown_text"},
    "chat.appendStream": {"markdown_text", "chunks"},
    "chat.stopStream": {"blocks", "markdown_text", "chunks"},
    "chat.update": {"text", "blocks"},
    "chat.postMessage": {"thread_ts", "blocks"},
    "chat.postEphemeral": {"thread_ts", "blocks"},
    "conversations.replies": {"limit"},
    "oauth.v2.access": {"redirect_uri"},
}


@dataclass(slots=True)
class Message:
    """A message of the app as Slack holds it."""

    channel: str
    ts: str
    thread: str = ""
    text: str = ""
    steps: list[Any] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    is_streaming: bool = False
    started: float = 0.0

    @property
    def n_bytes(self) -> int:
        steps = {step["id"]: step for step in self.steps}
        return len(self.text.encode()) + sum(len(json.dumps(s).encode()) for s in steps.values())


class Refused(Exception):
    """Slack answers ok: false with this error."""


@dataclass(slots=True)
class FakeSlack:
    """The state of one Slack with any number of workspaces."""

    tokens: dict[str, str] = field(default_factory=lambda: {"xoxb-1": "T1"})
    app_token: str = "xapp-1"
    outside: set[str] = field(default_factory=set)  # channels that the app is no member of
    readable: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # threads by root ts
    fault: Callable[[int, str], Fault | None] = lambda index, method: None
    now: float = 1_700_000_000.0
    base_url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    deleted: list[Message] = field(default_factory=list)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    sessions: dict[tuple[str, str], str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    acked: dict[str, asyncio.Event] = field(default_factory=dict)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    n_connections: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeSlack"]:
        """Serves it on a free port of this machine."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/respond/{id}", self._respond)
        app.router.add_get("/socket", self._socket)
        app.middlewares.append(self._count_connections())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"{self.base_url}/api/"

    def response_url(self) -> str:
        return f"{self.base_url}/respond/{next(self._ids)}"

    async def sleep(self, seconds: float) -> None:
        """Moves the clock instead of waiting."""
        self.now += seconds
        await asyncio.sleep(0)

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def thread(self, channel: str, thread: str) -> list[Message]:
        """Our messages in a thread, in order."""
        found = [m for m in self.messages.values() if (m.channel, m.thread) == (channel, thread)]
        return sorted(found, key=lambda m: m.ts)

    def text(self, channel: str, thread: str) -> str:
        return "".join(m.text for m in self.thread(channel, thread))

    def open_streams(self) -> list[Message]:
        return [m for m in self.messages.values() if m.is_streaming]

    def _count_connections(self) -> Any:
        seen: set[int] = set()

        @web.middleware
        async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
            if id(request.transport) not in seen:
                seen.add(id(request.transport))
                self.n_connections += 1
            response: web.StreamResponse = await handler(request)
            return response

        return middleware

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args = await _arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = str(args.pop("token", "") or token)
        self.calls.append((method, args))
        fault = self.fault(len(self.calls) - 1, method)
        if fault == "429":
            headers = {"Retry-After": "1"}
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers=headers
            )
        if fault == "500":
            return web.Response(status=500, text="oops", content_type="text/html")
        if fault == "drop":
            assert request.transport
            request.transport.close()
            return web.Response()
        if fault == "expired":
            self.now += STREAM_S + 1
        try:
            content = {"ok": True} | self._carry_out(method, args, token)
        except Refused as refused:
            content = {"ok": False, "error": str(refused)}
        if fault == "lost":
            return web.Response(status=500, text="oops", content_type="text/html")
        return web.json_response(content)

    def _carry_out(self, method: str, args: dict[str, Any], token: str) -> dict[str, Any]:
        if method not in METHODS:
            raise self._violation(f"unknown method {method}", "unknown_method")
        if method == "apps.connections.open":
            return self._open_socket(token)
        if method == "oauth.v2.access":
            self._check_fields(method, args)
            return self._grant(args)
        if token not in self.tokens:
            raise Refused("invalid_auth")
        self._check_fields(method, args)
        result: dict[str, Any] = self._METHODS[method](self, args, self.tokens[token])
        return result

    def _check_fields(self, method: str, args: dict[str, Any]) -> None:
        required = _REQUIRED.get(method, set())
        if missing := required - set(args):
            raise self._violation(f"{method} misses {sorted(missing)}", "invalid_arguments")
        if unknown := set(args) - required - _OPTIONAL.get(method, set()):
            raise self._violation(f"{method} knows no {sorted(unknown)}", "invalid_arguments")
        if "markdown_text" in args and "chunks" in args:
            raise self._violation(f"{method} has text and chunks", "invalid_arguments")
        if args.get("channel", args.get("channel_id")) in self.outside:
            raise Refused("not_in_channel")
        self._check_blocks(method, args.get("blocks") or [])

    def _check_blocks(self, method: str, blocks: list[dict[str, Any]]) -> None:
        try:
            check_blocks(blocks)
        except CitelightError as error:
            raise self._violation(f"{method}: {error}", "invalid_blocks") from error

    def _violation(self, what: str, error: str) -> Refused:
        self.violations.append(what)
        return Refused(error)

    def _new(self, channel: str, thread: str) -> Message:
        message = Message(channel, f"{self.now:.0f}.{next(self._ids):06d}", thread)
        self.messages[channel, message.ts] = message
        return message

    def _find(self, args: dict[str, Any]) -> Message:
        try:
            return self.messages[args["channel"], args["ts"]]
        except KeyError:
            raise Refused("message_not_found") from None

    def _streaming(self, args: dict[str, Any]) -> Message:
        message = self._find(args)
        if self.now - message.started > STREAM_S:
            message.is_streaming = False
        if not message.is_streaming:
            raise Refused("message_not_in_streaming_state")
        return message

    def _start_stream(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        if not args["channel"].startswith("D") and not (
            args.get("recipient_user_id") and args.get("recipient_team_id")
        ):
            raise self._violation("a stream without recipient", "missing_recipient")
        message = self._new(args["channel"], args["thread_ts"])
        message.is_streaming, message.started = True, self.now
        self._add(message, args)
        return {"channel": message.channel, "ts": message.ts}

    def _append(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        message = self._streaming(args)
        self._add(message, args)
        return {"channel": message.channel, "ts": message.ts}

    def _add(self, message: Message, args: dict[str, Any]) -> None:
        text = args.get("markdown_text") or ""
        if len(text) > _CALL_CHARS:
            raise self._violation("too much text in a call", "msg_too_long")
        message.text += text
        message.steps += args.get("chunks") or []
        self._check_size(message)

    def _check_size(self, message: Message) -> None:
        if message.n_bytes > OUR_LIMIT:
            self.violations.append(f"a message of {message.n_bytes} bytes")
        if message.n_bytes > _HARD_LIMIT:
            raise Refused("msg_too_long")

    def _stop(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        message = self._streaming(args)
        self._add(message, args)
        message.is_streaming, message.blocks = False, args.get("blocks") or []
        return {"channel": message.channel, "ts": message.ts}

    def _update(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        message = self._find(args)
        if message.is_streaming and self.now - message.started <= STREAM_S:
            raise Refused("streaming_state_conflict")
        message.is_streaming = False
        self._set(message, args)
        return {"channel": message.channel, "ts": message.ts, "text": args.get("text", "")}

    def _set(self, message: Message, args: dict[str, Any]) -> None:
        blocks = args.get("blocks") or []
        texts = [block["text"] for block in blocks if block["type"] == "markdown"]
        message.text = texts[0] if texts else "" if blocks else args["text"]
        message.blocks = [block for block in blocks if block["type"] != "markdown"]
        message.steps = []
        self._check_size(message)

    def _post(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        if args["unfurl_links"] or args["unfurl_media"]:
            self.violations.append("a message unfurls links")
        message = self._new(args["channel"], args.get("thread_ts", ""))
        self._set(message, args)
        return {"channel": message.channel, "ts": message.ts}

    def _whisper(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        self.whispers.append(args)
        return {"message_ts": f"{self.now:.0f}.{next(self._ids):06d}"}

    def _delete(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        message = self._find(args)
        del self.messages[message.channel, message.ts]
        self.deleted.append(message)
        return {}

    def _set_status(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        if args["status"] not in ("processing", "active", "suspended", "closed"):
            raise self._violation("an unknown status", "invalid_status")
        self.sessions[args["channel_id"], args["thread_ts"]] = args["status"]
        return {"agent_status": args["status"]}

    def _suggest(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        if not 1 <= len(args["prompts"]) <= 4:
            raise self._violation("too many prompts", "invalid_arguments")
        return {}

    def _view(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        view = args["view"]
        self._check_blocks(view["type"], view["blocks"])
        if view["type"] == "modal" and len(view["title"]["text"]) > 24:
            raise self._violation("a long title", "invalid_arguments")
        self.views.append(view)
        return {"view": {"id": "V1"}}

    def _replies(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        if args["ts"] not in self.readable:
            raise Refused("missing_scope")
        return {"messages": self.readable[args["ts"]]}

    def _test(self, args: dict[str, Any], team: str) -> dict[str, Any]:
        who = {"user_id": "UBOT", "bot_id": "BBOT", "user": "citelight"}
        return {"team_id": team, "team": team, "url": "https://example.slack.com/", **who}

    def _grant(self, args: dict[str, Any]) -> dict[str, Any]:
        team = args["code"]
        self.tokens[f"xoxb-{team}"] = team
        return {
            "access_token": f"xoxb-{team}",
            "token_type": "bot",
            "scope": "chat:write",
            "bot_user_id": "UBOT",
            "app_id": "A1",
            "team": {"id": team, "name": team},
            "authed_user": {"id": "U1"},
            "is_enterprise_install": False,
        }

    _METHODS: ClassVar[dict[str, Any]] = {
        "agents.sessions.setStatus": _set_status,
        "assistant.threads.setStatus": lambda self, args, team: {},
        "assistant.threads.setSuggestedPrompts": _suggest,
        "auth.test": _test,
        "chat.startStream": _start_stream,
        "chat.appendStream": _append,
        "chat.stopStream": _stop,
        "chat.update": _update,
        "chat.delete": _delete,
        "chat.postMessage": _post,
        "chat.postEphemeral": _whisper,
        "conversations.replies": _replies,
        "views.open": _view,
        "views.publish": _view,
    }

    async def _respond(self, request: web.Request) -> web.Response:
        content = await request.json()
        used = [r for r in self.responses if r["url"] == request.path]
        if len(used) >= 5:
            self.violations.append("a response_url was used too often")
        try:
            check_blocks(content.get("blocks") or [])
        except CitelightError as error:
            self.violations.append(f"response_url: {error}")
            return web.Response(status=400, text="invalid_blocks")
        if content.get("unfurl_links") is not False:
            self.violations.append("a response unfurls links")
        self.responses.append({"url": request.path, **content})
        return web.Response(text="ok")

    def _open_socket(self, token: str) -> dict[str, Any]:
        if token != self.app_token:
            raise Refused("invalid_auth")
        return {"url": self.base_url.replace("http", "ws") + "/socket"}

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        self.sockets.append(connection)
        await connection.send_json({"type": "hello", "num_connections": 1})
        self.connected.set()
        async for message in connection:
            if message.type == WSMsgType.TEXT:
                envelope = json.loads(message.data)["envelope_id"]
                self.acked.setdefault(envelope, asyncio.Event()).set()
        return connection

    async def send(self, kind: str, payload: dict[str, Any]) -> None:
        """Sends an envelope by Socket Mode and waits until it is acknowledged."""
        envelope = f"e{next(self._ids)}"
        acked = self.acked.setdefault(envelope, asyncio.Event())
        await self.sockets[-1].send_json(
            {
                "type": kind,
                "envelope_id": envelope,
                "payload": payload,
                "accepts_response_payload": False,
            }
        )
        await asyncio.wait_for(acked.wait(), 5)

    async def drop_socket(self) -> None:
        """Closes the current connection, as Slack does every few hours."""
        self.connected.clear()
        await self.sockets[-1].close()


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        return dict(await request.json())
    args = {**request.query, **{n: str(v) for n, v in (await request.post()).items()}}
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind == "Basic":
        args["client_id"], _, args["client_secret"] = b64decode(value).decode().partition(":")
    return args
