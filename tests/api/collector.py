"""A collector of OTLP, and Application Insights' intake, on this machine: they keep what comes."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(ThreadingHTTPServer):
    """Listens on a free port. hanging: it takes what comes and never answers, until it is closed.

    rows: what would become rows of the tables in Application Insights; `table`: of which.
    """

    daemon_threads = True

    def __init__(self, *, hanging: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.hanging = hanging
        self.over = threading.Event()
        self.asked = threading.Event()
        self.spans: list[Span] = []
        self.metrics: set[str] = set()
        self.services: set[str] = set()
        self.rows: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def connection_string(self) -> str:
        """For APPLICATIONINSIGHTS_CONNECTION_STRING."""
        return f"InstrumentationKey={'0' * 8}{'-0000' * 3}-{'0' * 12};IngestionEndpoint={self.url}/"

    def handle_error(self, *_: object) -> None:
        """Who sent it is gone: its process was told to end."""

    def take(self, path: str, body: bytes) -> dict[str, Any]:
        """Keep what came; what to answer."""
        self.asked.set()
        if self.hanging:
            self.over.wait()
        elif path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.services |= {
                    one.value.string_value
                    for one in resource.resource.attributes
                    if one.key == "service.name"
                }
                self.spans += [one for scope in resource.scope_spans for one in scope.spans]
        elif path == "/v1/metrics":
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {one.name for scope in metrics.scope_metrics for one in scope.metrics}
        else:
            self.rows += [
                row["data"]["baseData"] | {"table": row["data"]["baseType"]} for row in json.loads(body)
            ]
            return {"itemsReceived": len(self.rows), "itemsAccepted": len(self.rows), "errors": []}
        return {}


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """One batch."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        answer = json.dumps(self.server.take(self.path, gzip.decompress(body) if packed else body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collecting(*, hanging: bool = False) -> Iterator[Collector]:
    """A collector that runs inside."""
    collector = Collector(hanging=hanging)
    serving = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield collector
    finally:
        collector.over.set()
        collector.shutdown()
        serving.join()
        collector.server_close()
