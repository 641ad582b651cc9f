"""What the service writes into its log, and what it keeps out of it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service import logs
from service.api import create_app
from service.app import Core
from service.logs import ConsoleLines, JsonLines, facts
from tests.conftest import settings

QUESTION = "How does BM25 weigh the terms of a query?"


class _Kept(logging.Handler):
    """Keeps the lines as they would be written."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[_Kept]:
    handler, log = _Kept(JsonLines()), logging.getLogger("citelight")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


def test_an_answer_is_logged_without_its_question(client: TestClient, kept: _Kept) -> None:
    client.post("/v1/ask", json={"question": QUESTION})
    client.get("/v1/search", params={"q": QUESTION})
    events = [json.loads(line) for line in kept.lines]

    assert [e["event"] for e in events] == ["answer answered", "request", "request"]
    assert "BM25" not in "".join(kept.lines)


def test_a_request_and_its_answer_share_an_id(client: TestClient, kept: _Kept) -> None:
    reply = client.post("/v1/ask", json={"question": QUESTION})
    ids = {json.loads(line)["request_id"] for line in kept.lines}

    assert ids == {reply.headers["x-request-id"]}


def test_a_request_is_logged_by_the_pattern_of_its_address(client: TestClient, kept: _Kept) -> None:
    client.get("/v1/answers/secret-name-of-an-answer")
    (line,) = [json.loads(line) for line in kept.lines]

    assert (line["route"], line["status"]) == ("/v1/answers/{answer_id}", 404)
    assert "secret" not in kept.lines[0]


def test_questions_are_logged_where_that_is_wanted(core: Core, kept: _Kept, tmp_path: Path) -> None:
    from dataclasses import replace

    wanted = replace(core, settings=settings(tmp_path, log_questions=True))
    with TestClient(create_app(wanted)) as client:
        client.post("/v1/ask", json={"question": QUESTION})

    assert json.loads(kept.lines[0])["question"] == QUESTION


def test_health_checks_are_not_logged(client: TestClient, kept: _Kept) -> None:
    client.get("/healthz")
    client.get("/metrics")

    assert kept.lines == []


def record(message: str, **values: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "citelight"})
    made.__dict__ |= facts(**values)
    return made


def test_a_json_line_is_one_line_whatever_is_told() -> None:
    line = JsonLines().format(record("two\nlines", path=Path("/x"), text="a\nb"))

    assert "\n" not in line
    assert json.loads(line)["path"] == "/x"


def test_an_exception_is_part_of_its_json_line() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        made = record("failed")
        made.exc_info = (type(error), error, error.__traceback__)

    assert "ValueError: no" in json.loads(JsonLines().format(made))["exception"]


def test_a_console_line_tells_the_facts_after_the_words() -> None:
    assert ConsoleLines().format(record("request", status=200)).endswith("INFO request status=200")


def test_a_json_line_names_its_request() -> None:
    token = logs.request_id.set("abc")
    try:
        line = json.loads(JsonLines().format(record("request")))
    finally:
        logs.request_id.reset(token)

    assert line["request_id"] == "abc"
