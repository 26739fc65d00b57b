"""What the service tells of itself: a span for each thing that takes time, and the metrics.

Only the OpenTelemetry API, and cheap while nobody listens (`use`). The providers are our own, not the
process's: libraries (FastAPI, the SDKs) trace by themselves into those, with whole addresses and the texts
of exceptions. So attributes are what stands here: names, numbers and codes, never what a user has written or
is called; of an exception its type. Names as in https://opentelemetry.io/docs/specs/semconv/.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.metrics import Meter, MeterProvider, NoOpMeterProvider
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE = "conversations"
# What tells our rows in Application Insights apart: it names a request by method and route, and the Functions
# host has rows of its own, with `faas.trigger` (its OpenTelemetryConfigurationExtensions.cs).
FUNCTION, TRIGGER = "conversations.function", "conversations.trigger"
# Seconds, for what a person may wait for up to what nobody should.
_LAG_BUCKETS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600]

Attributes = Mapping[str, str | int | float]
_caller = TraceContextTextMapPropagator()


class Instruments:
    """The metrics. What they are split by has few values: no user, tenant or conversation."""

    def __init__(self, meter: Meter) -> None:
        self.title_lag = meter.create_histogram(
            "conversations.title.lag",
            "s",
            "From when a title became due to when it was stored",
            explicit_bucket_boundaries_advisory=_LAG_BUCKETS,
        )
        self.feed_lag = meter.create_histogram(
            "conversations.change_feed.lag",
            "s",
            "Age of the oldest change that a trigger was given",
            explicit_bucket_boundaries_advisory=_LAG_BUCKETS,
        )
        self.dead_letters = meter.create_counter(
            "conversations.dead_letters", "{letter}", "Background work given up, by kind and reason"
        )
        self.turns = meter.create_counter("conversations.turns", "{turn}", "Turns that ended, by how and why")
        self.request_units = meter.create_counter(
            "conversations.request_units", "{request_unit}", "What the database charged, by function"
        )
        self.model_seconds = meter.create_histogram(
            "gen_ai.client.operation.duration", "s", "Calls of the model, by what came of them"
        )
        self.first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", "Until the model says something"
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of a call, by direction"
        )


class _Listener:
    """Who listens; nobody at first."""

    def __init__(self, tracers: TracerProvider | None, meters: MeterProvider | None) -> None:
        self.tracer = tracers.get_tracer(SCOPE) if tracers else None
        self.instruments = Instruments((meters or NoOpMeterProvider()).get_meter(SCOPE))


_listener = _Listener(None, None)


def use(tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
    """Tell these from now on; None: nobody."""
    global _listener
    _listener = _Listener(tracers, meters)


def instruments() -> Instruments:
    """The metrics, to add to."""
    return _listener.instruments


@contextmanager
def span(
    name: str,
    kind: SpanKind,
    attributes: Attributes,
    *,
    caller: Mapping[str, str] | None = None,
    foreseen: tuple[type[BaseException], ...] = (),
) -> Iterator[Span]:
    """What runs inside, tasks started there included; an exception that leaves marks it failed.

    caller: the headers of whoever asks, whose trace it goes on with; None: it is part of the span it runs
    in. foreseen: exceptions that are no failure.
    """
    if _listener.tracer is None:
        yield INVALID_SPAN
        return
    parent = None if caller is None else _caller.extract(caller, Context())
    with _listener.tracer.start_as_current_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as running:
        try:
            yield running
        except foreseen:
            raise
        except BaseException as error:
            fail(running, type(error).__qualname__)
            raise


def fail(running: Span, reason: str) -> None:
    """It failed. reason: a type or a code, never a text."""
    running.set_attribute("error.type", reason)
    running.set_status(StatusCode.ERROR)
