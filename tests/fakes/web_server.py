"""A stub of `/v1` on loopback that plays scenes to the web pages, and serves the real pages.

For looking at the pages by hand: `uv run python -m tests.fakes.web_server` and open the address.
"""

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from service import web
from tests.fakes.web_papers import BY_ID, PAPERS, Json, card
from tests.fakes.web_scenes import Scene, scene_of


@dataclass
class Played:
    """A run: its scene, how far it has been played, and who looks."""

    question: str
    conversation: str
    scene: Scene
    events: list[tuple[str, Json]] = field(default_factory=list)
    at: int = 0
    is_watched: bool = False
    is_closed: threading.Event = field(default_factory=threading.Event)


class Stub:
    """The state of the stub, and its answers. Tests change `library`, `gates` and `refuse`."""

    def __init__(self, pace_s: float = 0.0) -> None:
        self.pace_s = pace_s
        self.reset()

    def reset(self) -> None:
        """As new."""
        self.library: Json = {
            "papers": 349,
            "snapshot": "5f3a9c0d1e2b4a67",
            "embedder": "all-MiniLM-L6-v2",
            "model": None,
            "indexing": False,
            "examples": [
                "What do sparse codes name in a network?",
                "How do dead features come to life?",
                "What does a linear probe not tell?",
            ],
            "sources": [{"name": "pages.txt", "papers": 300}, {"name": "export.bib", "papers": 49}],
            "years": [{"name": str(year), "papers": year % 7 + 2} for year in range(2012, 2026)],
            "venues": [{"name": "arXiv", "papers": 210}, {"name": "Garden Letters", "papers": 3}],
        }
        self.papers: dict[str, Json] = dict(BY_ID)
        self.runs: dict[str, Played] = {}
        self.answers: dict[str, Json] = {}
        self.conversations: dict[str, Json] = {}
        self.feedback: list[Json] = []
        self.asked: list[Json] = []
        self.gates: set[str] = set()
        self.refuse: Response | None = None  # given once, to the next question
        self.jobs: dict[str, Json] = {}

    # asking

    async def ask(self, request: Request) -> Response:
        body = await request.json()
        if self.refuse is not None:
            refused, self.refuse = self.refuse, None
            return refused
        self.asked.append(body)
        owner, cookie = _owner(request)
        conversation = body.get("conversation_id") or self._begin(owner, body["question"])
        run_id = secrets.token_hex(4)
        run = Played(body["question"], conversation, scene_of(body["question"]))
        start = {"id": run_id, "question": run.question, "conversation_id": conversation}
        run.events.append(("run", start))
        self.runs[run_id] = run
        response = StreamingResponse(self._watch(run_id, 0), media_type="text/event-stream")
        if cookie:
            response.set_cookie("reader", owner, httponly=True, samesite="lax")
        return response

    def _begin(self, owner: str, question: str) -> str:
        key = secrets.token_hex(4)
        title = question[:80]
        stored = {"id": key, "title": title, "updated_at": _now(), "owner": owner, "turns": []}
        self.conversations[key] = stored
        return key

    async def _watch(self, run_id: str, after: int) -> AsyncIterator[bytes]:
        run = self.runs[run_id]
        run.is_watched = True
        try:
            for number in range(after + 1, 10_000):
                while len(run.events) < number:
                    if not await self._play(run_id, run):
                        return
                name, data = run.events[number - 1]
                yield f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
                if name in ("done", "error"):
                    return
        finally:
            run.is_closed.set()

    async def _play(self, run_id: str, run: Played) -> bool:
        """Play one step; False where the connection ends."""
        name, data = run.scene[run.at]
        if name == "gate" and data not in self.gates:
            await asyncio.sleep(0.005)
            return True
        run.at += 1
        if name in ("cut", "lose"):
            if name == "lose":
                del self.runs[run_id]
            return False
        if name != "gate":
            if name == "done":
                self._save(run_id, run, data["answer"])
            run.events.append((name, data))
            await asyncio.sleep(self.pace_s)
        return True

    def _save(self, run_id: str, run: Played, answer: Json) -> None:
        answer |= {"id": run_id, "run_id": run_id, "conversation_id": run.conversation}
        self.answers[run_id] = answer
        if run.conversation in self.conversations:
            self.conversations[run.conversation]["turns"].append(answer)
            self.conversations[run.conversation]["updated_at"] = _now()

    async def resume(self, request: Request) -> Response:
        run_id = request.path_params["id"]
        if run_id not in self.runs:
            return _problem(404, "There is no such thing here", "The answer is gone.")
        after = int(request.query_params["after"])
        return StreamingResponse(self._watch(run_id, after), media_type="text/event-stream")

    async def stop(self, request: Request) -> Response:
        run = self.runs.get(request.path_params["id"])
        if run is None:
            return _problem(404, "There is no such thing here", "The answer is gone.")
        stopped = {"type": "stopped", "title": "Stopped", "status": 499, "detail": "Stopped."}
        run.scene = [*run.scene[: run.at], ("error", stopped)]
        return Response(status_code=204)

    # reading

    async def one_paper(self, request: Request) -> Response:
        found = self.papers.get(request.path_params["id"])
        return JSONResponse(found) if found else _problem(404, "Not here", "No such paper.")

    async def one_answer(self, request: Request) -> Response:
        found = self.answers.get(request.path_params["id"])
        return JSONResponse(found) if found else _problem(404, "Not here", "No such answer.")

    async def give_feedback(self, request: Request) -> Response:
        self.feedback.append(await request.json() | {"answer": request.path_params["id"]})
        return Response(status_code=204)

    async def describe(self, request: Request) -> Response:
        return JSONResponse(self.library)

    async def search(self, request: Request) -> Response:
        hits = []
        for rank, whole in enumerate(PAPERS, 1):
            shown = card(whole, rank)
            why = shown.pop("why")
            hits.append({"score": shown.pop("score"), "paper": shown} | why)
        return JSONResponse({"query": request.query_params["q"], "snapshot": "5f3a", "hits": hits})

    async def list_papers(self, request: Request) -> Response:
        wanted = request.query_params.get("q", "").lower()
        found = [p for p in self.papers.values() if wanted in p["title"].lower()]
        if request.query_params.get("sort") == "title":
            found.sort(key=lambda p: str(p["title"]))
        start = int(request.query_params.get("cursor") or 0)
        following = str(start + 4) if start + 4 < len(found) else None
        shown = [card(whole) for whole in found[start : start + 4]]
        page = {"papers": shown, "next_cursor": following, "total": len(found)}
        return JSONResponse(page)

    async def add_papers(self, request: Request) -> Response:
        body = await request.body()
        names = [part.split(b'"')[0].decode() for part in body.split(b'filename="')[1:]]
        report = {
            "found": 4, "new": 2, "updated": 0, "unchanged": 1, "duplicates": 0,
            "rejected": [{"file": names[0], "record": "record 3", "reason": "no abstract"}],
            "papers": 351, "snapshot": "77aa",
        }  # fmt: skip
        key = secrets.token_hex(4)
        self.jobs[key] = {"id": key, "state": "running", "report": report, "error": ""}
        return JSONResponse({"job": key}, status_code=202)

    async def remove_paper(self, request: Request) -> Response:
        found = self.papers.pop(request.path_params["id"], None)
        return Response(status_code=204) if found else _problem(404, "Not here", "No such paper.")

    async def export(self, request: Request) -> Response:
        name = f"answer.{request.query_params['format']}"
        return Response(
            "TY  - JOUR", headers={"Content-Disposition": f"attachment; filename={name}"}
        )

    async def job(self, request: Request) -> Response:
        job = self.jobs[request.path_params["id"]]
        shown = dict(job)
        if job["state"] == "running":
            shown["report"] = None
            job["state"] = "done"
        return JSONResponse(shown)

    # conversations

    async def history(self, request: Request) -> Response:
        owner, _ = _owner(request)
        mine = [c for c in self.conversations.values() if c["owner"] == owner]
        mine.sort(key=lambda c: str(c["updated_at"]), reverse=True)
        rows = [{name: c[name] for name in ("id", "title", "updated_at")} for c in mine]
        return JSONResponse({"conversations": rows})

    async def conversation(self, request: Request) -> Response:
        key = request.path_params["id"]
        stored = self.conversations.get(key)
        if stored is None or stored["owner"] != _owner(request)[0]:
            return _problem(404, "Not here", "There is no such conversation.")
        if request.method == "DELETE":
            del self.conversations[key]
            return Response(status_code=204)
        if request.method == "PATCH":
            stored["title"] = (await request.json())["title"]
        return JSONResponse({name: stored[name] for name in ("id", "title", "turns")})

    def routes(self) -> list[Route]:
        return [
            Route("/v1/ask", self.ask, methods=["POST"]),
            Route("/v1/runs/{id}/events", self.resume),
            Route("/v1/runs/{id}", self.stop, methods=["DELETE"]),
            Route("/v1/papers", self.add_papers, methods=["POST"]),
            Route("/v1/papers", self.list_papers),
            Route("/v1/papers/{id}", self.remove_paper, methods=["DELETE"]),
            Route("/v1/papers/{id}", self.one_paper),
            Route("/v1/jobs/{id}", self.job),
            Route("/v1/search", self.search),
            Route("/v1/answers/{id}", self.one_answer),
            Route("/v1/answers/{id}/export", self.export),
            Route("/v1/answers/{id}/feedback", self.give_feedback, methods=["POST"]),
            Route("/v1/library", self.describe),
            Route("/v1/conversations", self.history),
            Route("/v1/conversations/{id}", self.conversation, methods=["GET", "PATCH", "DELETE"]),
        ]


def _owner(request: Request) -> tuple[str, bool]:
    known = request.cookies.get("reader")
    return known or secrets.token_hex(4), known is None


def _problem(status: int, title: str, detail: str, **headers: str) -> Response:
    problem = {"type": "stub", "title": title, "status": status, "detail": detail}
    return JSONResponse(problem, status, headers, media_type="application/problem+json")


def too_many(seconds: int) -> Response:
    """The refusal of a rate limit."""
    headers = {"Retry-After": str(seconds)}
    return _problem(429, "Too many questions", "Wait a little, then ask again.", **headers)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def make_app(stub: Stub) -> Starlette:
    """The stub with the real pages."""
    app = Starlette(routes=stub.routes())
    web.mount(app)
    return app


class WebServer:
    """The stub in a thread, on a free port of loopback."""

    def __init__(self, stub: Stub, port: int = 0) -> None:
        self.stub = stub
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(make_app(stub), log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> "WebServer":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()


if __name__ == "__main__":
    uvicorn.run(make_app(Stub(pace_s=0.01)), port=8600, log_level="warning")
