"""What the service counts about itself, as Prometheus reads it: a registry an application."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ingest.errors import CitelightError
from service import events
from service.citations import Answer
from service.events import Event

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # which every scraper reads
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_REFUSED = ("nearby", "not_in_library")


@dataclass(slots=True)
class _Watch:
    """The clock of one answer: when it began, and the stage it is at."""

    began: float = field(default_factory=time.perf_counter)
    stage: str = ""
    stage_began: float = 0.0
    has_text: bool = False


class Meters:
    """Counts requests and answers. Safe to use from many tasks and threads."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        ProcessCollector(registry=own)
        self._requests = Counter(
            "citelight_requests",
            "HTTP requests, by the pattern of their address.",
            ["method", "route", "status"],
            registry=own,
        )
        self._request_s = Histogram(
            "citelight_request_seconds",
            "Seconds to the end of a response; of a stream, to its last event.",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )
        self._answers = Counter(
            "citelight_answers",
            "Finished answers, by state and engine.",
            ["state", "engine"],
            registry=own,
        )
        self._refusals = Counter(
            "citelight_refusals", "Answers that say the library does not know.", registry=own
        )
        self._failures = Counter(
            "citelight_failures", "Answers that failed or were stopped.", ["type"], registry=own
        )
        self._under_way = Gauge(
            "citelight_answers_under_way", "Answers being made now.", registry=own
        )
        self._stage_s = Histogram(
            "citelight_stage_seconds",
            "Seconds an answer spent at a stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=own,
        )
        self._first_s = Histogram(
            "citelight_first_text_seconds",
            "Seconds from a question to the first text of its answer.",
            buckets=_SECONDS,
            registry=own,
        )
        self._tokens = Counter(
            "citelight_tokens", "Tokens sent to and written by the model.", ["kind"], registry=own
        )
        self._cost = Counter("citelight_cost", "What the model's work cost.", registry=own)
        self._verdicts = Counter(
            "citelight_sentences", "Sentences of answers, by verdict.", ["verdict"], registry=own
        )

    def text(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self.registry)

    def look_at(self, name: str, about: str, figure: Callable[[], float]) -> None:
        """Adds a gauge that is looked up whenever the figures are read."""
        self.registry.register(_Looked(name, about, figure))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is a pattern, so that there are few of them."""
        self._requests.labels(method, route, status).inc()
        self._request_s.labels(route).observe(seconds)

    async def watch(self, stream: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """The same events, counted on their way."""
        clock, end = _Watch(), "stopped"
        self._under_way.inc()
        try:
            async with aclosing(stream):
                async for event in stream:
                    self._see(event, clock)
                    end = "" if isinstance(event, events.Done) else end
                    yield event
        except Exception as error:
            end = type(error).__name__ if isinstance(error, CitelightError) else "internal"
            raise
        finally:
            self._under_way.dec()
            self._enter("", clock)
            if end:
                self._failures.labels(end).inc()

    def _see(self, event: Event, clock: _Watch) -> None:
        if isinstance(event, events.Status):
            self._enter(event.stage, clock)
        elif isinstance(event, events.Delta) and not clock.has_text:
            clock.has_text = True
            self._first_s.observe(time.perf_counter() - clock.began)
        elif isinstance(event, events.Done):
            self._count(event.answer)

    def _enter(self, stage: str, clock: _Watch) -> None:
        now = time.perf_counter()
        if clock.stage:
            self._stage_s.labels(clock.stage).observe(now - clock.stage_began)
        clock.stage, clock.stage_began = stage, now

    def _count(self, answer: Answer) -> None:
        self._answers.labels(answer.state, answer.engine).inc()
        if answer.state in _REFUSED:
            self._refusals.inc()
        self._tokens.labels("prompt").inc(answer.usage.prompt_tokens)
        self._tokens.labels("completion").inc(answer.usage.completion_tokens)
        self._cost.inc(answer.usage.cost)
        for sentence in answer.sentences:
            self._verdicts.labels(sentence.verdict).inc()


class _Looked(Collector):
    """A gauge without a value of its own."""

    def __init__(self, name: str, about: str, figure: Callable[[], float]) -> None:
        self._family = (name, about)
        self._figure = figure

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(*self._family, value=self._figure())
