"""A call of the model, as it is traced: which model, how many tokens, how soon. Never what was said.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.trace import Span, SpanKind

from shared.ai.shapes import Answer
from shared.telemetry import instruments, span

# What an answer's end is called in a completion.
_FINISHED = {None: "stop", "max_output_tokens": "length", "content_filter": "content_filter"}


class ModelCall:
    """One that is under way."""

    def __init__(self, running: Span, about: dict[str, str]) -> None:
        self._span = running
        self._about = about
        self._started = time.perf_counter()
        self._heard = False

    def heard(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        """The same, which notes when the first piece came."""

        def first(text: str) -> None:
            if not self._heard:
                self._heard = True
                seconds = self._seconds()
                self._span.set_attribute("gen_ai.response.time_to_first_chunk", seconds)
                instruments().first_chunk.record(seconds, self._about)
            tell(text)

        return first

    def answered(self, answer: Answer) -> None:
        """What came of it."""
        self._span.set_attribute("gen_ai.response.model", answer.model)
        self._span.set_attribute("gen_ai.response.finish_reasons", [_FINISHED[answer.incomplete_reason]])
        self._span.set_attribute("gen_ai.usage.input_tokens", answer.usage.input_tokens)
        self._span.set_attribute("gen_ai.usage.output_tokens", answer.usage.output_tokens)
        self._used("input", answer.usage.input_tokens)
        self._used("output", answer.usage.output_tokens)

    def ended(self, error: BaseException | None) -> None:
        """How long it took, and what it failed with."""
        about = {**self._about, "error.type": type(error).__qualname__} if error else self._about
        instruments().model_seconds.record(self._seconds(), about)

    def _used(self, direction: str, tokens: int) -> None:
        instruments().tokens.record(tokens, {**self._about, "gen_ai.token.type": direction})

    def _seconds(self) -> float:
        return time.perf_counter() - self._started


@contextmanager
def model_call(provider: str, deployment: str, *, streamed: bool) -> Iterator[ModelCall]:
    """Trace a call, its retries included; one that was stopped has not failed."""
    about = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": deployment,
    }
    stopped = (asyncio.CancelledError,)
    with span(f"chat {deployment}", SpanKind.CLIENT, about, foreseen=stopped) as running:
        running.set_attribute("gen_ai.request.stream", streamed)
        call = ModelCall(running, about)
        try:
            yield call
        except BaseException as error:
            call.ended(error)
            raise
        call.ended(None)
