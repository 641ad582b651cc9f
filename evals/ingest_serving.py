"""Questions to a running service while papers are ingested: none may fail, few may wait.

    uv run python -m evals.ingest_serving CORPUS.jsonl.gz [--papers 300] [--questions 60]
        [--home COPY] [--asked QUERIES.jsonl]

A service over the sample library, or over a copy of another one, answers questions one after
another, first alone, then while another process ingests. Prints the 95th percentiles of both,
what failed, and how long after the ingestion's end its last paper was found.
"""

import argparse
import gzip
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

QUESTIONS = (
    "How does BM25 weigh the terms of a query?",
    "What is dense passage retrieval?",
    "How does late interaction compare query and passage?",
    "What does retrieval augmented generation improve?",
    "How are sentence embeddings trained?",
    "What is attention in the transformer?",
)
_LONGEST_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--papers", type=int, default=300)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--home", type=Path, help="a copy of a library; papers are added to it")
    parser.add_argument("--asked", type=Path, help="questions as BEIR has them, in place of ours")
    args = parser.parse_args()
    asked = QUESTIONS
    if args.asked:
        lines = args.asked.read_text(encoding="utf-8").splitlines()
        asked = tuple(json.loads(line)["text"] for line in lines)[: args.questions]
    with tempfile.TemporaryDirectory(prefix="citelight-serving-") as folder:
        file = Path(folder, "more.jsonl")
        with gzip.open(args.corpus, "rt", encoding="utf-8") as lines:
            read = list(itertools.islice(lines, args.papers))
        file.write_text("".join(read), encoding="utf-8")
        os.environ["CITELIGHT_HOME"] = str(args.home or Path(folder, "home"))
        print(json.dumps(_measure(file, asked, args.questions, read[-1])))  # noqa: T201


def _measure(
    file: Path, questions: Sequence[str], n_questions: int, last: str
) -> dict[str, object]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    service = _command("serve", "--port", str(port))
    try:
        _until(lambda: _get(f"{base}/readyz") is not None)
        for question in questions:
            _ask(base, question)
        asked = itertools.cycle(questions)
        quiet = [_ask(base, next(asked)) for _ in range(n_questions)]
        ingestion = _command("ingest", str(file))
        busy = []
        while ingestion.poll() is None:
            busy.append(_ask(base, next(asked)))
        ended = time.monotonic()
        title = json.loads(last)["title"]
        _until(lambda: title in str(_get(f"{base}/v1/search?k=1&q={quote(title)}")))
        found_s = time.monotonic() - ended
    finally:
        service.terminate()
        service.wait()
    p95 = {name: _p95(times) for name, times in (("quiet", quiet), ("busy", busy))}
    return {
        "questions": {"quiet": len(quiet), "busy": len(busy)},
        "failed": quiet.count(None) + busy.count(None),
        "p95_ms": p95,
        "ratio": round(p95["busy"] / p95["quiet"], 2),
        "exit_code": ingestion.returncode,
        "found_after_s": round(found_s, 2),
    }


def _command(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "service.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ask(base: str, question: str) -> float | None:
    """Seconds until the answer came whole; None if it failed."""
    request = Request(f"{base}/v1/ask", json.dumps({"question": question}).encode())
    request.add_header("Content-Type", "application/json")
    began = time.monotonic()
    try:
        with urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
    except (URLError, TimeoutError, ValueError):
        return None
    return None if answer["state"] == "failed" else time.monotonic() - began


def _get(url: str) -> Any:
    try:
        with urlopen(url, timeout=60) as reply:
            return json.loads(reply.read() or b"true")
    except (URLError, ValueError):
        return None


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _p95(times: list[float | None]) -> float:
    return round(statistics.quantiles([t for t in times if t is not None], n=20)[-1] * 1000)


if __name__ == "__main__":
    main()
