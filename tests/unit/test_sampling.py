"""Which traces are kept."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from shared import telemetry
from shared.telemetry import TRIGGER, span
from shared.telemetry.sampling import Share


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracers = TracerProvider(Share(0.25), shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.use(tracers)
    yield exporter
    telemetry.use()


def _run(trigger: str, caller: str = "") -> None:
    """A run with a call of the database in it."""
    with (
        span("run", SpanKind.SERVER, {TRIGGER: trigger}, caller={"traceparent": caller}),
        span("call", SpanKind.CLIENT, {}),
    ):
        pass


def test_of_requests_a_share_is_kept_each_whole_and_says_how_many_it_stands_for(
    kept: InMemorySpanExporter,
) -> None:
    for _ in range(400):
        _run("http")

    spans = kept.get_finished_spans()
    runs = {one.context.trace_id for one in spans if one.name == "run"}
    calls = {one.context.trace_id for one in spans if one.name == "call"}
    assert runs == calls
    assert 50 < len(runs) < 160  # a hundred, and far more than luck on either side
    assert {(one.attributes or {})["_MS.sampleRate"] for one in spans} == {25}


def test_triggers_and_timers_are_all_kept(kept: InMemorySpanExporter) -> None:
    for trigger in ("timer", "datasource"):
        for _ in range(20):
            _run(trigger)

    assert len(kept.get_finished_spans()) == 80
    assert {(one.attributes or {})["_MS.sampleRate"] for one in kept.get_finished_spans()} == {100}


@pytest.mark.parametrize("flags", ["00", "01"])
def test_the_callers_decision_is_not_ours(kept: InMemorySpanExporter, flags: str) -> None:
    """By the trace's id it is decided, on every instance alike."""
    _run("http", f"00-{'0' * 15}1{'0' * 15}1-b7ad6b7169203331-{flags}")
    _run("http", f"00-{'f' * 32}-b7ad6b7169203331-{flags}")

    assert [one.name for one in kept.get_finished_spans()] == ["call", "run"]
