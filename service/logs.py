"""Log lines, for people or as JSON. What was asked stays out of them unless wanted."""

import logging
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from ingest.errors import CitelightError
from service import events
from service.events import Event

Form = Literal["console", "json"]
Level = Literal["debug", "info", "warning", "error"]

request_id: ContextVar[str] = ContextVar("request_id", default="")  # a task's own, not shared
_answers = logging.getLogger("citelight.answers")


def configure(form: Form = "console", level: Level = "info") -> None:
    """Sends every log line of this process to stderr in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else ConsoleLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "httpx2", "mcp"):  # a line a request each, addresses and all
        logging.getLogger(noisy).setLevel(logging.WARNING)


def facts(**values: object) -> dict[str, Mapping[str, object]]:
    """What a log line tells beside its words: `logger.info("done", extra=facts(papers=3))`."""
    return {"facts": {name: value for name, value in values.items() if value not in (None, "")}}


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, event, request_id, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without an end of line; an exception is in it as text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "at": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if asked_by := request_id.get():
            line["request_id"] = asked_by
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class ConsoleLines(logging.Formatter):
    """Time, level, words, then the facts as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - of logging
        """The line without exception."""
        told = dict(getattr(record, "facts", {}))
        if asked_by := request_id.get():
            told["request_id"] = asked_by
        return " ".join([super().formatMessage(record), *(f"{n}={v}" for n, v in told.items())])


class AnswerLog:
    """Writes a line for every answer, with its question only where that is wanted."""

    def __init__(self, *, with_questions: bool = False) -> None:
        self._with_questions = with_questions

    async def watch(self, stream: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """The same events, their end written down."""
        began, run, end, told = time.perf_counter(), None, "stopped", facts()
        try:
            async with aclosing(stream):
                async for event in stream:
                    if isinstance(event, events.Run):
                        run = event
                    elif isinstance(event, events.Done):
                        end, told = "answered", self._about(event)
                    yield event
        except Exception as error:
            end = "failed"
            name = type(error).__name__
            told = facts(type=name if isinstance(error, CitelightError) else f"internal: {name}")
            raise
        finally:
            if run:
                more = facts(run=run.id, ms=round((time.perf_counter() - began) * 1000))
                if self._with_questions:
                    more["facts"] = {**more["facts"], "question": run.question}
                _answers.info("answer %s", end, extra={"facts": {**more["facts"], **told["facts"]}})

    def _about(self, done: events.Done) -> dict[str, Mapping[str, object]]:
        answer = done.answer
        return facts(
            state=answer.state,
            engine=answer.engine,
            depth=answer.depth,
            cited=len(answer.citations),
            tokens=answer.usage.prompt_tokens + answer.usage.completion_tokens,
        )
