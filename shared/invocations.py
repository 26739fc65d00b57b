"""A function's run as a span: the request that it answers, or its trigger's call."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Literal, TypeVar, cast

import azure.functions as func
from opentelemetry.trace import Span, SpanKind

from shared.logs import Failed, trace
from shared.repository import Cost, charged_to
from shared.telemetry import FUNCTION, TRIGGER, fail, instruments, span

Function = TypeVar("Function", bound=Callable[..., Awaitable[None]])


@contextmanager
def request(
    function: str, method: str, route: str, headers: Mapping[str, str], request_id: str
) -> Iterator[Span]:
    """The run of an HTTP-triggered function; the caller's trace, or the host's, goes on in it.

    The host forwards a request by a plain SocketsHttpHandler (its DefaultHttpProxyService.cs), which adds the
    host's own `traceparent` where the caller has sent none.
    """
    attributes = {
        FUNCTION: function,
        TRIGGER: "http",
        "http.request.method": method,
        "http.route": route,
        "conversations.request_id": request_id,
    }
    with charged_to(function), span(function, SpanKind.SERVER, attributes, caller=headers) as one:
        yield one


def answered(running: Span, status: int, cost: Cost) -> None:
    """Note what came of a request, and what it has cost until now; a stream goes on."""
    running.set_attributes(
        {
            "http.response.status_code": status,
            "azure.cosmosdb.operation.request_charge": cost.charge,
            "conversations.round_trips": cost.calls,
        }
    )
    if status >= 500:
        fail(running, str(status))


def background(trigger: Literal["datasource", "timer"]) -> Callable[[Function], Function]:
    """Trace a function that nobody asks for; trigger: what calls it.

    It raises Failed alone: the host logs what an exception and its causes say.

    The worker passes a `context` to whoever takes one; its `trace_context` is the host's invocation:
    https://learn.microsoft.com/python/api/azure-functions/azure.functions.tracecontext
    """

    def traced(function: Function) -> Function:
        name = function.__name__
        attributes = {FUNCTION: name, TRIGGER: trigger}

        @wraps(function)
        async def run(*args: object, context: func.Context | None = None, **given: object) -> None:
            try:
                with charged_to(name), span(name, SpanKind.SERVER, attributes, caller=_headers(context)):
                    await function(*args, **given)
            except Exception as error:
                raise Failed(trace(error)) from None

        taken = signature(function)
        asked = Parameter("context", Parameter.KEYWORD_ONLY, default=None)
        run.__signature__ = taken.replace(parameters=[*taken.parameters.values(), asked])  # type: ignore[attr-defined]  # what the worker looks at
        return cast(Function, run)  # which takes a `context` besides

    return traced


def _headers(context: func.Context | None) -> dict[str, str]:
    if context is None:
        return {}
    found = context.trace_context
    return {"traceparent": found.trace_parent or "", "tracestate": found.trace_state or ""}


def note_lag(function: str, documents: Iterable[Mapping[str, Any]], now: int) -> None:
    """How long the oldest change of a batch has waited; `_ts` is in seconds."""
    oldest = min((one["_ts"] for one in documents if isinstance(one.get("_ts"), int)), default=None)
    if oldest is not None:
        lag = max(0.0, now / 1000 - oldest)
        instruments().feed_lag.record(lag, {"function": function})
