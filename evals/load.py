"""A load test of the HTTP API: many askers at once who read streams, with a new question each time.

    uv run python -m evals.load [--askers 50] [--seconds 60] [--mode extractive llm paced bare]

The service runs in a process of its own over the sample library: quoting (`extractive`), or with a
model on loopback that writes a piece every 20 ms (`llm`). For comparison a FastAPI endpoint sends
the same bytes as `llm` and does nothing else, each event when the same model has written a piece
(`paced`), or at once (`bare`). Prints requests a second, CPU time of the service for each, errors,
times to the first source and text, how late the event loop was, and memory in MB. Exit code 1 for
errors or where the loop was later than 100 ms at p99.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from service.api import create_app
from service.app import add_sample_if_empty, build
from service.settings import Settings

_LAG_P99_MS = 100
_PIECE_S = 0.02  # between the pieces of the model
_TICK_S = 0.01  # between two looks at the event loop
_MODES = ("extractive", "llm", "paced", "bare")
# What the model writes, in 28 pieces; its marks are other papers' for other questions.
_WRITTEN = re.findall(
    r"\S+\s*",
    "The abstract describes how this works in practice [1]. A second paper reports similar gains "
    "[2]. Their methods differ in data [1]. Neither compares both on one [3].",
)
_TOPICS = (
    "How does BM25 weigh the terms of a query?",
    "What is dropout?",
    "How does late interaction work in ColBERT?",
    "What does the Transformer dispense with?",
    "How are dense passage retrievers trained?",
    "What is retrieval-augmented generation?",
    "How does BERT learn from unlabelled text?",
)


@dataclass(slots=True)
class Seen:
    """What the askers saw; times in ms."""

    first_source: list[float] = field(default_factory=list)
    first_text: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    n: int = 0


async def ask(client: httpx2.AsyncClient, question: str, seen: Seen) -> None:
    """Asks once and reads the stream to its end."""
    began, has_text, last = time.perf_counter(), False, ""
    body = {"question": question, "stream": True}
    try:
        async with client.stream("POST", "/v1/ask", json=body) as reply:
            async for line in reply.aiter_lines():
                if not line.startswith("event: "):
                    continue
                last, took = line[7:], (time.perf_counter() - began) * 1000
                if last == "sources":
                    seen.first_source.append(took)
                elif last == "delta" and not has_text:
                    has_text = True
                    seen.first_text.append(took)
    except httpx2.HTTPError as error:
        seen.errors.append(repr(error))
        return
    seen.n += 1
    if last != "done":
        seen.errors.append(f"ended with {last or reply.status_code}")


async def load(url: str, askers: int, seconds: float) -> dict[str, Any]:
    """`askers` who ask one question after the other for `seconds`."""
    seen, end = Seen(), time.perf_counter() + seconds

    async def asker(number: int) -> None:
        asked = number
        while time.perf_counter() < end:
            await ask(client, f"{_TOPICS[asked % len(_TOPICS)]} ({asked})", seen)
            asked += askers

    limits = httpx2.Limits(max_connections=askers)
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        began = time.perf_counter()
        await asyncio.gather(*(asker(n) for n in range(askers)))
    rate = seen.n / (time.perf_counter() - began)
    return {
        "requests": seen.n,
        "per_s": round(rate, 1),
        "errors": seen.errors[:5],
        "first_source_ms": _middle_and_late(seen.first_source),
        "first_text_ms": _middle_and_late(seen.first_text),
    }


def _middle_and_late(values: list[float]) -> list[float]:
    """p50 and p99."""
    ordered = sorted(values) or [0.0]
    return [round(ordered[int(share * (len(ordered) - 1))], 1) for share in (0.5, 0.99)]


async def serve(server: uvicorn.Server) -> None:
    """Serves until a signal; then prints how late the event loop was, and memory over time."""
    lags, memory = list[float](), list[float]()

    async def look() -> None:
        while True:
            due = time.perf_counter() + _TICK_S
            await asyncio.sleep(_TICK_S)
            lags.append((time.perf_counter() - due) * 1000)
            if len(lags) % 100 == 1:
                memory.append(_memory())

    looking = asyncio.create_task(look())
    await server.serve()
    looking.cancel()
    thirds = [round(memory[i * (len(memory) - 1) // 3], 1) for i in range(4)]
    print(json.dumps({"lag_ms": _middle_and_late(lags), "memory_mb": thirds}), flush=True)  # noqa: T201


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def model_app() -> FastAPI:
    """A chat model that writes at a steady pace."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete() -> StreamingResponse:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    async def pieces() -> AsyncIterator[bytes]:
        for word in _WRITTEN:
            await asyncio.sleep(_PIECE_S)
            chunk = {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        yield f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode()

    return app


def bare_app(events: bytes, model_url: str = "") -> FastAPI:
    """An endpoint that sends these events, one by one; with a model, one for each of its pieces."""
    app = FastAPI()
    parts = [part + b"\n\n" for part in events.split(b"\n\n") if part]
    model = httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=None))

    @app.post("/v1/ask")
    async def answer(body: dict[str, Any]) -> StreamingResponse:
        return StreamingResponse(paced() if model_url else sent(), media_type="text/event-stream")

    async def sent() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def paced() -> AsyncIterator[bytes]:
        rest = iter(parts)
        async with model.stream("POST", f"{model_url}/v1/chat/completions", json={}) as reply:
            async for _ in reply.aiter_bytes():
                if part := next(rest, None):
                    yield part
        for part in rest:
            yield part

    return app


def _app(mode: str, home: Path, model_url: str) -> FastAPI:
    if mode == "model":
        return model_app()
    if mode in ("bare", "paced"):
        return bare_app((home / "events").read_bytes(), model_url if mode == "paced" else "")
    more = {"model": "paced", "openai_base_url": f"{model_url}/v1"} if mode == "llm" else {}
    core = build(Settings(home=home, _env_file=None, **more))  # type: ignore[arg-type]  # by name
    add_sample_if_empty(core.library)
    core.library.refresh()
    core.warm_up()
    return create_app(core)


@contextmanager
def running(mode: str, home: Path, model_url: str = "") -> Iterator[tuple[str, int, list[str]]]:
    """A process that serves; its URL and id, and after the block what it printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = ["--serve", mode, "--home", str(home), "--port", str(port), "--model-url", model_url]
    command = [sys.executable, "-m", "evals.load", *told]
    printed: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url, process.pid, printed
        finally:
            process.send_signal(signal.SIGINT)
            printed += process.communicate()[0].splitlines()


def _wait_for(url: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            httpx2.get(url, timeout=5)
        except httpx2.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def measure(mode: str, home: Path, askers: int, seconds: float) -> dict[str, Any]:
    """One mode under load."""
    with running("model", home) as (model_url, _, _):
        with running(mode, home, model_url) as (url, process, printed):
            body = {"question": _TOPICS[0], "stream": True}
            events = httpx2.post(f"{url}/v1/ask", json=body, timeout=60).content
            used = _cpu_s(process)
            found = asyncio.run(load(url, askers, seconds))
            used = _cpu_s(process) - used
        if mode in ("extractive", "llm"):
            (home / "events").write_bytes(events)
    cpu_ms = round(1000 * used / max(1, found["requests"]), 1)
    return {"mode": mode, **found, "cpu_ms": cpu_ms, **json.loads(printed[-1])}


def _cpu_s(process: int) -> float:
    """Seconds of CPU time of a process so far, all threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--mode", nargs="+", choices=_MODES, default=_MODES)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--model-url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        app = _app(given.serve, given.home, given.model_url)
        config = uvicorn.Config(app, port=given.port, log_level="error")
        with (
            suppress(KeyboardInterrupt),
            asyncio.Runner(loop_factory=config.get_loop_factory()) as runner,
        ):
            runner.run(serve(uvicorn.Server(config)))
        return 0
    is_bad = False
    with tempfile.TemporaryDirectory() as folder:
        for mode in given.mode:
            found = measure(mode, Path(folder), given.askers, given.seconds)
            print(json.dumps(found))  # noqa: T201
            is_bad |= bool(found["errors"]) or found["lag_ms"][1] > _LAG_P99_MS
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
