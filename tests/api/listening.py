"""Who listens to what the service tells of itself: every span and metric, in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import telemetry
from shared.telemetry.sampling import Share


class Heard:
    """What has been told so far."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.tracers = TracerProvider(Share(1), shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._metrics], shutdown_on_exit=False)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Those that have ended, in order, whose names begin so."""
        return [one for one in self._spans.get_finished_spans() if one.name.startswith(name)]

    def span(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (one,) = [one for one in self.spans() if one.name == name]
        return one

    def of_database(self) -> list[ReadableSpan]:
        """Calls of Cosmos DB."""
        return [one for one in self.spans() if "db.system.name" in attributes(one)]

    def forget_spans(self) -> None:
        """Begin anew."""
        self._spans.clear()

    def points(self, metric: str) -> dict[tuple[Any, ...], Any]:
        """The points of a metric by the values of their attributes, sorted by the attributes' names."""
        data = self._metrics.get_metrics_data()
        found = [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        ]
        return {
            tuple(value for _, value in sorted((point.attributes or {}).items())): point for point in found
        }

    def text(self) -> str:
        """All of it."""
        data = self._metrics.get_metrics_data()
        return "\n".join([*(one.to_json() for one in self.spans()), data.to_json() if data else ""])


def _values(of: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return tuple(value for _, value in sorted((of or {}).items()))


def attributes(one: ReadableSpan) -> dict[str, Any]:
    """A span's attributes, but for the share that it stands for."""
    return {name: value for name, value in (one.attributes or {}).items() if name != "_MS.sampleRate"}


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear what is told inside."""
    heard = Heard()
    telemetry.use(heard.tracers, heard.meters)
    try:
        yield heard
    finally:
        telemetry.use()
        heard.meters.shutdown()
