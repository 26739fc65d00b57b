"""Where telemetry goes: Application Insights, a collector of OTLP, both, or nowhere.

Nothing of it is imported before it is wanted: the SDK by the first to `start`, what sends by the thread that
sends first. See docs/decisions/0010.
"""

import atexit
from functools import partial
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    from shared.telemetry.providers import Destination, Providers

_providers: "Providers | None" = None


def start(settings: Settings) -> None:
    """Send what the service tells to where the settings say, from now on; once a process."""
    global _providers
    wanted = settings.applicationinsights_connection_string or settings.otel_exporter_otlp_endpoint
    if _providers or not wanted:
        return
    from shared.telemetry.providers import Providers

    _providers = Providers(destinations(settings), settings)
    telemetry.use(_providers.tracers, _providers.meters)
    atexit.register(stop)


def stop() -> None:
    """Send what is left, for a moment at most, and nothing from then on."""
    global _providers
    ending, _providers = _providers, None
    if ending:
        telemetry.use()
        ending.close()


def destinations(settings: Settings) -> "list[Destination]":
    """Where the settings say that it goes."""
    from shared.telemetry.providers import Destination

    found = []
    if connection := settings.applicationinsights_connection_string:
        to = {"connection_string": connection, "disable_offline_storage": True}
        found.append(Destination(partial(_azure_spans, to), partial(_azure_metrics, to), deltas=True))
    if settings.otel_exporter_otlp_endpoint:
        found.append(Destination(_otlp_spans, _otlp_metrics, deltas=False))
    return found


# The identity that these sign with is named by APPLICATIONINSIGHTS_AUTHENTICATION_STRING, which they read.
# Any: their options, which are not typed.
def _azure_spans(to: dict[str, Any], tracers: "TracerProvider") -> "SpanExporter":
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

    return AzureMonitorTraceExporter(**to, tracer_provider=tracers)


def _azure_metrics(to: dict[str, Any]) -> "MetricExporter":
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter

    return AzureMonitorMetricExporter(**to)


# These read OTEL_EXPORTER_OTLP_ENDPOINT, and the other OTEL_EXPORTER_OTLP_* of its specification.
def _otlp_spans(_: "TracerProvider") -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _otlp_metrics() -> "MetricExporter":
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter()
