"""Traces for an OpenTelemetry collector: a span for each request, answer, stage and model call.

Names and attributes follow OpenTelemetry's semantic conventions for HTTP servers (stable) and for
generative AI (development). Never in a span: what was asked or answered, keys, and the ids that
open an answer.
"""

import threading
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.errors import CitelightError, InvalidInput
from service import events
from service.citations import Answer
from service.events import Event
from service.generate import Delta, Generator, Prompt, Usage

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanKind

EXTRA = (
    "CITELIGHT_OTLP_ENDPOINT needs the extra `otel`. Install it with: pip install 'citelight[otel]'"
)
_PATH = "/v1/traces"  # where collectors take traces by OTLP over HTTP
_CLOSE_S = 5.0  # what the last spans get to leave in
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_WORKFLOW = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "answer"}
_SPAN_OF_STAGE = {"searching": "retrieval"}

_around: ContextVar["Span | None"] = ContextVar("span", default=None)  # a task's own, not shared

Attribute = str | int | float | bool


class Tracing:
    """Sends spans to the collector at `endpoint`, in a thread of its own.

    A collector that is slow or away costs spans, never time. `OTEL_` variables of the environment
    go to the SDK: headers for the collector, sampling, further names of the resource.
    """

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the collector's base URL, or the one that it takes traces at.

        Raises:
            InvalidInput: the extra is not installed, or the endpoint is no http address.
        """
        _check(endpoint)
        try:
            self._provider = _provider(endpoint)
        except ImportError as error:
            raise InvalidInput(EXTRA) from error
        self._tracer = self._provider.get_tracer("citelight", version("citelight"))

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """Sends what is left, in at most that time."""
        # The SDK waits for half a minute where the collector does not answer.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(timeout_s)

    @contextmanager
    def request(
        self, method: str, headers: Mapping[str, str], attributes: Mapping[str, Attribute]
    ) -> Iterator["RequestSpan"]:
        """The span of a request, which what is traced within the block belongs to.

        It is a child of the caller's span where `headers` name one as W3C trace context does.
        """
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        known = method if method in _METHODS else "_OTHER"
        name = method if method in _METHODS else "HTTP"
        caller = TraceContextTextMapPropagator().extract(headers, Context())
        told = {"http.request.method": known, **attributes}
        named = RequestSpan(self._tracer.start_span(name, caller, SpanKind.SERVER, told), name)
        token = _around.set(named.span)
        try:
            yield named
        except BaseException as error:
            _fail(named.span, type(error).__name__)
            raise
        finally:
            _around.reset(token)
            named.span.end()

    async def watch(self, stream: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """The same events, with a span for the answer and one for each of its stages."""
        parent = _around.get()
        answer = self.start("invoke_workflow answer", parent, attributes=_WORKFLOW)
        stage: Span | None = None
        end = "stopped"
        try:
            async with aclosing(stream):
                async for event in stream:
                    if isinstance(event, events.Status):
                        stage = self._enter(event.stage, stage, answer)
                    end = "" if isinstance(event, events.Done) else end
                    _tell(event, answer, stage)
                    yield event
        except Exception as error:
            end = type(error).__name__ if isinstance(error, CitelightError) else "internal"
            raise
        finally:
            for span in filter(None, (stage, answer)):
                if end:
                    _fail(span, end)
                span.end()
            _around.set(parent)

    def _enter(self, name: str, before: "Span | None", answer: "Span") -> "Span":
        if before:
            before.end()
        named = _SPAN_OF_STAGE.get(name, name)
        told = {"gen_ai.operation.name": named} if named == "retrieval" else {}
        stage = self.start(named, answer, attributes=told)
        _around.set(stage)
        return stage

    def start(
        self,
        name: str,
        parent: "Span | None",
        kind: "SpanKind | None" = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> "Span":
        """A new span, of the parent's trace or of one of its own. Whoever starts it ends it."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context

        within = set_span_in_context(parent, Context()) if parent else Context()
        return self._tracer.start_span(name, within, kind or SpanKind.INTERNAL, attributes)


@dataclass(slots=True)
class RequestSpan:
    """The span of a request under way."""

    span: "Span"
    _method: str

    def routed(self, route: str) -> None:
        """Names the span by the pattern of the route that took the request.

        The path itself is only told where it holds no id and no word of the caller's.
        """
        self.span.update_name(f"{self._method} {route}")
        self.span.set_attribute("http.route", route)
        if "{" not in route:
            self.span.set_attribute("url.path", route)

    def responded(self, status: int) -> None:
        """Notes the status of the response."""
        self.span.set_attribute("http.response.status_code", status)
        if status >= 500:
            _fail(self.span, str(status))


class TracedGenerator:
    """Writes as `inner` does, with a span for each of its calls to the model, retries and all."""

    def __init__(self, inner: Generator, tracing: Tracing, *, base_url: str, provider: str) -> None:
        """`provider` is one of the names that the conventions give to formats of APIs."""
        self.name = inner.name
        self.context_window = inner.context_window
        self.max_answer_tokens = inner.max_answer_tokens
        self._inner = inner
        self._tracing = tracing
        self._told: dict[str, Attribute] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": inner.name,
            "gen_ai.request.stream": True,
            **_server(base_url),
        }

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Delta | Usage, None]:
        """The text as it is written, then exactly one `Usage`."""
        from opentelemetry.trace import SpanKind

        told = {**self._told, "gen_ai.request.max_tokens": prompt.max_tokens}
        span = self._tracing.start(f"chat {self.name}", _around.get(), SpanKind.CLIENT, told)
        began, has_text, end = time.perf_counter(), False, "stopped"
        try:
            async with aclosing(self._inner.generate(prompt)) as parts:
                async for part in parts:
                    if isinstance(part, Usage):
                        _used(span, part)
                        end = ""
                    elif not has_text:
                        has_text = True
                        waited = time.perf_counter() - began
                        span.set_attribute("gen_ai.response.time_to_first_chunk", waited)
                    yield part
        except Exception as error:
            end = type(error).__name__
            raise
        finally:
            if end:
                _fail(span, end)
            span.end()


def _check(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_http = False
    if not is_http:
        raise InvalidInput(
            f"CITELIGHT_OTLP_ENDPOINT is {endpoint!r}. Give the http address of a collector, as "
            f"http://127.0.0.1:4318."
        )


def _provider(endpoint: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = Resource({"service.name": "citelight", "service.version": version("citelight")})
    # The environment's words for the resource go before ours.
    provider = TracerProvider(
        resource=about.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    url = endpoint.rstrip("/").removesuffix(_PATH) + _PATH
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
    return provider


def _tell(event: Event, answer: "Span", stage: "Span | None") -> None:
    """Notes figures of an event; none of its words."""
    if isinstance(event, events.Sources) and stage:
        stage.set_attribute("citelight.papers", len(event.papers))
    elif isinstance(event, events.Restart):
        answer.add_event("restart")
    elif isinstance(event, events.Done):
        for name, value in _figures(event.answer).items():
            answer.set_attribute(f"citelight.answer.{name}", value)


def _figures(answer: Answer) -> dict[str, Attribute]:
    n_refused = sum(s.verdict in ("altered", "uncited") for s in answer.sentences)
    return {
        "state": answer.state,
        "engine": answer.engine,
        "depth": answer.depth,
        "sentences": len(answer.sentences),
        "sentences_refused": n_refused,
        "citations": len(answer.citations),
        "first_text_ms": answer.timings.first_delta_ms,
    }


def _used(span: "Span", usage: Usage) -> None:
    if usage.prompt_tokens is not None:
        span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
    if usage.completion_tokens is not None:
        span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
    span.set_attribute("gen_ai.response.finish_reasons", ["length" if usage.is_cut else "stop"])


def _fail(span: "Span", kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _server(base_url: str) -> dict[str, Attribute]:
    """The address of a model's server; whatever else its URL holds stays out."""
    parts = urlsplit(base_url or "https://api.openai.com")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
