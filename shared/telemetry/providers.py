"""The OpenTelemetry providers: they collect what the service tells, and send it from threads of their own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.settings import Settings
from shared.telemetry.sampling import Share

# How long the end of a process may take over what is left to be sent.
LAST_SECONDS = 0.8
_SINCE_THE_LAST_TIME: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}


@dataclass(frozen=True, slots=True)
class Destination:
    """What makes its exporters. deltas: it wants counts since the last time, not since the start."""

    spans: Callable[[TracerProvider], SpanExporter]
    metrics: Callable[[], MetricExporter]
    deltas: bool


class Providers:
    """Those of the service, from now until `close`."""

    def __init__(self, destinations: Sequence[Destination], settings: Settings) -> None:
        names = {SERVICE_NAME: settings.otel_service_name, SERVICE_INSTANCE_ID: settings.website_instance_id}
        about = Resource.create({key: name for key, name in names.items() if name})
        self.tracers = TracerProvider(Share(settings.traces_kept), about, shutdown_on_exit=False)
        for destination in destinations:
            late = _LateSpans(partial(destination.spans, self.tracers))
            self.tracers.add_span_processor(BatchSpanProcessor(late))
        readers = [PeriodicExportingMetricReader(_LateMetrics(one)) for one in destinations]
        self.meters = MeterProvider(readers, about, shutdown_on_exit=False)
        self._ending = threading.Event()
        # It is there from the start, since the end of a process is too late to begin a thread.
        self._closing = threading.Thread(target=self._close, daemon=True)
        self._closing.start()

    def close(self) -> None:
        """Send what is left; returns after LAST_SECONDS even if that hangs."""
        self._ending.set()
        self._closing.join(LAST_SECONDS)

    def _close(self) -> None:
        self._ending.wait()
        self.tracers.shutdown()
        self.meters.shutdown()


class _LateSpans(SpanExporter):
    """An exporter that is made in the thread that exports, where its import holds up nobody."""

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._make = make
        self._made: SpanExporter | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them."""
        self._made = self._made or self._make()
        return self._made.export(spans)

    def shutdown(self) -> None:
        """Close what was made."""
        if self._made:
            self._made.shutdown()


class _LateMetrics(MetricExporter):
    """The same for metrics."""

    def __init__(self, destination: Destination) -> None:
        super().__init__(preferred_temporality=_SINCE_THE_LAST_TIME if destination.deltas else None)
        self._make = destination.metrics
        self._made: MetricExporter | None = None

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send them. Any: as the SDK has it."""
        self._made = self._made or self._make()
        return self._made.export(metrics_data, timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is held back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close what was made."""
        if self._made:
            self._made.shutdown(timeout_millis, **kwargs)
