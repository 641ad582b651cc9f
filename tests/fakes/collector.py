"""An OpenTelemetry collector on loopback: decodes what the real exporter sends it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """The server. `spans` are as they came over the wire, `paths` where they were sent to."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, object] = {}
        self.paths: set[str] = set()
        self.raw = b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> "Collector":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def named(self, name: str) -> Span:
        """The one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.raw += body
                collector.paths.add(self.path)
                for part in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for pair in part.resource.attributes:
                        collector.resource[pair.key] = pair.value.string_value
                    for scope in part.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def attributes(span: Span) -> dict[str, object]:
    """The attributes of a span, lists as tuples."""
    told: dict[str, object] = {}
    for pair in span.attributes:
        kind = pair.value.WhichOneof("value") or "string_value"
        value = getattr(pair.value, kind)
        is_list = kind == "array_value"
        told[pair.key] = tuple(v.string_value for v in value.values) if is_list else value
    return told
