"""The service told to stop: streams under way end with their answer, or with an error."""

import json
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import uvicorn

from service import events
from service.api import create_app
from service.app import Core
from service.assistant import Assistant
from service.events import Event
from service.server import Server

WAIT_S = 60.0


class Slow(Assistant):
    """Answers as the real one, but writes only when it is let."""

    def __init__(self, inner: Assistant) -> None:
        self._inner = inner
        self.gate = threading.Event()

    async def ask(self, question: str, **asked: Any) -> AsyncGenerator[Event]:
        async for event in self._inner.ask(question, **asked):
            if isinstance(event, events.Delta):
                await anyio.to_thread.run_sync(self.gate.wait, WAIT_S, abandon_on_cancel=True)
            yield event


class Told(Server):
    """Says when it listens, and when it was told to stop."""

    def __init__(self, config: uvicorn.Config, runs: Any, patience_s: float) -> None:
        super().__init__(config, runs, patience_s)
        self.is_up, self.is_stopping = threading.Event(), threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.is_stopping.set()
        await super().shutdown(sockets)


@contextmanager
def serving(core: Core, patience_s: float) -> Iterator[tuple[str, Told, Slow, threading.Thread]]:
    slow = Slow(core.assistant)
    app = create_app(replace(core, assistant=slow))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=10)
        server = Told(config, app.state.runs, patience_s)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.is_up.wait(WAIT_S)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", server, slow, thread
        finally:
            slow.gate.set()
            server.should_exit = True
            thread.join(WAIT_S)


def last_event(core: Core, *, patience_s: float, is_let: bool) -> tuple[str, dict[str, Any], bool]:
    """How a stream ends that is under way when the signal comes, and whether the server ended."""
    body = {"question": "How does BM25 weigh the terms of a query?", "stream": True}
    with serving(core, patience_s) as (url, server, slow, thread):
        with httpx2.stream("POST", f"{url}/v1/ask", json=body, timeout=WAIT_S) as reply:
            lines = reply.iter_lines()
            while next(lines) != "event: sources":
                pass
            server.handle_exit(signal.SIGTERM, None)
            assert server.is_stopping.wait(WAIT_S)
            if is_let:
                slow.gate.set()
            rest = [line for line in lines if line]
        thread.join(WAIT_S)
        name, data = rest[-2].removeprefix("event: "), rest[-1].removeprefix("data: ")
        return name, json.loads(data), not thread.is_alive()


def test_an_answer_under_way_is_finished_before_the_service_ends(core: Core) -> None:
    name, data, has_ended = last_event(core, patience_s=WAIT_S, is_let=True)

    assert (name, has_ended) == ("done", True)
    assert data["answer"]["citations"]


def test_an_answer_that_takes_too_long_ends_with_an_error(core: Core) -> None:
    name, data, has_ended = last_event(core, patience_s=0.05, is_let=False)

    assert (name, has_ended) == ("error", True)
    assert data["type"] == "stopped"


def test_a_service_without_work_ends_at_once(core: Core) -> None:
    with serving(core, WAIT_S) as (url, server, _, thread):
        assert httpx2.get(f"{url}/healthz", timeout=WAIT_S).status_code == 200

        server.handle_exit(signal.SIGTERM, None)
        thread.join(5)
        assert not thread.is_alive()
