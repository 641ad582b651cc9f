"""A loopback server that stands for the services, and misbehaves on demand.

`FeedServer` answers with what it is given; the functions below it answer as each service does,
over a list of `Work`s. Services' own paging is kept: offsets, cursors, tokens, ids.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from ingest.feeds.client import Clock


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `cut_at` is the byte after which the connection breaks off."""

    body: bytes | str = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None


Answer = Callable[[Asked], Reply]


class FeedServer:
    """Answers each request by `answer`, after the replies in `trouble` are used up."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.trouble: deque[Reply] = deque()
        self.asked: list[Asked] = []
        self.url = ""

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self.trouble.popleft() if self.trouble else self.answer(asked)


@contextmanager
def serving(answer: Answer) -> Iterator[FeedServer]:
    """A running server; `url` is its address."""
    server = FeedServer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query))
            headers = {name.lower(): value for name, value in self.headers.items()}
            _send(self, server.reply(Asked(parts.path, params, headers)))

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    handler.send_response(reply.status)
    handler.send_header("Content-Type", reply.kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: reply.cut_at])


class FakeTime:
    """Time that passes only when somebody sleeps; `slept` are the seconds of each sleep."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        self.moment = start
        self.slept: list[float] = []

    @property
    def clock(self) -> Clock:
        return Clock(sleep=self.sleep, now=lambda: self.moment)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Work:
    """A paper that a service has; `n` makes its ids."""

    n: int
    abstract: str = ""

    @property
    def title(self) -> str:
        return f"Roofs & rain, part {self.n}"


def works(n: int, *, without: Sequence[int] = ()) -> list[Work]:
    """`n` works, the ones numbered in `without` without abstract."""
    text = "Roof number {} holds rain. Moss on it holds {} percent more rain than slate does."
    return [Work(i, "" if i in without else text.format(i, i + 10)) for i in range(n)]


def arxiv(have: Sequence[Work]) -> Answer:
    def answer(asked: Asked) -> Reply:
        start, size = int(asked.params["start"]), int(asked.params["max_results"])
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/2401.{w.n:05}v1</id><title>{escape(w.title)}</title>"
            f"<published>2024-01-{1 + w.n % 28:02}T10:00:00Z</published>"
            f"<summary>{w.abstract}</summary><author><name>Ada Moss</name></author></entry>"
            for w in have[start : start + size]
        )
        head = (
            '<feed xmlns="http://www.w3.org/2005/Atom" '
            'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
            f"<opensearch:totalResults>{len(have)}</opensearch:totalResults>"
        )
        return Reply(f"{head}{entries}</feed>", kind="application/atom+xml")

    return answer


def openalex(have: Sequence[Work], size: int) -> Answer:
    def answer(asked: Asked) -> Reply:
        part, cursor = _part(have, asked.params["cursor"], size)
        results = [
            {
                "id": f"https://openalex.org/W{1000 + w.n}",
                "title": w.title,
                "publication_year": 2024,
                "abstract_inverted_index": _inverted(w.abstract),
            }
            for w in part
        ]
        meta = {"count": len(have), "next_cursor": cursor}
        return Reply(json.dumps({"meta": meta, "results": results}))

    return answer


def crossref(have: Sequence[Work], size: int) -> Answer:
    """The cursor stays the same from page to page, as the real one does."""
    at = 0

    def answer(asked: Asked) -> Reply:
        nonlocal at
        at = 0 if asked.params["cursor"] == "*" else at
        items = [
            {"DOI": f"10.5555/{w.n}", "title": [w.title], "container-title": ["Roofs"]}
            | ({"abstract": f"<jats:p>{w.abstract}</jats:p>"} if w.abstract else {})
            for w in have[at : at + size]
        ]
        at += size
        message = {"total-results": len(have), "items": items, "next-cursor": "scroll=="}
        return Reply(json.dumps({"status": "ok", "message": message}))

    return answer


def pubmed(have: Sequence[Work]) -> Answer:
    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/esearch.fcgi"):
            ids = [str(100 + w.n) for w in reversed(have)]
            found = {"count": str(len(ids)), "idlist": ids}
            return Reply(json.dumps({"esearchresult": found}))
        wanted = asked.params["id"].split(",")
        articles = "".join(
            f"<PubmedArticle><MedlineCitation><PMID>{100 + w.n}</PMID><Article>"
            f"<ArticleTitle>{escape(w.title)}</ArticleTitle>"
            f"<Abstract><AbstractText>{w.abstract}</AbstractText></Abstract>"
            "</Article></MedlineCitation></PubmedArticle>"
            for w in have
            if str(100 + w.n) in wanted
        )
        return Reply(f"<PubmedArticleSet>{articles}</PubmedArticleSet>", kind="text/xml")

    return answer


def semanticscholar(have: Sequence[Work], size: int) -> Answer:
    def answer(asked: Asked) -> Reply:
        part, token = _part(have, asked.params.get("token", "*"), size)
        data = [
            {"paperId": f"{w.n:040x}", "title": w.title, "abstract": w.abstract or None}
            for w in part
        ]
        return Reply(json.dumps({"total": len(have), "token": token, "data": data}))

    return answer


def oai(have: Sequence[Work], size: int, *, deleted: Sequence[int] = ()) -> Answer:
    def answer(asked: Asked) -> Reply:
        part, token = _part(have, asked.params.get("resumptionToken", "*"), size)
        records = "".join(_oai_record(w, w.n in deleted) for w in part)
        end = f'<resumptionToken completeListSize="{len(have)}">{token or ""}</resumptionToken>'
        return Reply(oai_page(f"<ListRecords>{records}{end}</ListRecords>"), kind="text/xml")

    return answer


def oai_page(inside: str) -> str:
    """An answer of a repository around some XML."""
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inside}</OAI-PMH>'


def _oai_record(work: Work, is_deleted: bool) -> str:
    status = ' status="deleted"' if is_deleted else ""
    header = f"<header{status}><identifier>oai:roofs.org:{work.n}</identifier></header>"
    if is_deleted:
        return f"<record>{header}</record>"
    dc = 'xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="urn:dc"'
    return (
        f"<record>{header}<metadata><oai_dc:dc {dc}><dc:title>{escape(work.title)}</dc:title>"
        f"<dc:description>{work.abstract}</dc:description></oai_dc:dc></metadata></record>"
    )


def _part(have: Sequence[Work], cursor: str, size: int) -> tuple[Sequence[Work], str | None]:
    at = 0 if cursor == "*" else int(cursor)
    return have[at : at + size], str(at + size) if at + size < len(have) else None


def _inverted(text: str) -> dict[str, list[int]] | None:
    places: dict[str, list[int]] = {}
    for n, word in enumerate(text.split()):
        places.setdefault(word, []).append(n)
    return places or None
