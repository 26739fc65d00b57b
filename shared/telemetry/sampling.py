"""Which traces are kept: all of triggers and timers, and of requests a share, each with all of its parts."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from shared.telemetry import TRIGGER

# How many of a hundred are kept: by it Application Insights counts the rest in (`ItemCount`), see
# `_SAMPLE_RATE_KEY` of azure-monitor-opentelemetry-exporter.
_RATE = "_MS.sampleRate"


class Share(Sampler):
    """Keeps a share of requests, 0 to 1; what the caller has decided counts for nothing."""

    def __init__(self, share: float) -> None:
        self._rate = share * 100
        self._of_requests = TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """As the SDK asks when a span begins."""
        parent = get_current_span(parent_context)
        about, rate = dict(attributes or {}), 100.0
        if isinstance(parent, ReadableSpan):
            rate = float((parent.attributes or {}).get(_RATE, rate))  # type: ignore[arg-type]  # it is ours
        elif parent.get_span_context().is_valid and not parent.get_span_context().is_remote:
            return SamplingResult(Decision.DROP)
        elif about.get(TRIGGER) == "http":
            if self._of_requests.should_sample(None, trace_id, name).decision is Decision.DROP:
                return SamplingResult(Decision.DROP)
            rate = self._rate
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {**about, _RATE: rate}, trace_state)

    def get_description(self) -> str:
        """For the SDK's own use."""
        return f"Share({self._rate} %)"
