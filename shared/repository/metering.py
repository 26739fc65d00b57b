"""What a request costs at the database: its calls and their request charge."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry.trace import Span, SpanKind

from shared.telemetry import instruments, span


@dataclass(slots=True)
class Cost:
    """Calls answered by the database and request units that they were charged."""

    calls: int = 0
    charge: float = 0.0


_running: ContextVar[Cost | None] = ContextVar("cost", default=None)
_calling: ContextVar[Cost | None] = ContextVar("call", default=None)
_function: ContextVar[str] = ContextVar("function", default="none")


@contextmanager
def metered() -> Iterator[Cost]:
    """Count what runs inside, tasks started there included."""
    cost = Cost()
    token = _running.set(cost)
    try:
        yield cost
    finally:
        _running.reset(token)


@contextmanager
def charged_to(function: str) -> Iterator[None]:
    """What runs inside, tasks started there included, asks the database for this function."""
    token = _function.set(function)
    try:
        yield
    finally:
        _function.reset(token)


@contextmanager
def calling(operation: str, collection: str, foreseen: tuple[type[Exception], ...]) -> Iterator[Span]:
    """A call of the database, which may take several round trips: pages of a query that come empty.

    foreseen: what it may answer without having failed.
    """
    attributes = {
        "db.system.name": "azure.cosmosdb",
        "db.operation.name": operation,
        "db.collection.name": collection,
    }
    with span(f"{operation} {collection}", SpanKind.CLIENT, attributes, foreseen=foreseen) as running:
        call = Cost()
        token = _calling.set(call)
        try:
            yield running
        finally:
            _calling.reset(token)
            running.set_attributes(
                {
                    "azure.cosmosdb.operation.request_charge": call.charge,
                    "conversations.round_trips": call.calls,
                }
            )


def count_call(charge: float) -> None:
    """Add one round trip to whatever is being metered."""
    for cost in (_running.get(), _calling.get()):
        if cost:
            cost.calls += 1
            cost.charge += charge
    instruments().request_units.add(charge, {"function": _function.get()})


def spent() -> float:
    """Request units that what is being metered has been charged so far."""
    return cost.charge if (cost := _running.get()) else 0.0
